import { ConfigError, flag, oneOf, secretText, shopUrl, trustedUrl } from '../contracts/config.ts';
import type { StripeOptions } from './stripe.ts';
import { isTestKey, type StripeAccountOptions } from './stripe-terms.ts';

/** A secret or restricted key of Stripe's API. */
const stripeKey = secretText('a key of Stripe: sk_test_…, sk_live_… or rk_…', (input) =>
  /^(sk|rk)_(test|live)_[A-Za-z0-9]{8,}$/.test(input),
);

/** The signing secret of an endpoint, in Stripe's format. */
const stripeWebhookSecret = secretText('whsec_ and at least 24 letters and digits', (input) =>
  /^whsec_[A-Za-z0-9]{24,}$/.test(input),
);

/** The signing secret of a payment provider, in the format of Standard Webhooks. */
const webhookSecret = secretText('whsec_ and at least 24 bytes in base64', (input) =>
  /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(input),
);

/** Environment variables of web nodes and workers for the payment provider. */
export const accountSpecs = {
  PAYMENT_PROVIDER: oneOf('demo', 'standard', 'stripe')({ default: undefined }),
  STRIPE_SECRET_KEY: stripeKey({ default: undefined }),
  /** For staging only: allows a key of Stripe's test mode, in which no real money is paid. */
  STRIPE_TEST_MODE: flag({ default: false }),
  STRIPE_API_URL: trustedUrl({ default: 'https://api.stripe.com' }),
};

/** Variables of web nodes, which also start payments and receive the provider's callbacks. */
export const paymentSpecs = {
  ...accountSpecs,
  PAYMENT_WEBHOOK_SECRET: webhookSecret({ default: undefined }),
  STRIPE_WEBHOOK_SECRET: stripeWebhookSecret({ default: undefined }),
  /** The shop's public URL, to which a payment page sends shoppers back. */
  SHOP_URL: shopUrl({ default: undefined }),
};

interface AccountVariables {
  readonly DEMO: boolean;
  readonly PAYMENT_PROVIDER: 'demo' | 'standard' | 'stripe' | undefined;
  readonly STRIPE_SECRET_KEY: string | undefined;
  readonly STRIPE_TEST_MODE: boolean;
  readonly STRIPE_API_URL: string;
}

interface PaymentVariables extends AccountVariables {
  readonly PAYMENT_WEBHOOK_SECRET: string | undefined;
  readonly STRIPE_WEBHOOK_SECRET: string | undefined;
  readonly SHOP_URL: string | undefined;
}

/**
 * The present payment provider, and the Stripe account. A shop that has changed its provider may still
 * have the account for earlier payments.
 *
 * - `demo`: the demo's pay button, which sends callbacks like `standard`
 * - `standard`: the shop takes payments elsewhere; callbacks are signed as Standard Webhooks specifies
 * - `stripe`: Stripe's Checkout pages
 */
export interface AccountConfig {
  readonly provider: 'demo' | 'standard' | 'stripe';
  readonly stripe: StripeAccountOptions | undefined;
}

/** @throws {ConfigError} outside the demo no provider is set, or the key does not match the mode */
export function accountConfig(env: AccountVariables): AccountConfig {
  const provider = env.PAYMENT_PROVIDER ?? (env.DEMO ? 'demo' : undefined);
  if (provider === undefined) {
    throw new ConfigError('PAYMENT_PROVIDER is not set: standard or stripe');
  }
  if (provider === 'demo' && !env.DEMO) {
    throw new ConfigError('PAYMENT_PROVIDER=demo needs DEMO: orders are paid without money');
  }
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_API_URL: apiUrl } = env;
  if (secretKey === undefined) {
    if (provider !== 'stripe') return { provider, stripe: undefined };
    throw new ConfigError('PAYMENT_PROVIDER=stripe needs STRIPE_SECRET_KEY');
  }
  const isTest = isTestKey(secretKey);
  if (isTest && !env.DEMO && !env.STRIPE_TEST_MODE) {
    throw new ConfigError(
      'STRIPE_SECRET_KEY is a test key: orders would be paid without money. A staging shop sets STRIPE_TEST_MODE=1',
    );
  }
  if (env.STRIPE_TEST_MODE && !isTest) {
    throw new ConfigError('STRIPE_TEST_MODE needs a test key: STRIPE_SECRET_KEY takes real money');
  }
  return { provider, stripe: { secretKey, apiUrl } };
}

/** Configuration of a web node, which also needs the secret of the callbacks. */
export type PaymentConfig =
  | { readonly provider: 'stripe'; readonly stripe: StripeOptions }
  | { readonly provider: 'demo' | 'standard'; readonly webhookSecret: string };

/** @throws {ConfigError} like `accountConfig`; also if a variable of the provider is missing */
export function paymentConfig(env: PaymentVariables): PaymentConfig {
  const { STRIPE_WEBHOOK_SECRET, SHOP_URL } = env;
  const { provider, stripe } = accountConfig(env);
  if (provider !== 'stripe') {
    const { PAYMENT_WEBHOOK_SECRET: webhookSecret } = env;
    if (webhookSecret === undefined) throw new ConfigError('PAYMENT_WEBHOOK_SECRET is not set');
    return { provider, webhookSecret };
  }
  const needed = { STRIPE_WEBHOOK_SECRET, SHOP_URL };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value ? [] : [name]));
  if (!stripe || !STRIPE_WEBHOOK_SECRET || !SHOP_URL) {
    throw new ConfigError(`PAYMENT_PROVIDER=stripe needs ${missing.join(', ')}`);
  }
  return {
    provider,
    stripe: { ...stripe, webhookSecret: STRIPE_WEBHOOK_SECRET, shopUrl: SHOP_URL },
  };
}
