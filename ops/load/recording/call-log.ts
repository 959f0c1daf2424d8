import { REQUEST_UNITS_MAX } from '../../../contracts/names.ts';
import { verdictOfStatus, withoutVerdict } from '../client/answers.ts';
import { CALLS, type CallName } from '../client/calls.ts';
import { CALL_MS_MAX, WAIT_SECONDS_MAX } from './format.ts';

/** Reads lines of the edge's call log (`ops/edge/call-log.ts`). What it returns is not anonymous yet. */

export interface LoggedCall {
  readonly call: CallName;
  /** When it began, in milliseconds since 1970. */
  readonly beganAtMs: number;
  readonly ms: number;
  readonly status: number;
  readonly verdict: string;
  /** The status that a status call or a place in the waitlist has told. */
  readonly outcome: string | undefined;
  readonly sale: string | undefined;
  readonly sku: string | undefined;
  readonly quantity: number | undefined;
  readonly requestId: string | undefined;
  readonly orderNo: string | undefined;
  readonly wait: number | undefined;
  readonly user: string | undefined;
  readonly address: string;
  readonly connection: string;
}

/** `other`: a call that is not recorded; `broken`: no line of a call log. */
export type Read = LoggedCall | 'other' | 'broken';

/** Longer lines are not of this log: the edge takes no longer addresses and headers. */
export const LINE_LENGTH_MAX = 131_072;
const STATUS_LEFT = 499;
const WORD = /^[a-z_]{1,40}$/;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
/** A ticket without its signature: SKU, expiry, id. */
const TICKET =
  /^([A-Za-z0-9][\w-]{0,39})\.[\da-z]{8,9}\.([\da-f]{8})([\da-f]{4})([\da-f]{4})([\da-f]{4})([\da-f]{12})$/;

interface Route {
  readonly call: CallName;
  readonly method: string;
  readonly pattern: RegExp;
}

/** `long-poll` has the path of `status`, and files are not logged. */
const ROUTES: readonly Route[] = (Object.keys(CALLS) as CallName[])
  .filter((call) => call !== 'long-poll' && call !== 'file')
  .map((call) => {
    const [method, path] = CALLS[call];
    return {
      call,
      method,
      pattern: new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
    };
  });

type Fields = Readonly<Record<string, string | number | undefined>>;

function fieldsOf(line: string): Fields | undefined {
  // Whoever collects logs may write something before each line, or a full disk may have cut the one before. In a
  // text of the line, the quotes would be escaped.
  const at = line.lastIndexOf('{"end":');
  if (at < 0) return undefined;
  try {
    return JSON.parse(line.slice(at)) as Fields;
  } catch {
    return undefined;
  }
}

export function readLine(line: string): Read {
  const fields = fieldsOf(line);
  if (fields === undefined) return 'broken';
  const { end, seconds, status } = fields;
  if (typeof end !== 'number' || typeof seconds !== 'number' || typeof status !== 'number') {
    return 'broken';
  }
  const ms = Math.round(seconds * 1_000);
  if (ms < 0 || ms > CALL_MS_MAX) return 'broken';
  const text = (name: string) => String(fields[name] ?? '');
  const [path = '', query = ''] = text('path').split('?');
  const route = ROUTES.find(
    ({ method, pattern }) => method === text('method') && pattern.test(path),
  );
  if (route === undefined) return 'other';
  const names = route.pattern.exec(path)?.groups ?? {};
  const wait = numberIn(new URLSearchParams(query).get('wait') ?? '', WAIT_SECONDS_MAX);
  const call = route.call === 'status' && wait !== undefined ? 'long-poll' : route.call;
  const told = WORD.test(text('verdict')) ? text('verdict') : undefined;
  const isGood = status < 300;
  return {
    ...{ call, status, ms, wait },
    beganAtMs: Math.round((end - seconds) * 1_000),
    verdict: verdictOf(status, told),
    outcome: isGood ? told : undefined,
    quantity: numberIn(text('quantity'), REQUEST_UNITS_MAX),
    user: userOf(text('claims')),
    address: text('address'),
    connection: text('connection'),
    orderNo: names['orderNo'],
    ...aim(names, { sku: text('sku'), key: text('key') }),
  };
}

/** Undefined of nothing, and of what no page sends: a caller could hide a name in it. */
function numberIn(text: string, max: number): number | undefined {
  const number = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return number > 0 && number <= max ? number : undefined;
}

/** Which sale, SKU and request a call is about, as far as it says. */
function aim(
  { sale, sku, ticket, requestId: idAndReceipt }: Readonly<Record<string, string | undefined>>,
  body: { readonly sku: string; readonly key: string },
): Pick<LoggedCall, 'sale' | 'sku' | 'requestId'> {
  if (ticket !== undefined) {
    const [, ofTicket, ...id] = TICKET.exec(ticket) ?? [];
    const key = body.key.toLowerCase();
    const requestId = UUID.test(key) ? key : id.length > 0 ? id.join('-') : undefined;
    return { sale: undefined, sku: ofTicket, requestId };
  }
  if (idAndReceipt !== undefined) {
    const [id = '', receipt = ''] = idAndReceipt.split('~');
    return {
      sale: receipt.split('.')[0] || undefined,
      sku: undefined,
      requestId: id.toLowerCase(),
    };
  }
  return { sale, sku: sku ?? (body.sku || undefined), requestId: undefined };
}

/** In the words of the crowd's report, so that both can be compared. */
function verdictOf(status: number, told: string | undefined): string {
  if (status === STATUS_LEFT) return 'left';
  if (status === 304) return 'not_modified';
  if (status < 300) return status === 202 ? 'queued' : 'ok';
  if (told !== undefined && told !== 'internal_error') return told;
  // The edge itself says 503 if it has reached no node, and 429 for its shield.
  if (status === 503) return 'overloaded';
  return verdictOfStatus(status) ?? withoutVerdict(status);
}

/** The user in the claims of a token; the claims themselves if they cannot be read. */
function userOf(claims: string): string | undefined {
  if (claims === '') return undefined;
  try {
    const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as {
      sub?: string;
    };
    return typeof sub === 'string' ? sub : claims;
  } catch {
    return claims;
  }
}
