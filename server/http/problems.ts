import { randomInt } from 'node:crypto';
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { isOutage } from '../../db/client/errors.ts';
import type { Log } from '../../process/log.ts';

/**
 * All refusals and errors that a client can get, in one table (RFC 9457). The verdict is for
 * programs and the sentence for people. Neither says more than is known.
 */

/**
 * The verdict of a refusal, or the status of a request, as a header. The edge cannot read it in the body,
 * and writes it into its call log.
 */
export const VERDICT_HEADER = 'x-verdict';

type Bounds = readonly [min: number, max: number];

interface ProblemKind {
  readonly status: number;
  readonly detail: string;
  /**
   * Bounds of `Retry-After` in seconds, after which the answer may be different. The value is
   * random between them, so that clients that were refused together do not all come back together.
   */
  readonly retryAfterSeconds?: Bounds;
}

function kind(status: number, detail: string, retryAfterSeconds?: Bounds): ProblemKind {
  return { status, detail, ...(retryAfterSeconds && { retryAfterSeconds }) };
}

export const PROBLEMS = {
  shed: kind(
    429,
    'More people press than can be served: this press was not drawn. Try again.',
    [1, 4],
  ),
  rate_limited: kind(
    429,
    'Too many requests from you or from your network. Slow down, then try again.',
    [1, 3],
  ),
  cooldown: kind(
    429,
    'Your last request was taken a moment ago. Wait a little before the next one.',
    [1, 10],
  ),
  quota_spent: kind(
    429,
    'Nothing can be given out at this moment. Units may come free: try again.',
    [1, 4],
  ),
  quota_unavailable: kind(
    503,
    'It cannot be told right now how much may be sold. Nothing was taken: try again.',
    [2, 6],
  ),
  overloaded: kind(
    503,
    'The shop is busier than it can bear at this moment. Try again shortly.',
    [2, 6],
  ),
  sold_out: kind(410, 'Every unit is sold and paid for.'),
  not_open: kind(425, 'The sale has not opened yet.', [1, 2]),
  paused: kind(503, 'The sale is paused for a moment. Nothing was taken: try again.', [5, 15]),
  closed: kind(410, 'The sale is over.'),
  ticket_invalid: kind(403, 'This ticket is not valid for you now. Get a new one and try again.'),
  blocked: kind(403, 'You are excluded from this sale.'),
  bad_request: kind(400, 'The request is not understood.'),
  unauthenticated: kind(401, 'Sign in first: a valid bearer token is needed.'),
  not_found: kind(404, 'There is nothing at this address for you.'),
  not_allowed_now: kind(409, 'The order is in a state that does not allow this.'),
  units_available: kind(
    409,
    'Not every unit is taken: try to buy one. The waitlist is for units that come back.',
  ),
  limit_reached: kind(409, 'With your orders you have as many as one person may buy.'),
  line_full: kind(503, 'All places in the waitlist are taken. Some may come free.', [10, 30]),
  no_waitlist: kind(409, 'There is no waitlist for this now. Units that come back can be bought.'),
  status_unavailable: kind(
    503,
    'It cannot be told right now how your request stands. It stays as it is: ask again.',
    [2, 6],
  ),
  internal_error: kind(
    500,
    'Something broke on our side. What you sent is safe to send again.',
    [2, 6],
  ),
} satisfies Record<string, ProblemKind>;

export type ProblemVerdict = keyof typeof PROBLEMS;

/** A refusal as a value. Throwing would create a stack trace, which is too costly in a rush. */
export interface Refusal {
  readonly verdict: ProblemVerdict;
  /** Replaces the sentence in the table. */
  readonly detail?: string;
  /** A more exact HTTP status for the verdict (413, 415). */
  readonly status?: number;
  /** Seconds to wait if they are known, or other bounds than those in the table. */
  readonly retryAfterSeconds?: number | Bounds;
  /** Further members of the document, such as the status URL of the request. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** A refusal as an error. Routes throw it, and the one error handler answers it. */
export class Problem extends Error implements Refusal {
  override name = 'Problem';
  readonly verdict: ProblemVerdict;
  readonly status: number;
  readonly retryAfterSeconds?: number;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(verdict: ProblemVerdict, options: Omit<Refusal, 'verdict'> = {}) {
    super(options.detail ?? PROBLEMS[verdict].detail);
    this.verdict = verdict;
    this.status = options.status ?? PROBLEMS[verdict].status;
    const seconds = drawn(options.retryAfterSeconds ?? boundsOf(verdict));
    if (seconds !== undefined) this.retryAfterSeconds = seconds;
    this.members = options.members ?? {};
  }

