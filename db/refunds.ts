import { type Home, schemaOf } from '../contracts/homes.ts';
import { withOwnDigits } from '../contracts/money.ts';
import type { Databases } from './client/pool.ts';

/** Typed calls for refunds. Every function throws only DatabaseError. */

/**
 * The refund of all money that has to go back: it came late, twice or in another amount, or the shop
 * cancelled the paid order.
 */
export interface Refund {
  /** `due` until all of the money was given back. */
  readonly status: 'due' | 'done';
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  /** When the last of the money was given back; null while it is due. */
  readonly at: Date | null;
}

/** As order_refund returns it. */
export type RefundRow = Omit<Refund, 'at'> & { readonly at: string | null };

export function toRefund(row: RefundRow | null): Refund | null {
  if (row === null) return null;
  const { status, amount, currency, at } = row;
  return {
    status,
    amount: withOwnDigits(amount, currency),
    currency,
    at: at === null ? null : new Date(at),
  };
}

export interface DueRefund {
  /** The payment that is to be given back. */
  readonly paymentRef: string;
  readonly orderNo: string;
  /** Number of tries, including this one. */
  readonly tries: number;
  /** The provider's reference of the payment's last failed refund; null if none has failed. */
  readonly failedRef: string | null;
}

/**
 * Takes refunds whose next try is due. No other caller gets them until the following try is due.
 *
 * @param prefix the provider's name, with which its references begin
 */
export async function takeRefunds(
  databases: Databases,
  home: Home,
  prefix: string,
  limit: number,
): Promise<DueRefund[]> {
  const rows = await databases.home(home).query<{
    payment_ref: string;
    order_no: string;
    tries: number;
    failed_ref: string | null;
  }>({
    name: `take_refunds_${schemaOf(home)}`,
    text: `SELECT payment_ref, order_no, tries, failed_ref FROM ${schemaOf(home)}.take_refunds($1, $2)`,
    values: [prefix, limit],
  });
  return rows.map((row) => ({
    paymentRef: row.payment_ref,
    orderNo: row.order_no,
    tries: row.tries,
    failedRef: row.failed_ref,
  }));
}

/** Reads since when the oldest due refund is due; undefined if none is. */
export async function oldestRefundDue(databases: Databases, home: Home): Promise<Date | undefined> {
  const [row] = await databases.home(home).query<{ since: Date | null }>({
    name: `oldest_refund_due_${schemaOf(home)}`,
    text: `SELECT ${schemaOf(home)}.oldest_refund_due() AS since`,
  });
  return row?.since ?? undefined;
}

/** The result of a refund. With both members, that refund failed and the money is due again. */
export interface RefundEnd {
  /** The provider's reference of the refund. */
  readonly refundRef?: string;
  /** Why no refund was made, or why it failed. */
  readonly error?: string;
}

/** Stores the result of a refund. @returns false if there is no such payment to give back */
export async function endRefund(
  databases: Databases,
  home: Home,
  paymentRef: string,
  { refundRef, error }: RefundEnd,
): Promise<boolean> {
  const [row] = await databases.home(home).query<{ found: boolean }>({
    text: `SELECT ${schemaOf(home)}.end_refund($1, $2, $3) AS found`,
    values: [paymentRef, refundRef ?? null, error ?? null],
  });
  return row?.found === true;
}

/**
 * Stores that a refund has failed after the provider had taken it.
 *
 * @returns `done`: another refund is in force, and nothing was changed; `none`: there is no such payment to give back
 */
export async function failRefund(
  databases: Databases,
  home: Home,
  paymentRef: string,
  { refundRef, error }: Required<RefundEnd>,
): Promise<'due' | 'done' | 'none'> {
  const [row] = await databases.home(home).query<{ state: 'due' | 'done' | 'none' }>({
    text: `SELECT ${schemaOf(home)}.fail_refund($1, $2, $3) AS state`,
    values: [paymentRef, refundRef, error],
  });
  return row?.state ?? 'none';
}
