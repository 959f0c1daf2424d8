import Stripe from 'stripe';
import { isOrderNo } from '../contracts/ids.ts';
import { fromMinorUnits, toMinorUnits } from './money.ts';
import {
  type Checkout,
  type FailedRefund,
  ForgedCallback,
  type Ignored,
  type PayableOrder,
  type Payment,
  PaymentError,
  type PaymentProvider,
  RefundFailed,
  UnknownCallback,
} from './provider.ts';

/**
 * Stripe: a Checkout session for each order, a signed webhook when it is paid, a refund when the order
 * cannot have the money. Nothing of it is stored here: the order's number goes along as metadata and
 * comes back with every event, so an event may come before, after or without the answer to `begin`.
 */

/** In front of every reference: Stripe's payment intents are no other provider's. */
export const STRIPE_PREFIX = 'stripe:';

export interface StripeOptions {
  readonly secretKey: string;
  readonly webhookSecret: string;
  /** Where the page is, for the way back; without a slash at its end. */
  readonly shopUrl: string;
  /** Stripe's API. */
  readonly apiUrl: string;
}

const REQUEST_TIMEOUT_MS = 10_000;
const NETWORK_RETRIES_MAX = 2;
/** Stripe keeps a session open for no less than 30 minutes and no more than a day. */
const SESSION_MS_MIN = 30 * 60_000;
const SESSION_MS_MAX = 24 * 3_600_000;
/** Between our clock and Stripe's, and for the request itself. */
const MARGIN_MS = 60_000;

/** They overlap, and which of them come depends on the API version: each says the same. */
const REFUND_CHANGED = new Set(['refund.failed', 'refund.updated', 'charge.refund.updated']);

const PAID = new Set(['checkout.session.completed', 'checkout.session.async_payment_succeeded']);

export class StripeProvider implements PaymentProvider {
  readonly #stripe: Stripe;
  readonly #options: StripeOptions;

