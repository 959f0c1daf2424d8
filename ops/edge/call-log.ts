/**
 * The call log of the edge: a line of JSON for each call of a shopper, from which `flashsale record` makes a
 * recording. It is off unless asked for. A line has what a person could be told by (address, claims of the
 * token), but nothing by which somebody could act as them: no signature of a token or a ticket.
 */

/** A line, in the words of nginx. `ops/load/recording/call-log.ts` reads it. */
const FIELDS = {
  // The end of the call, and how long it took, in seconds.
  end: '$msec',
  seconds: '$request_time',
  status: '$status',
  method: '"$request_method"',
  path: '"$logged_path"',
  verdict: '"$sent_http_x_verdict"',
  address: '"$remote_addr"',
  // The calls of a page before its shopper has a token are known by it.
  connection: '"$hostname/$pid/$connection"',
  claims: '"$logged_claims"',
  key: '"$http_idempotency_key"',
  sku: '"$logged_sku"',
  quantity: '"$logged_quantity"',
};

const FORMAT = Object.entries(FIELDS).map(([name, value]) => `"${name}":${value}`);

/** Evaluated for a line alone: nothing of it is computed while the log is off. */
const LINES = [
  'map $http_authorization $logged_claims {',
  String.raw`    "~*^Bearer +[^. ]+\.(?<token_claims>[^. ]+)\." $token_claims;`,
  '    default "";',
  '}',
  'map $request_uri $logged_path {',
  String.raw`    "~^(?<unsigned_ticket>/api/v1/buy/[^?]*)\." $unsigned_ticket;`,
  '    default $request_uri;',
  '}',
  'map $request_uri $is_logged {',
  String.raw`    "~^/(sales/[^/?]+|api/v1/(sales/.+|buy/.+|requests/.+|orders|orders/.+|demo/.+|notices))(\?|$)" 1;`,
  '    default "";',
  '}',
  'map $request_body $logged_sku {',
  `    '~"sku" *: *"(?<body_sku>[A-Za-z0-9_-]+)"' $body_sku;`,
  '    default "";',
  '}',
  'map $request_body $logged_quantity {',
  `    '~"quantity" *: *(?<body_quantity>[0-9]+)' $body_quantity;`,
  '    default "";',
  '}',
  `log_format calls escape=json '{${FORMAT.join(',')}}';`,
];

/** @param file undefined: no line is written */
export function callLogBlocks(file: string | undefined): Record<string, readonly string[]> {
  if (file === undefined) return { call_log_format: [], call_log: [] };
  return {
    call_log_format: LINES,
    call_log: [`access_log ${file} calls buffer=64k flush=1s if=$is_logged;`],
  };
}
