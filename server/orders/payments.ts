import type { PaymentConfig } from '../../payment/config.ts';
import { StandardProvider } from '../../payment/standard.ts';
import { StripeProvider } from '../../payment/stripe.ts';

/** The one payment provider of this shop. Data of another provider is treated as absent. */
export type Payments =
  | { readonly kind: 'demo' | 'standard'; readonly provider: StandardProvider }
  | { readonly kind: 'stripe'; readonly provider: StripeProvider };

export function createPayments(payment: PaymentConfig): Payments {
  return payment.provider === 'stripe'
    ? { kind: 'stripe', provider: new StripeProvider(payment.stripe) }
    : { kind: payment.provider, provider: new StandardProvider(payment.webhookSecret) };
}
