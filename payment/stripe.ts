import { createHash } from 'node:crypto';
import { isOrderNo } from '../contracts/ids.ts';
import { fromMinorUnits, toMinorUnits } from './money.ts';
import {
  type Checkout,
  type FailedRefund,
  type Ignored,
  type IgnoredReason,
  type PayableOrder,
  PaymentError,
  type PaymentProvider,
  type SessionOver,
  type SessionPaid,
  UnknownCallback,
} from './provider.ts';
import { sessionEndMs } from './session-end.ts';
import { isVoid, reasonOf, type Stripe, StripeAccount } from './stripe-account.ts';
import { isTestKey, STRIPE_PREFIX, type StripeAccountOptions } from './stripe-terms.ts';

/**
 * Payments through Stripe: a Checkout session for each order, signed webhooks, and refunds of money
 * that cannot be used for the order. A session's metadata holds the order number, the request and the
 * installation, and the events of the session return them. Other shops may use the same account.
 */

export interface StripeOptions extends StripeAccountOptions {
  readonly webhookSecret: string;
  /** The shop's public URL, to which shoppers return; without a slash at the end. */
  readonly shopUrl: string;
}

/** Events that report the same change. Which of them Stripe sends depends on the API version. */
const REFUND_CHANGED = new Set(['refund.failed', 'refund.updated', 'charge.refund.updated']);

const PAID = new Set(['checkout.session.completed', 'checkout.session.async_payment_succeeded']);
/** Events after which nobody can pay in the session. A completed session may still become paid. */
const OVER = new Set(['checkout.session.expired', 'checkout.session.async_payment_failed']);

export class StripeProvider extends StripeAccount implements PaymentProvider {
  readonly #options: StripeOptions;

  constructor(options: StripeOptions) {
    super(options);
    this.#options = options;
  }

  /** Repeated calls return the same session, because the order and the attempt are in the key. */
  async begin(order: PayableOrder): Promise<Checkout> {
    const { requestId, installation, attempt } = order;
    const wanted = this.#sessionFor(order);
    // For a day, Stripe refuses a key that is used again with other values, such as a changed title.
    // The hash of the values gives them a key of their own.
    const hash = createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 16);
    const idempotencyKey = `flashsale-${installation}-order-${requestId}-${attempt}-${hash}`;
    const session = await this.askAnew(idempotencyKey, (key) =>
      this.stripe.checkout.sessions.create(wanted, { idempotencyKey: key }),
    );
    const { id, url, expires_at: endsAtS } = session;
    if (url === null) throw new PaymentError('the session has no URL', false);
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

  verify(
    body: string,
    headers: Readonly<Record<string, string | undefined>>,
  ): SessionPaid | SessionOver | FailedRefund | Ignored {
    const event = this.open(body, headers['stripe-signature'] ?? '', this.#options.webhookSecret);
    // An event of test mode must not pay an order of a shop that takes real money.
    if (event.livemode === isTestKey(this.#options.secretKey)) return ignored('other_mode');
    if (REFUND_CHANGED.has(event.type)) return refundNews(event.data.object as Stripe.Refund);
    if (!event.type.startsWith('checkout.session.')) return ignored('other_event');
    return sessionNews(event);
  }
}

/** @throws {PaymentError} Stripe's smallest unit cannot express the amount */
function minorUnits(amount: string, currency: string): number {
  try {
    return toMinorUnits(amount, currency);
  } catch (error) {
    throw new PaymentError((error as Error).message, false);
  }
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
