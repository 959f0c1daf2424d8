/**
 * Terms of Stripe that a process needs before it uses the account. The library is loaded only by a
 * process that has an account, because it takes a quarter of the start of a web node.
 */

/** Precedes every reference, so that Stripe's ids cannot be taken for those of another provider. */
export const STRIPE_PREFIX = 'stripe:';

export interface StripeAccountOptions {
  readonly secretKey: string;
  /** Base URL of Stripe's API. */
  readonly apiUrl: string;
}

/** Whether a key is one of Stripe's test mode, in which no real money is paid. */
export function isTestKey(secretKey: string): boolean {
  return /^[sr]k_test_/.test(secretKey);
}