  get detail(): string {
    return this.message;
  }
}

function boundsOf(verdict: ProblemVerdict): Bounds | undefined {
  const kind: ProblemKind = PROBLEMS[verdict];
  return kind.retryAfterSeconds;
}

/** Seconds, random within bounds; undefined if waiting does not help. */
function drawn(wait: number | Bounds | undefined): number | undefined {
  return typeof wait === 'object' ? randomInt(wait[0], wait[1] + 1) : wait;
}

/** Returns whether the refusal is final, so that trying again later does not help. */
export function isLastWord({ verdict, retryAfterSeconds }: Refusal): boolean {
  return (retryAfterSeconds ?? boundsOf(verdict)) === undefined;
}

/** The answer to a refusal, ready to be written. */
export interface ProblemAnswer {
  readonly status: number;
  /** Names and values alternate. */
  readonly headers: readonly string[];
  readonly body: string;
  /** `latin1` for ASCII text, because Node writes it faster, in one piece with the headers. */
  readonly encoding: 'latin1' | 'utf8';
}

/** The documents of refusals without further details, made once. */
const PLAIN_DOCUMENTS = new Map(
  (Object.keys(PROBLEMS) as ProblemVerdict[]).map((verdict) => [verdict, documentOf({ verdict })]),
);

function documentOf({ verdict, detail, status, members }: Refusal): string {
  const kind = PROBLEMS[verdict];
  const code = status ?? kind.status;
  return JSON.stringify({
    type: 'about:blank',
    title: STATUS_CODES[code],
    status: code,
    detail: detail ?? kind.detail,
    verdict,
    ...members,
  });
}

/** Makes the answer to a refusal. Every problem is sent in this form. */
export function answerOf(refusal: Refusal): ProblemAnswer {
  const { verdict, detail, status, members, retryAfterSeconds } = refusal;
  const isPlain = detail === undefined && status === undefined && members === undefined;
  const body = (isPlain ? PLAIN_DOCUMENTS.get(verdict) : undefined) ?? documentOf(refusal);
  const seconds = drawn(retryAfterSeconds ?? boundsOf(verdict));
  const code = status ?? PROBLEMS[verdict].status;
  const length = Buffer.byteLength(body);
  const headers = [
    'content-type',
    'application/problem+json',
    'cache-control',
    'no-store',
    VERDICT_HEADER,
    verdict,
    ...(seconds === undefined ? [] : ['retry-after', String(seconds)]),
    ...(code === 401 ? ['www-authenticate', 'Bearer'] : []),
    'content-length',
    String(length),
  ];
  return { status: code, headers, body, encoding: length === body.length ? 'latin1' : 'utf8' };
}

/** The answers to constant refusals, made once: one for each possible Retry-After. */
const READY = new WeakMap<Refusal, readonly ProblemAnswer[]>();

function readyAnswers(refusal: Refusal): readonly ProblemAnswer[] {
  const known = READY.get(refusal);
  if (known !== undefined) return known;
  const { retryAfterSeconds: wait = boundsOf(refusal.verdict) } = refusal;
  const [min, max] = typeof wait === 'object' ? wait : [];
  const answers = [];
  if (min === undefined || max === undefined) answers.push(answerOf(refusal));
  else
    for (let s = min; s <= max; s += 1)
      answers.push(answerOf({ ...refusal, retryAfterSeconds: s }));
  READY.set(refusal, answers);
  return answers;
}

/** Does the same as `answerOf` for the refusals of a rush, and creates almost nothing for each. */
export function readyAnswer(refusal: Refusal): ProblemAnswer {
  if (typeof refusal.retryAfterSeconds === 'number') return answerOf(refusal);
  const answers = readyAnswers(refusal);
  return answers[Math.floor(Math.random() * answers.length)] ?? answerOf(refusal);
}

export function writeAnswer(response: ServerResponse, answer: ProblemAnswer): void {
  const { status, headers, body, encoding } = answer;
  response.writeHead(status, headers as string[]).end(body, encoding);
}

/** Returns the problem that a client gets for an error. An error that is a bug is logged. */
export function problemOf(error: unknown, log: Log): Problem {
  if (error instanceof Problem) return error;
  const isAway = isOutage(error);
  // An error that a DBA has to fix is logged like a bug, but the client may try again.
  if (!isAway || error.kind === 'refused') log.error({ err: error }, 'a request failed');
  return new Problem(isAway ? 'overloaded' : 'internal_error');
}
