import { schemaOf } from '../contracts/homes.ts';
import { withOwnDigits } from '../contracts/money.ts';
import type { ReasonedActor } from './actions.ts';
import { askOwner, changeAtOwner, patiently } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import type { CancelResult } from './orders.ts';

/** Typed calls of what the shop does to single orders. Every function throws only DatabaseError. */

/** Cancels an unpaid order of any shopper, for the shop. */
export function cancelForShopper(
  databases: Databases,
  orderNo: string,
  actor: ReasonedActor,
): Promise<CancelResult> {
  return endOrder(databases, 'cancel_for_shopper', orderNo, actor);
}

/**
 * `refund_due`: the order is cancelled and its payment goes back. `cancelled`: it is, and no money had
 * paid it. `ordered`: it is unpaid.
 */
export type RefundResult = 'refund_due' | 'cancelled' | 'ordered' | 'expired' | 'not_found';

/** Ends a paid order for the shop. Its payment goes back once, however often this is called. */
export function refundOrder(
  databases: Databases,
  orderNo: string,
  actor: ReasonedActor,
): Promise<RefundResult> {
  return endOrder(databases, 'refund_order', orderNo, actor);
}

async function endOrder<Result extends string>(
  databases: Databases,
  routine: 'cancel_for_shopper' | 'refund_order',
  orderNo: string,
  { by, reason }: ReasonedActor,
): Promise<Result | 'not_found'> {
  const home = databases.ofOrder(orderNo);
  const [row] = await patiently(() =>
    changeAtOwner(databases, home, (pool) =>
      pool.query<{ result: Result }>({
        text: `SELECT ${schemaOf(home)}.${routine}($1, $2, $3) AS result`,
        values: [orderNo, by, reason],
      }),
    ),
  );
  return row?.result ?? 'not_found';
}

/** Writes a remark into the history of an order. @returns false if there is no such order */
export async function noteOrder(
  databases: Databases,
  orderNo: string,
  { by, reason }: ReasonedActor,
): Promise<boolean> {
  const home = databases.ofOrder(orderNo);
  const [row] = await changeAtOwner(databases, home, (pool) =>
    pool.query<{ noted: boolean }>({
      text: `SELECT ${schemaOf(home)}.note_order($1, $2, $3) AS noted`,
      values: [orderNo, by, reason],
    }),
  );
  return row?.noted === true;
}

/** A payment that came for an order. */
export interface OrderPayment {
  /** The provider's reference. */
  readonly paymentRef: string;
  /** `refund_due`: it goes back, or has gone. */
  readonly result: 'paid' | 'refund_due';
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  readonly receivedAt: Date;
  /** Null if it does not go back. */
  readonly refund: {
    readonly state: 'due' | 'done';
    /** The provider's reference of the refund; null while there is none. */
    readonly refundRef: string | null;
    /** How often a worker asked the provider, and what went wrong last. */
    readonly tries: number;
    readonly lastError: string | null;
    readonly changedAt: Date | null;
  } | null;
}

/** Reads the payments that came for an order, in the order in which they came. */
export async function orderPayments(
  databases: Databases,
  orderNo: string,
): Promise<OrderPayment[]> {
  const home = databases.ofOrder(orderNo);
  const rows = await askOwner(databases, home, 'order_payments', (pool) =>
    pool.query<{
      payment_ref: string;
      result: OrderPayment['result'];
      amount: string;
      currency: string;
      received_at: Date;
      refund_state: 'due' | 'done' | null;
      refund_ref: string | null;
      tries: number;
      last_error: string | null;
      changed_at: Date | null;
    }>({ text: `SELECT * FROM ${schemaOf(home)}.order_payments($1)`, values: [orderNo] }),
  );
  return rows.map((row) => ({
    paymentRef: row.payment_ref,
    result: row.result,
    amount: withOwnDigits(row.amount, row.currency),
    currency: row.currency,
    receivedAt: row.received_at,
    refund: row.refund_state && {
      state: row.refund_state,
      refundRef: row.refund_ref,
      tries: row.tries,
      lastError: row.last_error,
      changedAt: row.changed_at,
    },
  }));
}
