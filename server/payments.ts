import type { PaymentConfig } from '../payment/config.ts';
import { StandardProvider } from '../payment/standard.ts';
import { StripeProvider } from '../payment/stripe.ts';

/** The one provider of this shop: what is there of another does not exist. */
export type Payments =
  | { readonly kind: 'demo' | 'standard'; readonly provider: StandardProvider }
  | { readonly kind: 'stripe'; readonly provider: StripeProvider };

export function createPayments(payment: PaymentConfig): Payments {
  return payment.provider === 'stripe'
    ? { kind: 'stripe', provider: new StripeProvider(payment.stripe) }
    : { kind: payment.provider, provider: new StandardProvider(payment.webhookSecret) };
}
