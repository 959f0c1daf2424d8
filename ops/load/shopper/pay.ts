import { backoffMs } from '../../../server/public/js/pace.js';
import { textOf } from '../client/answers.ts';
import { pathOf } from '../client/calls.ts';
import { WRITE_TIMEOUT_MS } from '../client/visit.ts';
import { type Buyer, pathIn, pause } from './buyer.ts';
import type { OrderFacts } from './follow.ts';
import type { Request } from './requests.ts';

/** Pays or cancels an order, with the calls of the page. */

const TRIES_MAX = 5;
/** An open page reads an unpaid order so often. */
const REFRESH_MS = 5_000;

/** Thinks for a while, with the page open. */
export async function lookAtOrder(buyer: Buyer, { orderNo }: OrderFacts, ms: number) {
  for (let leftMs = ms; leftMs > 0; leftMs -= REFRESH_MS) {
    await pause(Math.min(leftMs, REFRESH_MS), buyer.over);
    if (leftMs > REFRESH_MS) await statusOf(buyer, orderNo);
  }
}

/** How the order has ended for this shopper. */
export async function pay(
  buyer: Buyer,
  request: Request,
  { orderNo }: OrderFacts,
): Promise<string> {
  const { visit, tally, token, draws, over } = buyer;
  const options = { token, timeoutMs: WRITE_TIMEOUT_MS };
  for (let failures = 1; failures <= TRIES_MAX; failures += 1) {
    const path = pathOf('checkout', { orderNo });
    const checkout = await visit.call({ name: 'checkout', path, ...options });
    if (checkout.kind === 'ok') {
      if (textOf(checkout.body, 'method') !== 'POST') {
        tally.gaps.add('payments that stopped at the page of the payment provider');
        return 'at the page of the payment provider';
      }
      const url = textOf(checkout.body, 'url') ?? '';
      request.acts();
      await visit.call({ name: 'pay', path: pathIn(url), ...options });
    }
    if (checkout.kind === 'refused' && checkout.status === 404) {
      tally.gaps.add('payments that the shop takes elsewhere');
      return 'cannot pay here';
    }
    const status = await statusOf(buyer, orderNo);
    if (status !== undefined) request.settled(status);
    if (status !== undefined && status !== 'ordered') return endOf(status);
    const failed = checkout.kind === 'refused' ? checkout : ({ kind: 'unanswered' } as const);
    await pause(backoffMs(failed, failures, draws.next()), over);
  }
  return 'could not pay';
}

export async function cancel(
  buyer: Buyer,
  request: Request,
  { orderNo }: OrderFacts,
): Promise<string> {
  const { visit, token, draws, over } = buyer;
  for (let failures = 1; failures <= TRIES_MAX; failures += 1) {
    const path = pathOf('cancel', { orderNo });
    const timeoutMs = WRITE_TIMEOUT_MS;
    request.acts();
    const answer = await visit.call({ name: 'cancel', path, token, timeoutMs });
    const status = await statusOf(buyer, orderNo);
    if (status !== undefined) request.settled(status);
    if (status !== undefined && status !== 'ordered') return endOf(status);
    const failed = answer.kind === 'refused' ? answer : ({ kind: 'unanswered' } as const);
    await pause(backoffMs(failed, failures, draws.next()), over);
  }
  return 'could not cancel';
}

/** The page reads an order again after what the shopper did. */
async function statusOf({ visit, token }: Buyer, orderNo: string): Promise<string | undefined> {
  const order = await visit.call({ name: 'order', path: pathOf('order', { orderNo }), token });
  return order.kind === 'ok' ? textOf(order.body, 'status') : undefined;
}

function endOf(status: string): string {
  return status === 'paid' || status === 'cancelled' ? status : `the order is ${status}`;
}
