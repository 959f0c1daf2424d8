import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';

/** All refusals and errors of the console in one table (RFC 9457). */

const PROBLEMS = {
  bad_request: { status: 400, detail: 'The request is not understood.' },
  unauthenticated: { status: 401, detail: 'Sign in first.' },
  token_unknown: { status: 401, detail: 'This token is not known here.' },
  forbidden: { status: 403, detail: 'Your roles do not allow this.' },
  foreign_origin: {
    status: 403,
    detail: 'The request does not come from a page of this console. Load the page again.',
  },
  not_found: { status: 404, detail: 'There is nothing at this address.' },
  /** The shop said no: the detail has the reason. Nothing was changed. */
  refused: { status: 409, detail: 'The change was refused.' },
  /** For the shop's page, which has words of its own for it. */
  preview: { status: 403, detail: 'This is a preview. Nothing can be bought here.' },
  busy: {
    status: 503,
    detail: 'Other changes of sales are under way. Nothing was changed. Try again in a moment.',
  },
  rate_limited: { status: 429, detail: 'Too many tries to sign in. Wait a minute.' },
  too_many_viewers: { status: 503, detail: 'Too many people watch already.' },
  unavailable: {
    status: 503,
    detail: 'A server that is needed for this does not answer. It is not known what was done.',
  },
  internal_error: { status: 500, detail: 'Something broke on our side; the log has more.' },
} as const;

export type Verdict = keyof typeof PROBLEMS;

const RETRY_AFTER_SECONDS: Partial<Record<Verdict, number>> = {
  rate_limited: 60,
  busy: 5,
  too_many_viewers: 10,
  unavailable: 5,
};

/** A refusal as an error: routes throw it and the one error handler answers it. */
export class Problem extends Error {
  override name = 'Problem';
  readonly verdict: Verdict;

  constructor(verdict: Verdict, detail: string = PROBLEMS[verdict].detail) {
    super(detail);
    this.verdict = verdict;
  }
}

export function sendProblem(reply: FastifyReply, { verdict, message }: Problem): FastifyReply {
  const { status } = PROBLEMS[verdict];
  const retryAfter = RETRY_AFTER_SECONDS[verdict];
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
  return reply
    .code(status)
    .header('content-type', 'application/problem+json')
    .header('cache-control', 'no-store')
    .send(
      // As bytes: Fastify would add a charset to the type of a text.
      Buffer.from(
        JSON.stringify({
          type: 'about:blank',
          title: STATUS_CODES[status],
          status,
          detail: message,
          verdict,
        }),
      ),
    );
}
