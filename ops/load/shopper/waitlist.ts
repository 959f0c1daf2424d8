import { backoffMs, growingDelayMs } from '../../../server/public/js/pace.js';
import { type Refused, textOf, UNANSWERED } from '../client/answers.ts';
import { pathOf } from '../client/calls.ts';
import { READ_TIMEOUT_MS, WRITE_TIMEOUT_MS } from '../client/visit.ts';
import { type Buyer, pathIn, pause } from './buyer.ts';
import { type OrderFacts, orderOf } from './follow.ts';
import type { Places } from './requests.ts';

/** Joins the waitlist and follows the place, as the page does (`waitlist.js`). */

const WAIT_SECONDS = 10;
const LOOK_AGAIN_MS = { first: 1_000, longest: 15_000 };
/** Refusals that end the visit: no unit can come for this shopper. */
const FINAL: ReadonlySet<string> = new Set([
  ...['sold_out', 'closed', 'blocked', 'limit_reached', 'no_waitlist'],
  ...['not_found', 'bad_request', 'unauthenticated'],
]);

export type Waited =
  | { readonly kind: 'served'; readonly requestId: string; readonly order: OrderFacts }
  | { readonly kind: 'over'; readonly end: string }
  /** Another press makes sense. */
  | { readonly kind: 'again' };

export async function joinWaitlist(buyer: Buyer, places: Places): Promise<Waited> {
  const { plan, visit, sku, token, draws, over } = buyer;
  const path = pathOf('waitlist-join', { sale: plan.sale, sku });
  const body = { quantity: plan.quantity };
  const timeoutMs = WRITE_TIMEOUT_MS;
  const joined = await visit.call({ name: 'waitlist-join', path, token, body, timeoutMs });
  if (joined.kind === 'refused') return refusedPlace(joined);
  places.add({ path, token });
  let last: unknown = joined.kind === 'ok' ? joined.body : undefined;
  const startedMs = performance.now();
  for (let failures = 0; ; ) {
    const status = textOf(last, 'status');
    if (status !== undefined && status !== 'waiting') {
      places.remove({ path, token });
      return endedPlace(status, last);
    }
    const waitedMs = performance.now() - startedMs;
    const { first, longest } = LOOK_AGAIN_MS;
    await pause(
      failures === 0
        ? growingDelayMs(waitedMs, first, longest, draws.next())
        : backoffMs(UNANSWERED, failures, draws.next()),
      over,
    );
    const answer = await visit.call({
      ...{ name: 'waitlist', token, path: pathIn(path, { wait: WAIT_SECONDS }) },
      timeoutMs: WAIT_SECONDS * 1_000 + READ_TIMEOUT_MS,
    });
    over.throwIfAborted();
    if (answer.kind === 'refused' && answer.status === 404) {
      places.remove({ path, token });
      return { kind: 'again' };
    }
    failures = answer.kind === 'ok' ? 0 : failures + 1;
    last = answer.kind === 'ok' ? answer.body : undefined;
  }
}

function refusedPlace({ verdict }: Refused): Waited {
  return FINAL.has(verdict) ? { kind: 'over', end: verdict } : { kind: 'again' };
}

function endedPlace(status: string, body: unknown): Waited {
  const [order, requestId] = [
    orderOf(body),
    textOf((body as { order?: unknown }).order, 'requestId'),
  ];
  if (status === 'served' && order !== undefined && requestId !== undefined) {
    return { kind: 'served', requestId, order };
  }
  return { kind: 'over', end: status };
}
