import type { Home } from '../contracts/homes.ts';
import type { DueRefund, RefundEnd } from '../db/calls.ts';
import { RefundFailed } from '../payment/provider.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';

const REFUND_INTERVAL_MS = 2_000;
const REFUND_AGE_INTERVAL_MS = 5_000;
/** Refunds taken at a time; each is a call to the provider. */
const REFUNDS_MAX = 10;

export interface RefundOptions {
  readonly schema: Home;
  readonly take: (limit: number) => Promise<readonly DueRefund[]>;
  /**
   * Gives the money back and returns the refund's reference. A repeated call gives nothing twice; with
   * `failedRef`, the reference of a failed refund, it makes a new one.
   */
  readonly refund: (paymentRef: string, failedRef: string | undefined) => Promise<string>;
  readonly end: (paymentRef: string, end: RefundEnd) => Promise<unknown>;
  readonly log: Log;
  readonly stopping: AbortSignal;
}

/**
 * Refunds payments that could not be used for an order. A worker holds a refund until its next try is
 * due. If the call fails or the worker dies, a worker tries again then.
 */
export function giveRefunds(options: RefundOptions): Promise<void> {
  const { schema, take, log, stopping } = options;
  const trouble = new Trouble(log, `refunds of ${schema}`);
  return repeat(REFUND_INTERVAL_MS, stopping, async () => {
    try {
      const due = await take(REFUNDS_MAX);
      for (const each of due) {
        // Each call may take half a minute; the remaining refunds are tried later.
        if (stopping.aborted) break;
        await giveBack(options, each);
      }
      trouble.fine();
      return due.length === REFUNDS_MAX ? 'more' : 'idle';
    } catch (error) {
      trouble.failed(error);
      return 'idle';
    }
  });
}

/**
 * Sets the metric of how long the oldest refund has waited. It covers all providers, because somebody
 * may forget a refund that is made by hand.
 */
export function watchRefunds(options: {
  readonly schema: Home;
  readonly oldest: () => Promise<Date | undefined>;
  readonly metrics: Pick<WorkerMetrics, 'refundDueSeconds'>;
  readonly log: Log;
  readonly stopping: AbortSignal;
}): Promise<void> {
  const { schema, oldest, metrics, log, stopping } = options;
  const trouble = new Trouble(log, `age of refunds of ${schema}`);
  return repeat(REFUND_AGE_INTERVAL_MS, stopping, async () => {
    try {
      const since = await oldest();
      const waitedMs = since === undefined ? 0 : Date.now() - since.getTime();
      metrics.refundDueSeconds.set({ schema }, Math.max(0, waitedMs) / 1_000);
      trouble.fine();
    } catch (error) {
      trouble.failed(error);
    }
    return 'idle';
  });
}

async function giveBack(
  { refund, end, log }: RefundOptions,
  { paymentRef, orderNo, tries, failedRef }: DueRefund,
): Promise<void> {
  try {
    const refundRef = await refund(paymentRef, failedRef ?? undefined);
    await end(paymentRef, { refundRef });
    log.info({ orderNo, paymentRef, refundRef }, 'a payment was given back');
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.warn({ orderNo, paymentRef, tries, reason: message }, 'a refund failed; tried again');
    const refundRef = error instanceof RefundFailed ? { refundRef: error.refundRef } : {};
    await end(paymentRef, { error: message, ...refundRef });
  }
}
