import { PRESS_REST_MS } from '../../../server/public/js/purchase.js';
import { type Buyer, pause } from './buyer.ts';
import { type Decided, follow } from './follow.ts';
import { cancel, lookAtOrder, pay } from './pay.ts';
import { type Pressed, press } from './press.ts';
import type { Places, Request } from './requests.ts';
import type { Traits } from './traits.ts';
import { joinWaitlist } from './waitlist.ts';
import type { SaleWatch } from './watch.ts';

/** What a shopper has come for, from the first press to the end of the order. */

interface Errand {
  readonly buyer: Buyer;
  readonly traits: Traits;
  readonly watch: SaleWatch;
  readonly newRequest: (dueMs: number, key?: string) => Request;
  readonly places: Places;
  /** Leaves the shop, and opens the page again after a while. */
  readonly goAndComeBack: () => Promise<void>;
}

interface Sent {
  readonly request: Request;
  readonly pressed: Pressed;
}

/** Presses until a press is decided, or never can be. Returns how the visit has ended. */
export async function buy(errand: Errand): Promise<string> {
  const { buyer, traits, watch } = errand;
  const { plan, over, sku, draws } = buyer;
  for (let isFirst = true; ; isFirst = false) {
    const dueMs = performance.now() + draws.around(plan.pausesMs.press);
    await pause(dueMs - performance.now(), over);
    if (watch.isSoldOut(sku)) return 'sold_out';
    if (watch.phaseOf(sku) === 'closed') return 'closed';
    if (traits.joinsWaitlist && watch.hasWaitlist(sku)) {
      const end = await waitForUnit(errand);
      if (end !== undefined) return end;
    }
    const options = { dueMs, breaks: isFirst && traits.losesPurchase };
    const presses = Array.from({ length: traits.presses }, async (): Promise<Sent> => {
      const request = errand.newRequest(dueMs);
      return { request, pressed: await press(buyer, request, options) };
    });
    const sent = await Promise.all(presses);
    const open = sent.filter(({ pressed: { kind } }) => kind !== 'refused');
    if (open.length > 0) {
      const requests = open.map(({ request }) => request);
      const end = await endOf(errand, requests);
      const mayWait = end === 'sold_out' && traits.joinsWaitlist && !watch.isSoldOut(sku);
      if (end !== undefined && !mayWait) return end;
    }
    const refusals = sent.flatMap(({ pressed }) => (pressed.kind === 'refused' ? [pressed] : []));
    const waits = refusals.flatMap(({ againAfterMs }) => againAfterMs ?? []);
    // None of the presses can be repeated.
    if (open.length === 0 && waits.length === 0) return refusals[0]?.verdict ?? 'refused';
    await pause(Math.max(PRESS_REST_MS, ...waits), over);
  }
}

/** In the waitlist, to the end of the order; undefined if another press makes sense. */
async function waitForUnit({ buyer, places, newRequest }: Errand): Promise<string | undefined> {
  const waited = await joinWaitlist(buyer, places);
  if (waited.kind === 'again') return undefined;
  if (waited.kind === 'over') return waited.end;
  const request = newRequest(performance.now(), waited.requestId);
  request.served();
  await lookAtOrder(buyer, waited.order, buyer.draws.around(buyer.plan.pausesMs.pay));
  return pay(buyer, request, waited.order);
}

/** From the press to the end of the order; undefined if the shop knows of no such press. */
async function endOf(errand: Errand, requests: readonly Request[]): Promise<string | undefined> {
  const { buyer, traits } = errand;
  if (traits.afterPress === 'leave') return 'left before the outcome';
  if (traits.afterPress === 'come back') {
    for (const request of requests) request.isAwaited = false;
    await errand.goAndComeBack();
  }
  const all = await Promise.all(requests.map((request) => follow(buyer, request)));
  const ends = await Promise.all(requests.map((request, at) => settle(errand, request, all[at])));
  // Of two presses, the order counts more than what became of the other press.
  return (
    ends.find((_, at) => all[at]?.order !== undefined) ?? ends.find((end) => end !== undefined)
  );
}

async function settle(
  { buyer, traits }: Errand,
  request: Request,
  decided: Decided | undefined,
): Promise<string | undefined> {
  if (decided?.order?.status !== 'ordered') return decided?.status;
  if (traits.withOrder === 'keep') return 'keeps an unpaid order';
  const { order } = decided;
  await lookAtOrder(buyer, order, buyer.draws.around(buyer.plan.pausesMs.pay));
  return traits.withOrder === 'cancel' ? cancel(buyer, request, order) : pay(buyer, request, order);
}
