import type { PaymentConfig } from '../payment/config.ts';
import type { PaymentProvider } from '../payment/provider.ts';
import { StandardProvider } from '../payment/standard.ts';
import { StripeProvider } from '../payment/stripe.ts';

/** The providers that may call back, and the one that shoppers are sent to. */
export interface Payments {
  /** Callbacks at the order itself, signed as Standard Webhooks say. */
  readonly standard: StandardProvider;
  readonly stripe: StripeProvider | undefined;
  /** Undefined where the shop takes payments elsewhere and only the callback comes here. */
  readonly checkout: PaymentProvider | undefined;
}

export function createPayments(config: {
  readonly payment: PaymentConfig;
  readonly paymentWebhookSecret: string;
  readonly demo: boolean;
}): Payments {
  const { payment, paymentWebhookSecret, demo } = config;
  const standard = new StandardProvider(paymentWebhookSecret);
  if (payment.provider === 'stripe') {
    const stripe = new StripeProvider(payment.stripe);
    return { standard, stripe, checkout: stripe };
  }
  return { standard, stripe: undefined, checkout: demo ? standard : undefined };
}
