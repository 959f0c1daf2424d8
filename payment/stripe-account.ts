import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { ForgedCallback, PaymentError, RefundFailed, UnknownCallback } from './provider.ts';

/**
 * An account at Stripe, as far as its key alone reaches: sessions are ended, and money goes back. Workers
 * need no more of it.
 */

export type { Stripe };

/** In front of every reference: Stripe's payment intents are no other provider's. */
export const STRIPE_PREFIX = 'stripe:';

/** How a session is over. */
export type SessionEnd = 'expired' | 'complete';

export interface StripeAccountOptions {
  readonly secretKey: string;
  /** Stripe's API. */
  readonly apiUrl: string;
}

/** The key says in which of Stripe's two worlds it is: only in one of them money is money. */
export function isTestKey(secretKey: string): boolean {
  return /^[sr]k_test_/.test(secretKey);
}

const REQUEST_TIMEOUT_MS = 10_000;
const NETWORK_RETRIES_MAX = 2;

/** Refusals before Stripe has begun: it does not keep them. */
const NOT_KEPT = new Set([401, 409, 429]);

export class StripeAccount {
  protected readonly stripe: Stripe;

  constructor({ secretKey, apiUrl }: StripeAccountOptions) {
    const { protocol, hostname, port } = new URL(apiUrl);
    this.stripe = new Stripe(secretKey, {
      protocol: protocol === 'http:' ? 'http' : 'https',
      host: hostname,
      ...(port !== '' && { port }),
      timeout: REQUEST_TIMEOUT_MS,
      maxNetworkRetries: NETWORK_RETRIES_MAX,
      telemetry: false,
    });
  }

  /**
   * Ends a session, so that nobody can pay in it any more.
   *
   * @returns how it is over: `complete`, its shopper was faster, and the webhook tells of the payment
   * @throws {PaymentError} it can still be paid
   */
  async end(sessionRef: string): Promise<SessionEnd> {
    const id = sessionRef.slice(STRIPE_PREFIX.length);
    try {
      await this.ask(() => this.stripe.checkout.sessions.expire(id));
      return 'expired';
    } catch (error) {
      if (!(error instanceof PaymentError) || error.isTransient) throw error;
      // Stripe expires open sessions only, and says the rest in words.
      const status = await this.statusOf(sessionRef);
      if (status === 'open') throw error;
      return status;
    }
  }

  /**
   * How a session is now.
   * @throws {PaymentError}
   */
  async statusOf(sessionRef: string): Promise<SessionEnd | 'open'> {
    const id = sessionRef.slice(STRIPE_PREFIX.length);
    const { status } = await this.ask(() => this.stripe.checkout.sessions.retrieve(id));
    if (status === 'expired') return 'expired';
    if (status === 'complete') return 'complete';
    return 'open';
  }

  /**
   * Gives all of a payment back, once however often it is asked for.
   * @param installation that the payment was made to
   * @param after the last refund of it that failed: one more is made, once
   * @returns Stripe's reference of the refund, which may fail later: a callback says so
   * @throws {RefundFailed} it came to nothing at once
   * @throws {PaymentError}
   */
  async refund(reference: string, installation: string, after?: string): Promise<string> {
    const intent = reference.slice(STRIPE_PREFIX.length);
    const key = after === undefined ? intent : `${intent}-after-${after}`;
    try {
      const wanted = {
        payment_intent: intent,
        metadata: { flashsale_installation: installation },
      };
      const refund = await this.askAnew(`flashsale-${installation}-refund-${key}`, (each) =>
        this.stripe.refunds.create(wanted, { idempotencyKey: each }),
      );
      if (isVoid(refund)) throw new RefundFailed(refund.id, reasonOf(refund));
      return refund.id;
    } catch (error) {
      // By hand, or by a try whose answer was lost longer ago than Stripe remembers its key.
      if (error instanceof PaymentError && error.message.includes('charge_already_refunded')) {
        return this.#refundOf(intent, error);
      }
      throw error;
    }
  }

  async #refundOf(intent: string, error: PaymentError): Promise<string> {
    const { data } = await this.ask(() => this.stripe.refunds.list({ payment_intent: intent }));
    const made = data.find((refund) => !isVoid(refund));
    if (made === undefined) throw error;
    return made.id;
  }

  /**
   * @throws {ForgedCallback}
   * @throws {UnknownCallback}
   */
  protected open(body: string, signature: string, webhookSecret: string): Stripe.Event {
    try {
      return this.stripe.webhooks.constructEvent(body, signature, webhookSecret);
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) {
        throw new ForgedCallback('the signature does not fit');
      }
      if (error instanceof SyntaxError) throw new UnknownCallback('not JSON');
      throw error;
    }
  }

  /**
   * Stripe keeps the answer to a key for a day, a failure as well: after one it is asked under a key of its
   * own. That does no harm: a session that is not kept is told to nobody, and all of a payment is given back
   * once (`charge_already_refunded`).
   */
  protected async askAnew<T>(key: string, call: (key: string) => Promise<T>): Promise<T> {
    try {
      return await this.ask(() => call(key));
    } catch (error) {
      if (!(error instanceof PaymentError) || !error.isKept) throw error;
      return this.ask(() => call(`${key}-${randomUUID()}`));
    }
  }

  /** What Stripe's errors carry beside their message (headers, the request) must not reach a log. */
  protected async ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeError)) throw error;
      const { type, code, statusCode } = error;
      const isTransient = statusCode === undefined || statusCode >= 500 || statusCode === 429;
      const isKept = statusCode !== undefined && !NOT_KEPT.has(statusCode);
      const message = `Stripe: ${code ?? type} (${statusCode ?? 'no answer'})`;
      throw new PaymentError(message, isTransient, isKept);
    }
  }
}

/** Whether a refund gives nothing back. */
export function isVoid({ status }: Stripe.Refund): boolean {
  return status === 'failed' || status === 'canceled';
}

export function reasonOf({ failure_reason: reason, status }: Stripe.Refund): string {
  return reason ?? status ?? 'unknown';
}
