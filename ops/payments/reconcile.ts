import { homeOfOrder, schemaOf } from '../../contracts/homes.ts';
import { fromUnits, isSameAmount, toUnits, withOwnDigits } from '../../contracts/money.ts';
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
  readonly #listedAt: Date;

  /**
   * @param stated the provider's list
   * @param isOurs whether a reference of the books belongs to that provider
   * @param listedAt when the list was begun: it may lack payments and refunds that came after that
   */
  constructor(
    stated: readonly StatedPayment[],
    isOurs: (reference: string) => boolean,
    listedAt: Date,
  ) {
    this.#listedAt = listedAt;
    this.#stated = new Map(stated.map((payment) => [payment.reference, payment]));
    this.#isOurs = isOurs;
  }

  /** Compares the payments of one order of the books. */
  add({ order_no: orderNo, payments }: ExportedOrder): void {
    for (const payment of payments ?? []) {
      const isKnown = this.#stated.has(payment.ref);
      const isNewer = this.#isNewer(payment.received_at);
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
   * @param salesOf the sales of orders; an order that does not exist has none
   */
  async end(
    sale: string,
    salesOf: (orderNos: readonly string[]) => Promise<ReadonlyMap<string, string>>,
  ): Promise<void> {
    const rest = [...this.#stated.values()];
    const sales = await salesOf([...new Set(rest.flatMap(({ orderNo }) => orderNo ?? []))]);
    for (const stated of rest) {
      const { reference, orderNo } = stated;
      const of = orderNo === undefined ? undefined : sales.get(orderNo);
      if (of !== undefined && of !== sale) continue;
      const { left } = balanceOf(stated);
      // All of it went back: it is settled.
      if (left === undefined) continue;
      const mend = missingMend(stated, left, of !== undefined);
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
      const { ref, changed_at: changedAt } = payment.refund;
      if (this.#isNewer(changedAt ?? payment.received_at)) return;
      const mend = endRefund(orderNo, payment.ref, ref ?? '', 'the provider has no such refund');
      this.#note('refund_missing', facts, `refunded: ${ref}`, NOTHING, mend);
      return;
    }
    const { left, isMore } = balanceOf(stated);
    if (payment.refund === null) {
      const command = refundCommand(orderNo, 'refunded at the provider');
      const mend = left ? `nothing, if a part went back on purpose; else ${command}` : command;
      this.#note('refund_without_order', facts, `${moneyOf(payment)} is kept`, there, mend);
    } else if (left !== undefined || isMore) {
      const mend =
        isMore || left === undefined
          ? `settle ${payment.ref} at the provider: give back exactly ${moneyOf(stated)}`
          : giveBack(payment.ref, left);
      this.#note('different_refund', facts, payment.refund.state, there, mend);
    } else if (payment.refund.state === 'due') {
      const mend = endRefund(orderNo, payment.ref, made.ref);
      this.#note('refund_not_booked', facts, 'due', there, mend);
    }
  }

  /** Whether the provider's list may be too old to have it. */
  #isNewer(time: string): boolean {
    return new Date(time) > this.#listedAt;
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

/**
 * `left`: the money that the provider has not given back; undefined if all of it went back. `isMore`: it gave back more
 * than that, or money of another currency.
 */
function balanceOf({ amount, currency, refunds }: StatedPayment) {
  const back = refunds.filter((refund) => refund.currency === currency);
  const amounts = [amount, ...back.map((refund) => refund.amount)];
  const digits = Math.max(...amounts.map((text) => text.split('.')[1]?.length ?? 0));
  const [whole = 0n, ...parts] = amounts.map((text) => toUnits(text, digits));
  const left = parts.reduce((rest, part) => rest - part, whole);
  const isMore = left < 0n || back.length < refunds.length;
  if (left <= 0n) return { left: undefined, isMore };
  return { left: { amount: withOwnDigits(fromUnits(left, digits), currency), currency }, isMore };
}

/** The way to mend a payment that the books have not. `left`: the money that has not gone back. */
function missingMend(stated: StatedPayment, left: Amount, isKnown: boolean): string {
  const { reference, orderNo, refunds, again } = stated;
  if (orderNo !== undefined && !isKnown) {
    return `there is no order ${orderNo}: was its sale dropped? Look before anything is given back`;
  }
  if (orderNo !== undefined && refunds.length === 0) {
    return again ?? `ask the provider to call back again for order ${orderNo}`;
  }
  return giveBack(reference, left);
}

function giveBack(reference: string, left: Amount): string {
  return `give ${moneyOf(left)} of ${reference} back at the provider`;
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
  return `SELECT ${schemaOf(homeOfOrder(orderNo))}.end_refund(${literals.join(', ')});`;
}
