/**
 * What the shop needs of a payment provider: where a shopper goes to pay, what a signed callback says,
 * and that money goes back.
 */

/** An order that may be paid now. */
export interface PayableOrder {
  readonly orderNo: string;
  /** Who the database of the order is: an order number alone is nobody's. */
  readonly installation: string;
  /** After a restore the database gives the same number to another order. */
  readonly requestId: string;
  /** Which session of the order it is, from 1. */
  readonly attempt: number;
  readonly sale: string;
  readonly title: string;
  readonly units: number;
  /** Decimal string, of the whole order. */
  readonly amount: string;
  /** ISO 4217. */
  readonly currency: string;
  readonly payBefore: Date;
}

/** Where the shopper goes: a page of the provider, or a call of this shop. */
export interface Checkout {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** What the provider has made for it; its URL is told only once the database knows it. */
  readonly session?: { readonly ref: string; readonly url: string; readonly endsAt: Date };
}

/** Money that has arrived for an order. */
export interface Payment {
  readonly kind: 'paid';
  readonly orderNo: string;
  /** The provider's own, with the provider's name in front: the same one pays once. */
  readonly reference: string;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  /** The installation that the money is for, and the request of the order, where the provider says so. */
  readonly installation?: string | undefined;
  readonly requestId?: string | undefined;
}

/** Of which session a callback speaks. */
export interface SessionFacts {
  /**
   * That made it: what is not this installation's is none of its business. Undefined for a session that
   * was made before sessions said so.
   */
  readonly installation: string | undefined;
  readonly orderNo: string;
  /** Of the order that it was made for. */
  readonly requestId: string | undefined;
  /** With the provider's name in front. */
  readonly sessionRef: string;
}

/** Money that has arrived in a session. */
export interface SessionPaid extends SessionFacts, Omit<Payment, keyof SessionFacts> {
  /** When the provider noticed. */
  readonly paidAt: Date;
}

/** A session that cannot be paid any more. */
export interface SessionOver extends SessionFacts {
  readonly kind: 'session_over';
}

/** A refund that came to nothing after all: the money is to be given back still. */
export interface FailedRefund {
  readonly kind: 'refund_failed';
  /** That asked for it; undefined for one that was made by hand at the provider. */
  readonly installation: string | undefined;
  /** Of the payment. */
  readonly reference: string;
  /** The provider's own of the refund. */
  readonly refundRef: string;
  readonly reason: string;
}

/** Why a callback changes nothing here; a label of a metric. */
export type IgnoredReason =
  | 'other_event'
  /** Of test mode, and the key is a live one; or the other way round. */
  | 'other_mode'
  /** It names no installation: somebody else's on the same account. */
  | 'no_installation'
  | 'other_installation'
  /** The payment is under way, or came to nothing. */
  | 'not_paid'
  | 'session_over'
  | 'refund_pending'
  | 'refund_not_due';

/** Why money that has arrived is not booked; a label of a metric. */
export const STRAY_REASONS = [
  /** Of no installation, and no order here can have been meant. */
  'no_installation',
  'other_installation',
  'no_such_order',
  /** The order of this number is another one than that which the session was made for. */
  'other_order',
  /** Money without an order was given back, and came to this installation again. */
  'refund_failed',
] as const;
export type StrayReason = (typeof STRAY_REASONS)[number];

/** A callback that changes nothing here. */
export interface Ignored {
  readonly kind: 'ignored';
  readonly reason: IgnoredReason;
}

export interface PaymentProvider {
  /** @throws {PaymentError} */
  begin(order: PayableOrder): Promise<Checkout>;
  /**
   * What a callback says.
   * @param body the bytes as they came
   * @throws {ForgedCallback} the signature does not fit, or is too old
   * @throws {UnknownCallback} it is signed and makes no sense
   */
  verify(
    body: string,
    headers: Readonly<Record<string, string | undefined>>,
  ): Payment | SessionOver | FailedRefund | Ignored;
}

/** The provider could not be asked, or refused. The message is fit for logs: no key, no card. */
export class PaymentError extends Error {
  override name = 'PaymentError';
  /** The same question may have another answer later. */
  readonly isTransient: boolean;
  /** The provider gives the same answer to the same idempotency key, however often it is asked. */
  readonly isKept: boolean;

  constructor(message: string, isTransient: boolean, isKept = false) {
    super(message);
    this.isTransient = isTransient;
    this.isKept = isKept;
  }
}

/** The provider has made a refund that came to nothing. */
export class RefundFailed extends PaymentError {
  override name = 'RefundFailed';
  readonly refundRef: string;

  constructor(refundRef: string, reason: string) {
    super(`the refund failed: ${reason}`, true);
    this.refundRef = refundRef;
  }
}

export class ForgedCallback extends Error {
  override name = 'ForgedCallback';
}

export class UnknownCallback extends Error {
  override name = 'UnknownCallback';
}
