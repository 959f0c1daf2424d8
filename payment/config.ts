import {
  ConfigError,
  oneOf,
  shopUrl,
  stripeKey,
  stripeWebhookSecret,
  url,
  webhookSecret,
} from '../contracts/config.ts';
import type { StripeOptions } from './stripe.ts';

/** Variables of web nodes and workers: who takes the money. */
export const paymentSpecs = {
  PAYMENT_PROVIDER: oneOf('demo', 'standard', 'stripe')({ default: undefined }),
  PAYMENT_WEBHOOK_SECRET: webhookSecret({ default: undefined }),
  STRIPE_SECRET_KEY: stripeKey({ default: undefined }),
  STRIPE_WEBHOOK_SECRET: stripeWebhookSecret({ default: undefined }),
  STRIPE_API_URL: url('http', 'https')({ default: 'https://api.stripe.com' }),
  /** As shoppers know it: where a payment page sends them back. */
  SHOP_URL: shopUrl({ default: undefined }),
};

interface PaymentVariables {
  readonly DEMO: boolean;
  readonly PAYMENT_PROVIDER: 'demo' | 'standard' | 'stripe' | undefined;
  readonly STRIPE_SECRET_KEY: string | undefined;
  readonly STRIPE_WEBHOOK_SECRET: string | undefined;
  readonly STRIPE_API_URL: string;
  readonly SHOP_URL: string | undefined;
}

/**
 * - `demo`: the pay button of the demo, which calls back as `standard`
 * - `standard`: the shop takes payments elsewhere; what calls back signs as Standard Webhooks say
 * - `stripe`: Checkout pages of Stripe
 */
export type PaymentConfig =
  | { readonly provider: 'demo' | 'standard' }
  | { readonly provider: 'stripe'; readonly stripe: StripeOptions };

/** @throws {ConfigError} none is chosen outside the demo, or something of Stripe is missing */
export function paymentConfig(env: PaymentVariables): PaymentConfig {
  const provider = env.PAYMENT_PROVIDER ?? (env.DEMO ? 'demo' : undefined);
  if (provider === undefined) {
    throw new ConfigError('PAYMENT_PROVIDER is not set: standard or stripe');
  }
  if (provider === 'demo' && !env.DEMO) {
    throw new ConfigError('PAYMENT_PROVIDER=demo needs DEMO: anybody pays by a press');
  }
  if (provider !== 'stripe') return { provider };
  const { STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_API_URL, SHOP_URL } = env;
  const needed = { STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, SHOP_URL };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value ? [] : [name]));
  if (!STRIPE_SECRET_KEY || !STRIPE_WEBHOOK_SECRET || !SHOP_URL) {
    throw new ConfigError(`PAYMENT_PROVIDER=stripe needs ${missing.join(', ')}`);
  }
  return {
    provider,
    stripe: {
      secretKey: STRIPE_SECRET_KEY,
      webhookSecret: STRIPE_WEBHOOK_SECRET,
      apiUrl: STRIPE_API_URL,
      shopUrl: SHOP_URL,
    },
  };
}
