import type { Schema } from '../contracts/names.ts';
import type { DueRefund, RefundEnd } from '../db/calls.ts';
import { RefundFailed } from '../payment/provider.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';

const REFUND_INTERVAL_MS = 2_000;
const REFUND_AGE_INTERVAL_MS = 30_000;
/** In hand at once; each is a call to the provider. */
const REFUNDS_MAX = 10;

export interface RefundOptions {
  readonly schema: Schema;
  readonly take: (limit: number) => Promise<readonly DueRefund[]>;
  /**
   * Gives the money back and says under which reference. Asked again it gives nothing twice; once more
   * after a refund that came to nothing.
   */
  readonly refund: (paymentRef: string, failedRef: string | undefined) => Promise<string>;
  readonly end: (paymentRef: string, end: RefundEnd) => Promise<unknown>;
  readonly log: Log;
  readonly stopping: AbortSignal;
}

/**
 * Gives back the money that orders could not have. Who takes a refund has it until its next try is due;
 * what fails, or whose worker dies, is tried again then.
 */
export function giveRefunds(options: RefundOptions): Promise<void> {
  const { schema, take, log, stopping } = options;
  const trouble = new Trouble(log, `refunds of ${schema}`);
  return repeat(REFUND_INTERVAL_MS, stopping, async () => {
    try {
      const due = await take(REFUNDS_MAX);
      for (const each of due) {
        // Each may take the provider half a minute: those that are left have their turn later.
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

/** Shows how long money has waited to be given back, by whichever provider: by hand, it may be forgotten. */
export function watchRefunds(options: {
  readonly schema: Schema;
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
