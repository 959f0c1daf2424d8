import { backoffMs, growingDelayMs } from '../../../server/public/js/pace.js';
import { type Answer, textOf } from '../client/answers.ts';
import { READ_TIMEOUT_MS } from '../client/visit.ts';
import { type Buyer, pathIn, pause } from './buyer.ts';
import type { Request } from './requests.ts';

/** Waits for the outcome of a request: by long-poll, as the page does, by short polls, or by stream. */

/** As the page asks for it. */
const WAIT_SECONDS = 10;
const LOOK_AGAIN_MS = 500;
/** How long a shopper asks for a request that the shop may have. */
const LOOK_FOR_MS = 15_000;
/** Short polls: the first and the longest pause. */
const POLL_MS = { first: 1_000, longest: 5_000 };

export interface OrderFacts {
  readonly orderNo: string;
  readonly status: string;
}

export interface Decided {
  readonly status: string;
  readonly order: OrderFacts | undefined;
}

type Facts = Readonly<Record<string, unknown>>;

export function orderOf(body: unknown): OrderFacts | undefined {
  const order = (body as Facts | undefined)?.['order'];
  const [orderNo, status] = [textOf(order, 'orderNo'), textOf(order, 'status')];
  return orderNo === undefined || status === undefined ? undefined : { orderNo, status };
}

/** The outcome; undefined if the shop does not know the request. */
export async function follow(buyer: Buyer, request: Request): Promise<Decided | undefined> {
  const { draws, over } = buyer;
  const startedMs = performance.now();
  for (let failures = 0; ; ) {
    over.throwIfAborted();
    const answer = await ask(buyer, request);
    if (answer.kind === 'ok') {
      failures = 0;
      const status = textOf(answer.body, 'status') ?? 'queued';
      if (status !== 'queued') {
        request.seen(status);
        return { status, order: orderOf(answer.body) };
      }
      const quietMs = performance.now() - startedMs;
      const { first, longest } = POLL_MS;
      const isPoll = buyer.wait === 'poll';
      await pause(
        isPoll ? growingDelayMs(quietMs, first, longest, draws.next()) : LOOK_AGAIN_MS,
        over,
      );
      continue;
    }
    const isMissing = answer.kind === 'refused' && answer.status === 404;
    if (isMissing && !request.isTaken && performance.now() - startedMs > LOOK_FOR_MS) {
      request.ended('not_taken');
      return undefined;
    }
    failures += 1;
    const failed = answer.kind === 'refused' ? answer : ({ kind: 'unanswered' } as const);
    await pause(backoffMs(failed, failures, draws.next()), over);
  }
}

async function ask({ visit, wait }: Buyer, { statusUrl, token }: Request): Promise<Answer> {
  if (wait === 'poll') return visit.call({ name: 'status', path: pathIn(statusUrl), token });
  if (wait === 'long-poll') {
    const path = pathIn(statusUrl, { wait: WAIT_SECONDS });
    const timeoutMs = WAIT_SECONDS * 1_000 + READ_TIMEOUT_MS;
    return visit.call({ name: 'long-poll', path, token, timeoutMs });
  }
  let last: unknown;
  const onEvent = (data: unknown) => {
    last = data;
  };
  const path = pathIn(statusUrl, { events: true });
  const answer = await visit.call({ name: 'stream', path, token, onEvent });
  // The stream ends with the outcome. Without one, it was broken.
  return answer.kind === 'ok' ? { ...answer, body: last } : answer;
}
