import type { Home } from '../contracts/homes.ts';
import type { CheckoutEnd, DueCheckout } from '../db/calls.ts';
import type { Log } from '../process/log.ts';
import { repeat, Trouble } from './periodic.ts';

const CHECKOUT_INTERVAL_MS = 1_000;
/** Checkouts taken at a time; each is a call to the provider. */
const CHECKOUTS_MAX = 10;

export interface CheckoutOptions {
  readonly schema: Home;
  readonly take: (limit: number) => Promise<readonly DueCheckout[]>;
  /** Ends the session at the provider, or finds that it has ended. May be repeated. */
  readonly end: (sessionRef: string) => Promise<'expired' | 'complete'>;
  /** Records how the session ended, or why it could not be ended. */
  readonly note: (checkout: DueCheckout, end: CheckoutEnd) => Promise<unknown>;
  readonly log: Log;
  readonly stopping: AbortSignal;
}

/**
 * Ends the payment provider's sessions of orders that have ended, so that nobody pays for such an
 * order. A worker holds a checkout until its next try is due. If the call fails or the worker dies, a
 * worker tries again then, until the provider reports that the session is over. A completed session is
 * handled by the provider's callback.
 */
export function endCheckouts(options: CheckoutOptions): Promise<void> {
  const { schema, take, log, stopping } = options;
  const trouble = new Trouble(log, `payment sessions of ${schema}`);
  return repeat(CHECKOUT_INTERVAL_MS, stopping, async () => {
    try {
      const due = await take(CHECKOUTS_MAX);
      await Promise.all(due.map((checkout) => endOne(options, checkout)));
      trouble.fine();
      return due.length === CHECKOUTS_MAX ? 'more' : 'idle';
    } catch (error) {
      trouble.failed(error);
      return 'idle';
    }
  });
}

async function endOne({ end, note, log }: CheckoutOptions, checkout: DueCheckout): Promise<void> {
  const { orderNo, sessionRef, tries } = checkout;
  let how: Awaited<ReturnType<typeof end>>;
  try {
    how = await end(sessionRef);
    log.info({ orderNo, sessionRef, how }, 'a payment session is over');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ orderNo, sessionRef, tries, reason }, 'a payment session was not ended');
    await note(checkout, { error: reason });
    return;
  }
  await note(checkout, how === 'complete' ? 'paying' : 'ended');
}