  constructor(options: StripeOptions) {
    const { protocol, hostname, port } = new URL(options.apiUrl);
    this.#options = options;
    this.#stripe = new Stripe(options.secretKey, {
      protocol: protocol === 'http:' ? 'http' : 'https',
      host: hostname,
      ...(port !== '' && { port }),
      timeout: REQUEST_TIMEOUT_MS,
      maxNetworkRetries: NETWORK_RETRIES_MAX,
      telemetry: false,
    });
  }

  /** The same session however often it is asked for: the order is the idempotency key. */
  async begin(order: PayableOrder): Promise<Checkout> {
    const { orderNo, sale, title, units, amount, currency, payBefore } = order;
    const expiresAtMs = sessionEndMs(payBefore.getTime(), Date.now());
    const page = `${this.#options.shopUrl}/sales/${encodeURIComponent(sale)}`;
    const metadata = { flashsale_order: orderNo };
    const session = await this.#ask(() =>
      this.#stripe.checkout.sessions.create(
        {
          mode: 'payment',
          line_items: [
            {
              quantity: 1,
              price_data: {
                currency: currency.toLowerCase(),
                unit_amount: toMinorUnits(amount, currency),
                product_data: { name: units > 1 ? `${units} × ${title}` : title },
              },
            },
          ],
          client_reference_id: orderNo,
          metadata,
          payment_intent_data: { metadata },
          success_url: `${page}#orders`,
          cancel_url: `${page}#orders`,
          ...(expiresAtMs !== undefined && { expires_at: Math.ceil(expiresAtMs / 1_000) }),
        },
        // A session of another end is another session; both are for this order.
        { idempotencyKey: `flashsale-order-${orderNo}-${expiresAtMs ?? 'day'}` },
      ),
    );
    if (session.url === null) throw new PaymentError('the session has no page', false);
    return { method: 'GET', url: session.url };
  }

  verify(
    body: string,
    headers: Readonly<Record<string, string | undefined>>,
  ): Payment | FailedRefund | Ignored {
    const event = this.#open(body, headers['stripe-signature'] ?? '');
    if (REFUND_CHANGED.has(event.type)) return refundNews(event.data.object as Stripe.Refund);
    if (!event.type.startsWith('checkout.session.')) return ignored(`it is a ${event.type}`);
    const session = event.data.object as Stripe.Checkout.Session;
    const orderNo = session.metadata?.['flashsale_order'];
    if (orderNo === undefined) return ignored('the session is not of this shop');
    // A session that ended unpaid: the order expires by the database's clock, not by Stripe's.
    if (!PAID.has(event.type)) return ignored(`it is a ${event.type}`);
    if (session.payment_status !== 'paid') return ignored(`it is ${session.payment_status}`);
    const { payment_intent: intent, amount_total: units } = session;
    const id = typeof intent === 'string' ? intent : intent?.id;
    const currency = session.currency?.toUpperCase();
    if (id === undefined || units === null || currency === undefined || !isOrderNo(orderNo)) {
      throw new UnknownCallback('a paid session without order, payment or amount');
    }
    const reference = `${STRIPE_PREFIX}${id}`;
    return { kind: 'paid', orderNo, reference, amount: fromMinorUnits(units, currency), currency };
  }

  /**
   * Gives all of a payment back, once however often it is asked for.
   * @param after the last refund of it that failed: one more is made, once
   * @returns Stripe's reference of the refund, which may fail later: a callback says so
   * @throws {RefundFailed} it came to nothing at once
   * @throws {PaymentError}
   */
  async refund(reference: string, after?: string): Promise<string> {
    const intent = reference.slice(STRIPE_PREFIX.length);
    const key = after === undefined ? intent : `${intent}-after-${after}`;
    try {
      const refund = await this.#ask(() =>
        this.#stripe.refunds.create(
          { payment_intent: intent },
          { idempotencyKey: `flashsale-refund-${key}` },
        ),
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
    const { data } = await this.#ask(() => this.#stripe.refunds.list({ payment_intent: intent }));
    const made = data.find((refund) => !isVoid(refund));
    if (made === undefined) throw error;
    return made.id;
  }

  #open(body: string, signature: string): Stripe.Event {
    try {
      return this.#stripe.webhooks.constructEvent(body, signature, this.#options.webhookSecret);
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) {
        throw new ForgedCallback('the signature does not fit');
      }
      if (error instanceof SyntaxError) throw new UnknownCallback('not JSON');
      throw error;
    }
  }

  /** What Stripe's errors carry beside their message (headers, the request) must not reach a log. */
  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof RangeError) throw new PaymentError(error.message, false);
      if (!(error instanceof Stripe.errors.StripeError)) throw error;
      const { type, code, statusCode } = error;
      const isTransient = statusCode === undefined || statusCode >= 500 || statusCode === 429;
      throw new PaymentError(`Stripe: ${code ?? type} (${statusCode ?? 'no answer'})`, isTransient);
    }
  }
}

function isVoid({ status }: Stripe.Refund): boolean {
  return status === 'failed' || status === 'canceled';
}

function reasonOf({ failure_reason: reason, status }: Stripe.Refund): string {
  return reason ?? status ?? 'unknown';
}

function refundNews(refund: Stripe.Refund): FailedRefund | Ignored {
  if (!isVoid(refund)) return ignored(`the refund is ${refund.status}`);
  const { payment_intent: intent, id } = refund;
  const paymentId = typeof intent === 'string' ? intent : intent?.id;
  if (paymentId === undefined) return ignored('a refund without a payment intent');
  const reference = `${STRIPE_PREFIX}${paymentId}`;
  return { kind: 'refund_failed', reference, refundRef: id, reason: reasonOf(refund) };
}

function ignored(reason: string): Ignored {
  return { kind: 'ignored', reason };
}

/**
 * When a session for an order ends: with the order, or as soon after as Stripe allows; undefined for an
 * order that may be paid for longer than a session lives. One of two moments for each order, so that a
 * repeated press meets the same session.
 */
export function sessionEndMs(payBeforeMs: number, nowMs: number): number | undefined {
  if (payBeforeMs > nowMs + SESSION_MS_MAX - MARGIN_MS) return undefined;
  if (payBeforeMs >= nowMs + SESSION_MS_MIN + MARGIN_MS) return payBeforeMs;
  return payBeforeMs + SESSION_MS_MIN + MARGIN_MS;
}
