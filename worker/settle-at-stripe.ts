import { endCheckout, endRefund, installation, takeCheckouts, takeRefunds } from '../db/calls.ts';
import type { Databases } from '../db/client/pool.ts';
import { STRIPE_PREFIX, type StripeAccountOptions } from '../payment/stripe-terms.ts';
import { endCheckouts } from './checkouts.ts';
import { giveRefunds, type RefundOptions } from './refund.ts';

/**
 * Gives refunds and ends sessions at Stripe, for the orders of one schema. It also runs when another
 * provider takes payments now: Stripe refunds the earlier Stripe payments.
 */
export async function settleAtStripe(
  options: StripeAccountOptions,
  databases: Databases,
  common: Pick<RefundOptions, 'schema' | 'log' | 'stopping'>,
): Promise<Promise<void>[]> {
  const { schema } = common;
  const { StripeAccount } = await import('../payment/stripe-account.ts');
  const stripe = new StripeAccount(options);
  const refunds = giveRefunds({
    ...common,
    take: (limit) => takeRefunds(databases, schema, STRIPE_PREFIX, limit),
    refund: async (paymentRef, failedRef) =>
      stripe.refund(paymentRef, await installation(databases, schema), failedRef),
    end: (paymentRef, end) => endRefund(databases, schema, paymentRef, end),
  });
  const checkouts = endCheckouts({
    ...common,
    take: (limit) => takeCheckouts(databases, schema, STRIPE_PREFIX, limit),
    end: (sessionRef) => stripe.end(sessionRef),
    note: ({ orderNo, sessionRef }, end) => endCheckout(databases, orderNo, sessionRef, end),
  });
  return [refunds, checkouts];
}
