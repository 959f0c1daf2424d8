import { isSameAmount } from '../../contracts/money.ts';
import { schemaOfOrder } from '../../db/client/both-homes.ts';
import type { ExportedOrder, ExportedPayment } from '../../db/export.ts';
import type { StatedPayment } from '../../payment/statement.ts';

/** Compares the books of a sale with the list of the payment provider. Pure. */

export type DifferenceKind =
  /** The provider has the payment, and the books have not. */
  | 'missing_here'
  /** The books have the payment, and the provider has not. */
  | 'missing_there'
  | 'different_amount'
  /** The provider says that it was paid for another order. */
  | 'different_order'
  /** The provider gave a payment back that the books keep for an order. */
  | 'refund_without_order'
  /** The books say that the money went back, and the provider has no such refund. */
  | 'refund_missing'
  /** The provider gave it back, and the books say that it still has to go back. */
  | 'refund_not_booked'
  | 'different_refund';

export interface Difference {
  readonly kind: DifferenceKind;
  /** The provider's reference of the payment. */
  readonly reference: string;
  readonly orderNo: string | undefined;
  /** The values in the books and at the provider. */
  readonly here: string;
  readonly there: string;
  /** The command that mends it. */
  readonly mend: string;
}

const NOTHING = 'nothing';

export class Reconciliation {
  readonly differences: Difference[] = [];
  /** Payments of the books that were compared, and those of another provider or newer than the list. */
  compared = 0;
  notCompared = 0;
  readonly #stated: Map<string, StatedPayment>;
  readonly #isOurs: (reference: string) => boolean;
  readonly #listedAt: Date | undefined;

  /**
   * @param stated the provider's list
   * @param isOurs whether a reference of the books belongs to that provider
   * @param listedAt when the list was begun: the provider may have received later payments after that
   */
  constructor(
    stated: readonly StatedPayment[],
    isOurs: (reference: string) => boolean,
    listedAt?: Date,
  ) {
    this.#listedAt = listedAt;
    this.#stated = new Map(stated.map((payment) => [payment.reference, payment]));
    this.#isOurs = isOurs;
  }

  /** Compares the payments of one order of the books. */
  add({ order_no: orderNo, payments }: ExportedOrder): void {
    for (const payment of payments ?? []) {
      const isKnown = this.#stated.has(payment.ref);
      const isNewer =
        this.#listedAt !== undefined && new Date(payment.received_at) > this.#listedAt;
      if (!this.#isOurs(payment.ref) || (isNewer && !isKnown)) {
        this.notCompared += 1;
        continue;
      }
      this.compared += 1;
      const stated = this.#stated.get(payment.ref);
      this.#stated.delete(payment.ref);
      if (stated === undefined) this.#missingThere(orderNo, payment);
      else this.#compare(orderNo, payment, stated);
    }
  }

  /**
   * The rest of the provider's list is not in the books of the sale.
   *
   * @param saleOf the sale of an order; undefined: there is no such order
   */
  async end(sale: string, saleOf: (orderNo: string) => Promise<string | undefined>): Promise<void> {
    for (const stated of this.#stated.values()) {
      const { reference, orderNo, refunds } = stated;
      const of = orderNo === undefined ? undefined : await saleOf(orderNo);
      if (of !== undefined && of !== sale) continue;
      // Money without an order that went back is settled.
      const isSettled = refunds.some((refund) => isSameMoney(refund, stated));
      if (of === undefined && isSettled) continue;
      const mend =
        of !== undefined && !isSettled
          ? (stated.again ?? `ask the provider to call back again for order ${orderNo}`)
          : `give ${moneyOf(stated)} of ${reference} back at the provider`;
      this.#note('missing_here', { reference, orderNo }, NOTHING, moneyOf(stated), mend);
    }
  }

  #missingThere(orderNo: string, payment: ExportedPayment): void {
    const mend =
      payment.result === 'paid'
        ? refundCommand(orderNo, 'the provider has no such payment')
        : endRefund(orderNo, payment.ref, 'no such payment');
    const facts = { reference: payment.ref, orderNo };
    this.#note('missing_there', facts, moneyOf(payment), NOTHING, mend);
  }

  #compare(orderNo: string, payment: ExportedPayment, stated: StatedPayment): void {
    const facts = { reference: payment.ref, orderNo };
    if (stated.orderNo !== undefined && stated.orderNo !== orderNo) {
      const mend = refundCommand(orderNo, `paid for order ${stated.orderNo}`);
      this.#note('different_order', facts, orderNo, stated.orderNo, mend);
    }
    if (!isSameMoney(payment, stated)) {
      const mend = refundCommand(orderNo, `paid ${moneyOf(stated)}`);
      this.#note('different_amount', facts, moneyOf(payment), moneyOf(stated), mend);
    }
    const [made] = stated.refunds;
    const there = stated.refunds.map((refund) => `${refund.ref}: ${moneyOf(refund)}`).join(', ');
    if (made === undefined) {
      if (payment.refund?.state !== 'done') return;
      const { ref } = payment.refund;
      const mend = endRefund(orderNo, payment.ref, ref ?? '', 'the provider has no such refund');
      this.#note('refund_missing', facts, `refunded: ${ref}`, NOTHING, mend);
    } else if (payment.refund === null) {
      const mend = refundCommand(orderNo, 'refunded at the provider');
      this.#note('refund_without_order', facts, `${moneyOf(payment)} is kept`, there, mend);
    } else if (stated.refunds.length > 1 || !isSameMoney(made, stated)) {
      const mend = `settle ${payment.ref} at the provider: give back exactly ${moneyOf(stated)}`;
      this.#note('different_refund', facts, payment.refund.state, there, mend);
    } else if (payment.refund.state === 'due') {
      const mend = endRefund(orderNo, payment.ref, made.ref);
      this.#note('refund_not_booked', facts, 'due', there, mend);
    }
  }

  #note(
    kind: DifferenceKind,
    facts: Pick<Difference, 'reference' | 'orderNo'>,
    here: string,
    there: string,
    mend: string,
  ): void {
    this.differences.push({ kind, ...facts, here, there, mend });
  }
}

interface Amount {
  readonly amount: string;
  readonly currency: string;
}

function moneyOf({ amount, currency }: Amount): string {
  return `${amount} ${currency}`;
}

function isSameMoney(one: Amount, other: Amount): boolean {
  return one.currency === other.currency && isSameAmount(one.amount, other.amount);
}

/** One argument of a command, for a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function refundCommand(orderNo: string, reason: string): string {
  return `npx flashsale orders refund ${orderNo} --reason ${quoted(reason)}`;
}

function endRefund(orderNo: string, paymentRef: string, refundRef: string, error?: string): string {
  const literals = [paymentRef, refundRef, error].map((text) =>
    text === undefined ? 'NULL' : `'${text.replaceAll("'", "''")}'`,
  );
  return `SELECT ${schemaOfOrder(orderNo)}.end_refund(${literals.join(', ')});`;
}
