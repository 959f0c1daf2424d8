/** What a payment provider says it has received and given back, to compare the books with it. */

export interface StatedRefund {
  /** The provider's reference of the refund. */
  readonly ref: string;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
}

export interface StatedPayment {
  /** With the provider's name in front, as in the books. */
  readonly reference: string;
  /** The order that it was made for, if the provider knows it. */
  readonly orderNo: string | undefined;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  /** Refunds that have not failed. */
  readonly refunds: readonly StatedRefund[];
  /** The command that makes the provider report the payment again, if there is one. */
  readonly again?: string;
}
