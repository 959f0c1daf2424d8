import { createHash, randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { isOrderNo } from '../contracts/ids.ts';
import { fromMinorUnits, toMinorUnits } from './money.ts';
import {
  type Checkout,
  type FailedRefund,
  ForgedCallback,
  type Ignored,
  type IgnoredReason,
  type PayableOrder,
  PaymentError,
  type PaymentProvider,
  RefundFailed,
  type SessionOver,
  type SessionPaid,
  UnknownCallback,
} from './provider.ts';
import { sessionEndMs } from './session-end.ts';

/**
 * Stripe: a Checkout session for each order, a signed webhook when it is paid, a refund when the order
 * cannot have the money. The order's number and the installation that has it go along as metadata and
 * come back with every event; Stripe's account may serve other shops as well.
 */

/** In front of every reference: Stripe's payment intents are no other provider's. */
export const STRIPE_PREFIX = 'stripe:';

/** How a session is over. */
export type SessionEnd = 'expired' | 'complete';

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

/** Refusals before Stripe has begun: it does not keep them. */
const NOT_KEPT = new Set([401, 409, 429]);

/** They overlap, and which of them come depends on the API version: each says the same. */
const REFUND_CHANGED = new Set(['refund.failed', 'refund.updated', 'charge.refund.updated']);

const PAID = new Set(['checkout.session.completed', 'checkout.session.async_payment_succeeded']);
/** After these nobody can pay in that session; a completed one may still have its payment under way. */
const OVER = new Set(['checkout.session.expired', 'checkout.session.async_payment_failed']);

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

  /** The same session however often it is asked for: what it is for is the idempotency key. */
  async begin(order: PayableOrder): Promise<Checkout> {
    const { requestId, installation, attempt } = order;
    const wanted = this.#sessionFor(order);
    // Stripe refuses a key that comes with other values, such as a changed title, for a day.
    const hash = createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 16);
    const idempotencyKey = `flashsale-${installation}-order-${requestId}-${attempt}-${hash}`;
    const session = await this.#askAnew(idempotencyKey, (key) =>
      this.#stripe.checkout.sessions.create(wanted, { idempotencyKey: key }),
    );
    const { id, url, expires_at: endsAtS } = session;
    if (url === null) throw new PaymentError('the session has no page', false);
    const ref = `${STRIPE_PREFIX}${id}`;
    return { method: 'GET', url, session: { ref, url, endsAt: new Date(endsAtS * 1_000) } };
  }

  #sessionFor(order: PayableOrder): Stripe.Checkout.SessionCreateParams {
    const { orderNo, sale, title, units, amount, currency, payBefore } = order;
    const expiresAtMs = sessionEndMs(payBefore.getTime(), Date.now());
    const page = `${this.#options.shopUrl}/sales/${encodeURIComponent(sale)}`;
    const metadata = {
      flashsale_installation: order.installation,
      flashsale_order: orderNo,
      flashsale_request: order.requestId,
    };
    return {
      mode: 'payment',
      line_items: [
        {
          quantity: 1,
          price_data: {
            currency: currency.toLowerCase(),
            unit_amount: minorUnits(amount, currency),
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
    };
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
      await this.#ask(() => this.#stripe.checkout.sessions.expire(id));
      return 'expired';
    } catch (error) {
      if (!(error instanceof PaymentError) || error.isTransient) throw error;
      // Stripe expires open sessions only, and says the rest in words.
      const { status } = await this.#ask(() => this.#stripe.checkout.sessions.retrieve(id));
      if (status === 'expired') return 'expired';
      if (status === 'complete') return 'complete';
      throw error;
    }
  }

  verify(
    body: string,
    headers: Readonly<Record<string, string | undefined>>,
  ): SessionPaid | SessionOver | FailedRefund | Ignored {
    const event = this.#open(body, headers['stripe-signature'] ?? '');
    if (REFUND_CHANGED.has(event.type)) return refundNews(event.data.object as Stripe.Refund);
    if (!event.type.startsWith('checkout.session.')) return ignored('other_event');
    return sessionNews(event);
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
      const refund = await this.#askAnew(`flashsale-${installation}-refund-${key}`, (each) =>
        this.#stripe.refunds.create(wanted, { idempotencyKey: each }),
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

  /**
   * Stripe keeps the answer to a key for a day, a failure as well: after one it is asked under a key of its
   * own. That does no harm: a session that is not kept is told to nobody, and all of a payment is given back
   * once (`charge_already_refunded`).
   */
  async #askAnew<T>(key: string, call: (key: string) => Promise<T>): Promise<T> {
    try {
      return await this.#ask(() => call(key));
    } catch (error) {
      if (!(error instanceof PaymentError) || !error.isKept) throw error;
      return this.#ask(() => call(`${key}-${randomUUID()}`));
    }
  }

  /** What Stripe's errors carry beside their message (headers, the request) must not reach a log. */
  async #ask<T>(call: () => Promise<T>): Promise<T> {
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

/** @throws {PaymentError} the currency has no such fraction */
function minorUnits(amount: string, currency: string): number {
  try {
    return toMinorUnits(amount, currency);
  } catch (error) {
    throw new PaymentError((error as Error).message, false);
  }
}

function isVoid({ status }: Stripe.Refund): boolean {
  return status === 'failed' || status === 'canceled';
}

function reasonOf({ failure_reason: reason, status }: Stripe.Refund): string {
  return reason ?? status ?? 'unknown';
}

function sessionNews({ type, created, data }: Stripe.Event): SessionPaid | SessionOver | Ignored {
  const session = data.object as Stripe.Checkout.Session;
  const {
    flashsale_installation: installation,
    flashsale_order: orderNo = '',
    flashsale_request: requestId,
  } = session.metadata ?? {};
  const isPaid = PAID.has(type) && session.payment_status === 'paid';
  if (installation === undefined && !(isPaid && orderNo)) return ignored('no_installation');
  if (!isOrderNo(orderNo)) throw new UnknownCallback('a session without an order');
  const sessionRef = `${STRIPE_PREFIX}${session.id}`;
  const facts = { installation, orderNo, requestId, sessionRef };
  if (OVER.has(type)) return { kind: 'session_over', ...facts };
  if (!PAID.has(type)) return ignored('other_event');
  if (!isPaid) return ignored('not_paid');
  const { payment_intent: intent, amount_total: units } = session;
  const id = typeof intent === 'string' ? intent : intent?.id;
  const currency = session.currency?.toUpperCase();
  if (id === undefined || units === null || currency === undefined) {
    throw new UnknownCallback('a paid session without payment or amount');
  }
  const reference = `${STRIPE_PREFIX}${id}`;
  const money = { amount: fromMinorUnits(units, currency), currency };
  return { kind: 'paid', ...facts, reference, ...money, paidAt: new Date(created * 1_000) };
}

function refundNews(refund: Stripe.Refund): FailedRefund | Ignored {
  if (!isVoid(refund)) return ignored('refund_pending');
  const { payment_intent: intent, id } = refund;
  const paymentId = typeof intent === 'string' ? intent : intent?.id;
  if (paymentId === undefined) return ignored('refund_not_due');
  const installation = refund.metadata?.['flashsale_installation'];
  const reference = `${STRIPE_PREFIX}${paymentId}`;
  return {
    kind: 'refund_failed',
    installation,
    reference,
    refundRef: id,
    reason: reasonOf(refund),
  };
}

function ignored(reason: IgnoredReason): Ignored {
  return { kind: 'ignored', reason };
}
