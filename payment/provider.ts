/**
 * The parts of a payment provider that the shop needs: a page on which a shopper pays, signed
 * callbacks, and refunds.
 */

/** An order that can be paid now. */
export interface PayableOrder {
  readonly orderNo: string;
  /** Id of the database that has the order. Another database may have the same order number. */
  readonly installation: string;
  /** The order's request. After a restore the database may give the number to another order. */
  readonly requestId: string;
  /** Number of the payment session of this order, from 1. */
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

/** Where the shopper pays: a page of the provider (GET), or a call to this shop (POST). */
export interface Checkout {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** The session that the provider created. Show its URL only after the database has stored it. */
  readonly session?: { readonly ref: string; readonly url: string; readonly endsAt: Date };
}

/** Money that has arrived for an order. */
export interface Payment {
  readonly kind: 'paid';
  readonly orderNo: string;
  /** The provider's id of the payment, with the provider's name in front. It pays only once. */
  readonly reference: string;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  /** The installation that the money is for, if the provider reports it. */
  readonly installation?: string | undefined;
  /** The request of the order, if the provider reports it. */
  readonly requestId?: string | undefined;
}

/** The session that a callback is about. */
export interface SessionFacts {
  /**
   * The installation that created the session; callbacks for other installations are ignored.
   * Undefined for a session of an older version, which did not record it.
   */
  readonly installation: string | undefined;
  readonly orderNo: string;
  /** The request of the order for which the session was created. */
  readonly requestId: string | undefined;
  /** The provider's reference of the session, with the provider's name in front. */
  readonly sessionRef: string;
}

/** Money that has arrived in a session. */
export interface SessionPaid extends SessionFacts, Omit<Payment, keyof SessionFacts> {
  /** When the provider created the event. */
  readonly paidAt: Date;
}

/** A session in which nobody can pay any more. */
export interface SessionOver extends SessionFacts {
  readonly kind: 'session_over';
}

/** A refund that failed after it was accepted: the money is still to be given back. */
export interface FailedRefund {
  readonly kind: 'refund_failed';
  /** The installation that requested it; undefined if it was made by hand at the provider. */
  readonly installation: string | undefined;
  /** Reference of the payment, with the provider's name in front. */
  readonly reference: string;
  /** The provider's reference of the refund. */
  readonly refundRef: string;
  readonly reason: string;
}

/** Why a callback changes nothing here; a label of a metric. */
export type IgnoredReason =
  | 'other_event'
  /** The event is of test mode and the key is a live one, or the other way round. */
  | 'other_mode'
  /** It names no installation: it belongs to another user of the same account. */
  | 'no_installation'
  | 'other_installation'
  /** The payment is not completed yet, or has failed. */
  | 'not_paid'
  | 'session_over'
  /** The payment was booked, and its sale has been dropped since. */
  | 'sale_dropped'
  | 'refund_pending'
  | 'refund_not_due';

/** Why money that has arrived is not booked; a label of a metric. */
export const STRAY_REASONS = [
  /** It names no installation, and it cannot be for an order of this one. */
  'no_installation',
  'other_installation',
  'no_such_order',
  /** The session was created for another order, which had the same number. */
  'other_order',
  /** Nothing was booked, because the amount or currency is not that of the order. */
  'other_amount',
  /** The payment pays another order. */
  'reference_taken',
  /** A refund of money without an order failed, so this installation has the money again. */
  'refund_failed',
] as const;
export type StrayReason = (typeof STRAY_REASONS)[number];

/** A callback that changes nothing here. */
export interface Ignored {
  readonly kind: 'ignored';
  readonly reason: IgnoredReason;
}

export interface PaymentProvider {
  /** Starts a payment and returns where the shopper pays. @throws {PaymentError} */
  begin(order: PayableOrder): Promise<Checkout>;
  /**
   * Checks the signature of a callback and returns what it reports.
   *
   * @param body the body exactly as it was received
   * @throws {ForgedCallback} the signature is wrong or too old
   * @throws {UnknownCallback} the signature is valid, but the content is not understood
   */
  verify(
    body: string,
    headers: Readonly<Record<string, string | undefined>>,
  ): Payment | SessionOver | FailedRefund | Ignored;
}

/** The provider did not answer, or refused. The message may be logged: it has no key or card data. */
export class PaymentError extends Error {
  override name = 'PaymentError';
  /** The same call may succeed later. */
  readonly isTransient: boolean;
  /** The provider has stored this answer and repeats it for the same idempotency key. */
  readonly isKept: boolean;

  constructor(message: string, isTransient: boolean, isKept = false) {
    super(message);
    this.isTransient = isTransient;
    this.isKept = isKept;
  }
}

/** The provider created a refund that has failed. */
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
