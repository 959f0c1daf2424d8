import { withOwnDigits } from '../contracts/money.ts';
import type { Schema } from '../contracts/names.ts';
import type { Databases } from './client/pool.ts';

/** Money that orders could not have, typed. Each function throws DatabaseError and nothing else. */

/** What has become of all money that an order could not have: late, twice, or of another amount. */
export interface Refund {
  /** `due` until all of it was given back. */
  readonly status: 'due' | 'done';
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  /** When the last of it was given back; null while it is due. */
  readonly at: Date | null;
}

/** As `order_refund` says it. */
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
  /** With this one. */
  readonly tries: number;
  /** The last refund of it that came to nothing. */
  readonly failedRef: string | null;
}

/** Takes refunds whose next try is due; nobody else has them until the one after. */
export async function takeRefunds(
  databases: Databases,
  schema: Schema,
  prefix: string,
  limit: number,
): Promise<DueRefund[]> {
  const rows = await databases[schema].query<{
    payment_ref: string;
    order_no: string;
    tries: number;
    failed_ref: string | null;
  }>({
    name: `take_refunds_${schema}`,
    text: `SELECT payment_ref, order_no, tries, failed_ref FROM ${schema}.take_refunds($1, $2)`,
    values: [prefix, limit],
  });
  return rows.map((row) => ({
    paymentRef: row.payment_ref,
    orderNo: row.order_no,
    tries: row.tries,
    failedRef: row.failed_ref,
  }));
}

/** Since when money is to be given back, of the payment that has waited longest; undefined: none is. */
export async function oldestRefundDue(
  databases: Databases,
  schema: Schema,
): Promise<Date | undefined> {
  const [row] = await databases[schema].query<{ since: Date | null }>({
    name: `oldest_refund_due_${schema}`,
    text: `SELECT ${schema}.oldest_refund_due() AS since`,
  });
  return row?.since ?? undefined;
}

/** What became of a refund; with both, the money is due again. */
export interface RefundEnd {
  /** The provider's reference of it. */
  readonly refundRef?: string;
  /** Why there is none, or why that one came to nothing. */
  readonly error?: string;
}

/** How a refund went. @returns false if there is no such payment to give back */
export async function endRefund(
  databases: Databases,
  schema: Schema,
  paymentRef: string,
  { refundRef, error }: RefundEnd,
): Promise<boolean> {
  const [row] = await databases[schema].query<{ found: boolean }>({
    text: `SELECT ${schema}.end_refund($1, $2, $3) AS found`,
    values: [paymentRef, refundRef ?? null, error ?? null],
  });
  return row?.found === true;
}
