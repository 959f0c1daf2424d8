/**
 * The call log of the edge: a line of JSON for each call of a shopper, from which `flashsale record` makes a
 * recording. It is off unless asked for. A line has what a person could be told by (address, claims of the
 * token), but nothing by which somebody could act as them: no signature of a token, a ticket or a receipt.
 */

/** A line, in the words of nginx. `ops/load/recording/call-log.ts` reads it. */
const FIELDS = {
  // The end of the call, and how long it took, in seconds.
  end: '$msec',
  seconds: '$request_time',
  status: '$status',
  method: '"$request_method"',
  path: '"$logged_path$logged_wait"',
  verdict: '"$sent_http_x_verdict"',
  address: '"$remote_addr"',
  // The calls of a page before its shopper has a token are known by it.
  connection: '"$hostname/$pid/$connection"',
  claims: '"$logged_claims"',
  key: '"$logged_key"',
  sku: '"$logged_sku"',
  quantity: '"$logged_quantity"',
};

const FORMAT = Object.entries(FIELDS).map(([name, value]) => `"${name}":${value}`);

/** Evaluated for a line alone: nothing of it is computed while the log is off. */
const LINES = [
  'map $http_authorization $logged_claims {',
  String.raw`    "~*^Bearer +[^. ]+\.(?<token_claims>[^. ]{1,4096})\." $token_claims;`,
  '    default "";',
  '}',
  // `$path` has no query: a link to the page may have the address of its reader there.
  'map $path $logged_path {',
  String.raw`    "~^(?<unsigned_ticket>/api/v1/buy/.*)\." $unsigned_ticket;`,
  // A ticket with its dots written as `%2E` has its signature still.
  '    "~^/api/v1/buy/" /api/v1/buy/;',
  // A receipt is `<sale>.<signature>`, and may have more parts.
  String.raw`    "~^(?<streamed_request>/api/v1/requests/[^.]*)\..*/events$" $streamed_request/events;`,
  String.raw`    "~^(?<unsigned_request>/api/v1/requests/[^.]*)\." $unsigned_request;`,
  '    default $path;',
  '}',
  'map $http_idempotency_key $logged_key {',
  '    "~^[0-9A-Fa-f-]{36}$" $http_idempotency_key;',
  '    default "";',
  '}',
  'map $arg_wait $logged_wait {',
  '    "~^[0-9]{1,3}$" "?wait=$arg_wait";',
  '    default "";',
  '}',
  'map $path $is_logged {',
  '    "~^/api/v1/orders/[^/]+/payment$" "";',
  // No shopper has one. A stranger could fill the disk with them.
  '    "~^.{301}" "";',
  '    "~^/(sales/[^/]+|api/v1/(sales/.+|buy/.+|requests/.+|orders|orders/.+|demo/.+|notices))$" 1;',
  '    default "";',
  '}',
  'map $request_body $logged_sku {',
  `    '~"sku" *: *"(?<body_sku>[A-Za-z0-9_-]{1,40})"' $body_sku;`,
  '    default "";',
  '}',
  'map $request_body $logged_quantity {',
  `    '~"quantity" *: *(?<body_quantity>[0-9]{1,4})' $body_quantity;`,
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
