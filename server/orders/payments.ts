import type { PaymentConfig } from '../../payment/config.ts';
import { StandardProvider } from '../../payment/standard.ts';
import type { StripeProvider } from '../../payment/stripe.ts';

/** The one payment provider of this shop. Data of another provider is treated as absent. */
export type Payments =
  | { readonly kind: 'demo' | 'standard'; readonly provider: StandardProvider }
  | { readonly kind: 'stripe'; readonly provider: StripeProvider };

export async function createPayments(payment: PaymentConfig): Promise<Payments> {
  if (payment.provider !== 'stripe') {
    return { kind: payment.provider, provider: new StandardProvider(payment.webhookSecret) };
  }
  const { StripeProvider } = await import('../../payment/stripe.ts');
  return { kind: 'stripe', provider: new StripeProvider(payment.stripe) };
}
