/**
 * What the shop needs of a payment provider: where a shopper goes to pay, what a signed callback says,
 * and that money goes back.
 */

/** An order that may be paid now. */
export interface PayableOrder {
  readonly orderNo: string;
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
}

/** A refund that came to nothing after all: the money is to be given back still. */
export interface FailedRefund {
  readonly kind: 'refund_failed';
  /** Of the payment. */
  readonly reference: string;
  /** The provider's own of the refund. */
  readonly refundRef: string;
  readonly reason: string;
}

/** A callback that changes nothing here, and why. */
export interface Ignored {
  readonly kind: 'ignored';
  readonly reason: string;
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
  ): Payment | FailedRefund | Ignored;
}

/** The provider could not be asked, or refused. The message is fit for logs: no key, no card. */
export class PaymentError extends Error {
  override name = 'PaymentError';
  /** The same question may have another answer later. */
  readonly isTransient: boolean;

  constructor(message: string, isTransient: boolean) {
    super(message);
    this.isTransient = isTransient;
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
