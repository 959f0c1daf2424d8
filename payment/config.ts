import {
  ConfigError,
  oneOf,
  shopUrl,
  stripeKey,
  stripeWebhookSecret,
  url,
} from '../contracts/config.ts';
import type { StripeOptions } from './stripe.ts';

/** Variables of web nodes and workers: who takes the money. */
export const paymentSpecs = {
  PAYMENT_PROVIDER: oneOf('demo', 'stripe')({ default: 'demo' }),
  STRIPE_SECRET_KEY: stripeKey({ default: undefined }),
  STRIPE_WEBHOOK_SECRET: stripeWebhookSecret({ default: undefined }),
  STRIPE_API_URL: url('http', 'https')({ default: 'https://api.stripe.com' }),
  /** As shoppers know it: where a payment page sends them back. */
  SHOP_URL: shopUrl({ default: undefined }),
};

interface PaymentVariables {
  readonly PAYMENT_PROVIDER: 'demo' | 'stripe';
  readonly STRIPE_SECRET_KEY: string | undefined;
  readonly STRIPE_WEBHOOK_SECRET: string | undefined;
  readonly STRIPE_API_URL: string;
  readonly SHOP_URL: string | undefined;
}

export type PaymentConfig =
  | { readonly provider: 'demo' }
  | { readonly provider: 'stripe'; readonly stripe: StripeOptions };

/** @throws {ConfigError} Stripe is wanted and something of it is missing */
export function paymentConfig(env: PaymentVariables): PaymentConfig {
  if (env.PAYMENT_PROVIDER === 'demo') return { provider: 'demo' };
  const { STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_API_URL, SHOP_URL } = env;
  const needed = { STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, SHOP_URL };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value ? [] : [name]));
  if (!STRIPE_SECRET_KEY || !STRIPE_WEBHOOK_SECRET || !SHOP_URL) {
    throw new ConfigError(`PAYMENT_PROVIDER=stripe needs ${missing.join(', ')}`);
  }
  return {
    provider: 'stripe',
    stripe: {
      secretKey: STRIPE_SECRET_KEY,
      webhookSecret: STRIPE_WEBHOOK_SECRET,
      apiUrl: STRIPE_API_URL,
      shopUrl: SHOP_URL,
    },
  };
}
