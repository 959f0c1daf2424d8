import type { PaymentResult } from '../../db/calls.ts';
import type { IgnoredReason, Payment, SessionPaid, StrayReason } from '../../payment/provider.ts';
import type { Log } from '../../process/log.ts';
import { Problem } from '../http/problems.ts';
import type { ServerMetrics } from '../metrics.ts';

/** Callbacks that book nothing. Where money is concerned, an operator hears of it. */

type Money = Payment | SessionPaid;

interface Context {
  readonly log: Log;
  readonly metrics: Pick<ServerMetrics, 'ignoredCallbacks' | 'strayPayments'>;
}

/** A callback that tells of no money, or of money that was booked before. */
export function ignore({ metrics }: Context, reason: IgnoredReason) {
  metrics.ignoredCallbacks.inc({ reason });
  return { status: 'ignored', reason };
}

/** Counts and logs a payment that cannot be booked for any order here. Only the provider can refund it. */
export function tellStray(
  { log, metrics }: Context,
  { orderNo, reference }: Money,
  reason: StrayReason,
): void {
  metrics.strayPayments.inc({ reason });
  const facts = { orderNo, reference, reason };
  log.error(facts, 'the provider has money that no order here may have: look where it belongs');
}

export function notBooked(context: Context, money: Money, reason: StrayReason) {
  tellStray(context, money, reason);
  return { status: 'ignored', reason };
}

/**
 * Tells of a payment that the database has not booked.
 *
 * @throws {Problem} the order has just gone: the provider calls again, and there is no such order then
 */
export function tellResult(context: Context, money: Money, status: PaymentResult): void {
  if (status === 'reference_taken') tellStray(context, money, status);
  if (status === 'not_found') throw new Problem('not_found');
}
