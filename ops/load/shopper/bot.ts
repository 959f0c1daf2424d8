import { type Buyer, pause } from './buyer.ts';
import { type Decided, follow } from './follow.ts';
import { pay } from './pay.ts';
import { press } from './press.ts';
import type { Request } from './requests.ts';

/**
 * A bot: presses from its arrival on, also before the opening, in its own pace, whatever the shop asks
 * it to wait. It pays what it gets.
 */

/** Verdicts after which not even a bot goes on. */
const FINAL: ReadonlySet<string> = new Set([
  ...['sold_out', 'closed', 'blocked', 'limit_reached'],
  ...['not_found', 'bad_request', 'unauthenticated'],
]);

export async function bargain(
  buyer: Buyer,
  { newRequest }: { readonly newRequest: (dueMs: number) => Request },
): Promise<string> {
  const { plan, draws, over } = buyer;
  for (;;) {
    const plannedMs = performance.now() + draws.around(plan.pausesMs.bot);
    await pause(plannedMs - performance.now(), over);
    const request = newRequest(plannedMs);
    const options = { dueMs: plannedMs, breaks: false, hurries: true };
    const pressed = await press(buyer, request, options);
    if (pressed.kind === 'refused') {
      if (FINAL.has(pressed.verdict)) return pressed.verdict;
      continue;
    }
    const decided: Decided | undefined = await follow(buyer, request);
    if (decided?.order?.status === 'ordered') return pay(buyer, request, decided.order);
    if (decided !== undefined && decided.status !== 'closed') return decided.status;
  }
}
