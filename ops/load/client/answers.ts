import { retrySeconds } from '../../../server/public/js/api.js';

/** Answers of the shop as values, of the kinds that the page knows (`api.js`). */

export interface Timing {
  /** By the monotonic clock. */
  readonly sentAt: number;
  readonly receivedAt: number;
}

export interface Ok {
  readonly kind: 'ok';
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
  readonly timing: Timing;
}

export interface Same {
  readonly kind: 'same';
  readonly headers: Headers;
  readonly timing: Timing;
}

export interface Refused {
  readonly kind: 'refused';
  readonly status: number;
  readonly verdict: string;
  readonly retryAfterSeconds: number;
  readonly statusUrl: string | null;
  readonly reason: string | null;
  readonly challenge: unknown;
}

/** No answer, or one that does not come from a web node. */
export interface Unanswered {
  readonly kind: 'unanswered';
}

export type Answer = Ok | Same | Refused | Unanswered;

export const UNANSWERED: Unanswered = { kind: 'unanswered' };

/** What the client gives for the headers of an answer. */
type RawHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** The little that is read of headers. An object of the class would be made for each answer. */
function headersOf(raw: RawHeaders): Headers {
  const get = (name: string) => String(raw[name] ?? '') || null;
  return { get, has: (name: string) => raw[name] !== undefined } as unknown as Headers;
}

type Body = Readonly<Record<string, unknown>>;

const isBody = (value: unknown): value is Body => typeof value === 'object' && value !== null;

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function textOf(body: unknown, name: string): string | undefined {
  const value = isBody(body) ? body[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** @param isJson pages and files are not */
export function answerOf(
  response: { readonly status: number; readonly headers: RawHeaders; readonly text: string },
  timing: Timing,
  isJson: boolean,
): Answer {
  const { status, text } = response;
  const headers = headersOf(response.headers);
  if (status === 304) return { kind: 'same', headers, timing };
  const body = isJson ? parsed(text) : text;
  if (status < 200 || status > 299) return refusalOf(status, headers, isJson ? body : undefined);
  if (body === undefined && status !== 204) return UNANSWERED;
  return { kind: 'ok', status, body, headers, timing };
}

function refusalOf(status: number, headers: Headers, problem: unknown): Refused | Unanswered {
  const verdict = textOf(problem, 'verdict') ?? verdictOfStatus(status);
  // A 502 of a proxy does not tell what became of the request.
  if (verdict === undefined || verdict === 'internal_error') return UNANSWERED;
  const challenge = isBody(problem) ? (problem['challenge'] ?? null) : null;
  return {
    kind: 'refused',
    status,
    verdict,
    retryAfterSeconds: retrySeconds(headers.get('retry-after'), Date.now()),
    statusUrl: textOf(problem, 'statusUrl') ?? null,
    reason: textOf(problem, 'reason') ?? null,
    challenge,
  };
}

/** Of an answer without a problem document; undefined if it does not tell what became of the call. */
export function verdictOfStatus(status: number): string | undefined {
  if (status >= 500) return undefined;
  if (status === 401) return 'unauthenticated';
  if (status === 404) return 'not_found';
  if (status === 409) return 'not_allowed_now';
  return status === 429 ? 'rate_limited' : 'bad_request';
}

export const withoutVerdict = (status: number) => `http_${status}_without_a_verdict`;

/** The name of an answer in the report. */
export function verdictOf(answer: Answer, status: number): string {
  if (answer.kind === 'ok') return answer.status === 202 ? 'queued' : 'ok';
  if (answer.kind === 'same') return 'not_modified';
  return answer.kind === 'refused' ? answer.verdict : withoutVerdict(status);
}
