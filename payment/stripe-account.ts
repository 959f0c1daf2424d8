import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { ForgedCallback, PaymentError, RefundFailed, UnknownCallback } from './provider.ts';
import { STRIPE_PREFIX, type StripeAccountOptions } from './stripe-terms.ts';

/**
 * A Stripe account, with the calls that need only its key: ending sessions and refunds. Workers need
 * nothing else.
 */

export type { Stripe };

/** How a session ended. */
export type SessionEnd = 'expired' | 'complete';

const REQUEST_TIMEOUT_MS = 10_000;
const NETWORK_RETRIES_MAX = 2;

/** Status codes of refusals before Stripe started the call; it does not store them for the key. */
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
   * @returns how the session ended. `complete`: the shopper completed it first, and a callback reports
   *   the payment
   * @throws {PaymentError} the session can still be paid
   */
  async end(sessionRef: string): Promise<SessionEnd> {
    const id = sessionRef.slice(STRIPE_PREFIX.length);
    try {
      await this.ask(() => this.stripe.checkout.sessions.expire(id));
      return 'expired';
    } catch (error) {
      if (!(error instanceof PaymentError) || error.isTransient) throw error;
      // Stripe refuses to expire a session that is not open. The status says how it ended.
      const status = await this.statusOf(sessionRef);
      if (status === 'open') throw error;
      return status;
    }
  }

  /**
   * Reads the present status of a session.
   *
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
   * Refunds a payment completely. Repeated calls make one refund.
   *
   * @param reference the payment, with Stripe's prefix
   * @param installation the installation that received the payment
   * @param after the last failed refund of the payment; one new refund is made after it
   * @returns Stripe's reference of the refund. A refund may fail later; a callback reports that
   * @throws {RefundFailed} the refund failed at once
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
      // The refund was made by hand, or by an earlier call whose answer was lost and whose idempotency
      // key Stripe has forgotten since.
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
   * Checks the signature of a callback and returns its event.
   *
   * @throws {ForgedCallback}
   * @throws {UnknownCallback}
   */
  protected open(body: string, signature: string, webhookSecret: string): Stripe.Event {
    try {
      return this.stripe.webhooks.constructEvent(body, signature, webhookSecret);
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) {
        throw new ForgedCallback('the signature is wrong');
      }
      if (error instanceof SyntaxError) throw new UnknownCallback('not JSON');
      throw error;
    }
  }

  /**
   * Makes a call with an idempotency key. Stripe stores the answer to a key for a day, even a failure,
   * so after a stored failure the call is repeated with a new key. A duplicate does no harm: nobody gets
   * the URL of a session that is not stored, and Stripe refuses a second full refund
   * (`charge_already_refunded`).
   */
  protected async askAnew<T>(key: string, call: (key: string) => Promise<T>): Promise<T> {
    try {
      return await this.ask(() => call(key));
    } catch (error) {
      if (!(error instanceof PaymentError) || !error.isKept) throw error;
      return this.ask(() => call(`${key}-${randomUUID()}`));
    }
  }

  /** Converts Stripe's errors, because their headers and request must not get into a log. */
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

/** Whether a refund has failed or was cancelled, so that it gives nothing back. */
export function isVoid({ status }: Stripe.Refund): boolean {
  return status === 'failed' || status === 'canceled';
}

/** Why a refund failed. */
export function reasonOf({ failure_reason: reason, status }: Stripe.Refund): string {
  return reason ?? status ?? 'unknown';
}
