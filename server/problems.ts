import { randomInt } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { isOutage } from '../db/errors.ts';
import type { Log } from '../process/log.ts';

/**
 * Every refusal and error that a client can meet, in one table (RFC 9457). A verdict is for
 * programs, a sentence for people; neither says more than what is known.
 */

interface ProblemKind {
  readonly status: number;
  readonly detail: string;
  /** Bounds of `Retry-After` in seconds: the answer may be another one then. Drawn at random
   *  between them, so that those who were refused together do not come back together. */
  readonly retryAfterSeconds?: readonly [min: number, max: number];
}

function kind(
  status: number,
  detail: string,
  retryAfterSeconds?: readonly [min: number, max: number],
): ProblemKind {
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
    'Not every unit is taken: try to buy one. The line is for units that come back.',
  ),
  limit_reached: kind(409, 'With your orders you have as many as one person may buy.'),
  line_full: kind(
    503,
    'As many people wait already as the line has places. Some may come free.',
    [10, 30],
  ),
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

/** What the gate may answer to a purchase request (DESIGN: the refusals of `buy`). */
export type RefusalVerdict = Exclude<
  ProblemVerdict,
  | 'unauthenticated'
  | 'not_found'
  | 'not_allowed_now'
  | 'units_available'
  | 'limit_reached'
  | 'line_full'
  | 'internal_error'
>;

/** A refusal on its way out; thrown inside routes, answered by the one error handler. */
export class Problem extends Error {
  override name = 'Problem';
  readonly verdict: ProblemVerdict;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  /** Further members of the document, e.g. where to ask about the request. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    verdict: ProblemVerdict,
    options: {
      detail?: string;
      /** A more exact HTTP status of the same verdict (413, 415). */
      status?: number;
      /** A known waiting time; without it the table's bounds apply. */
      retryAfterSeconds?: number;
      members?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(options.detail ?? PROBLEMS[verdict].detail);
    this.verdict = verdict;
    this.status = options.status ?? PROBLEMS[verdict].status;
    this.retryAfterSeconds = options.retryAfterSeconds ?? drawRetryAfter(verdict);
    this.members = options.members ?? {};
  }

  document(): string {
    return JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[this.status],
      status: this.status,
      detail: this.message,
      verdict: this.verdict,
      ...this.members,
    });
  }
}

/** Seconds, jittered; undefined where waiting changes nothing. */
function drawRetryAfter(verdict: ProblemVerdict): number | undefined {
  const kind: ProblemKind = PROBLEMS[verdict];
  if (kind.retryAfterSeconds === undefined) return undefined;
  const [min, max] = kind.retryAfterSeconds;
  return randomInt(min, max + 1);
}

/** The documents without members, made once: a refusal must cost next to nothing. */
const DOCUMENTS = new Map(
  Object.entries(PROBLEMS).map(([verdict, { status, detail }]) => [
    verdict,
    JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, verdict }),
  ]),
);

/** The ready document of a refusal that carries nothing of its own. */
export function plainDocument(verdict: ProblemVerdict): string {
  return DOCUMENTS.get(verdict) ?? '';
}

/** The headers of a problem's answer, in pairs. */
export function problemHeaders({ retryAfterSeconds, status }: Problem): string[] {
  return [
    'content-type',
    'application/problem+json',
    'cache-control',
    'no-store',
    ...(retryAfterSeconds === undefined ? [] : ['retry-after', String(retryAfterSeconds)]),
    ...(status === 401 ? ['www-authenticate', 'Bearer'] : []),
  ];
}

/** What a client is told of an error that is none of its own; a bug is logged. */
export function problemOf(error: unknown, log: Log): Problem {
  const isAway = isOutage(error);
  // What a DBA has to mend is logged as a bug is, but the client may ask again.
  if (!isAway || error.kind === 'refused') log.error({ err: error }, 'a request failed');
  return new Problem(isAway ? 'overloaded' : 'internal_error');
}
