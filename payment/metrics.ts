import type { Metrics } from '../process/metrics.ts';
import { isTestKey } from './stripe-terms.ts';

interface Account {
  readonly provider: string;
  readonly stripe?: { readonly secretKey: string } | undefined;
}

/**
 * - `live`: real money, by Stripe
 * - `test`: a key of Stripe's test mode
 * - `own`: the shop takes payments elsewhere
 */
type PaymentMode = 'live' | 'test' | 'own' | 'demo';

function modeOf({ provider, stripe }: Account, isDemo: boolean): PaymentMode {
  if (isDemo) return 'demo';
  if (provider !== 'stripe' || stripe === undefined) return 'own';
  return isTestKey(stripe.secretKey) ? 'test' : 'live';
}

/** Shows by which provider orders are paid, and whether with real money. */
export function showPayments(metrics: Metrics, account: Account, isDemo: boolean): void {
  metrics
    .gauge(
      'flashsale_payment_mode',
      'always 1; the labels are the provider, and live, test, own (the shop takes payments elsewhere) or demo',
      ['provider', 'mode'],
    )
    .set({ provider: account.provider, mode: modeOf(account, isDemo) }, 1);
}
