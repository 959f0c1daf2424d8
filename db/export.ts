import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import { withOwnDigits } from '../contracts/money.ts';
import { isNotThere } from './client/errors.ts';
import type { Session } from './client/pool.ts';
import type { OrderStatus, ShopReason } from './orders.ts';

/** Reads all orders of a sale, in bounded memory. Every function throws only DatabaseError. */

/** A session for each home, `regular` first; the same one twice if they share a server. */
export type HomeSessions = ReadonlyMap<Home, Session>;

export interface ExportedRefund {
  readonly state: 'due' | 'done';
  /** The provider's reference of the refund; null while there is none. */
  readonly ref: string | null;
  readonly due_at: string;
  readonly changed_at: string | null;
}

export interface ExportedPayment {
  /** The provider's reference. */
  readonly ref: string;
  readonly result: 'paid' | 'refund_due';
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  readonly received_at: string;
  readonly refund: ExportedRefund | null;
}

/** An order as it is in the export. Times are ISO 8601 in UTC with microseconds. */
export interface ExportedOrder {
  readonly order_no: string;
  readonly sku: string;
  readonly request_id: string;
  readonly user_id: string;
  readonly units: number;
  readonly amount: string;
  readonly currency: string;
  readonly status: OrderStatus;
  readonly reason: ShopReason | null;
  readonly was_paid: boolean;
  readonly created_at: string;
  readonly pay_before: string;
  readonly changed_at: string;
  readonly payments: readonly ExportedPayment[] | null;
}

/** Orders that are fetched, and held in memory, at a time. */
const FETCH_ORDERS = 1_000;

/**
 * Calls `work` in a transaction that shows one moment of each server. Nothing can be changed in it.
 *
 * @throws {DatabaseError}
 */
export async function inOneMoment<T>(sessions: HomeSessions, work: () => Promise<T>): Promise<T> {
  const begun = [...new Set(sessions.values())];
  try {
    for (const session of begun) {
      // The first query fixes the moment, on several servers as soon after each other as possible.
      await session.run('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT');
    }
    return await work();
  } finally {
    // A failed rollback needs no handling: the transaction ends with the connection.
    for (const session of begun) await session.run('ROLLBACK').catch(() => {});
  }
}

/**
 * Returns the orders of a sale in pages, first those of regular, each home by order number. Call it in
 * `inOneMoment`.
 *
 * @throws {DatabaseError} FS002 no such sale
 */
export async function* exportOrders(
  sessions: HomeSessions,
  sale: string,
): AsyncGenerator<readonly ExportedOrder[]> {
  for (const [home, session] of sessions) {
    const schema = schemaOf(home);
    const open = `SELECT ${schema}.export_orders($1, '${schema}')`;
    try {
      await session.query({ text: open, values: [sale] });
    } catch (error) {
      // `regular` has every sale.
      if (home !== REGULAR && isNotThere(error)) continue;
      throw error;
    }
    for (;;) {
      const page = await session.query<ExportedOrder>({
        text: `FETCH ${FETCH_ORDERS} FROM "${schema}"`,
      });
      if (page.length > 0) yield page.map(withDigits);
      if (page.length < FETCH_ORDERS) break;
    }
    await session.run(`CLOSE "${schema}"`);
  }
}

function withDigits(order: ExportedOrder): ExportedOrder {
  return {
    ...order,
    amount: withOwnDigits(order.amount, order.currency),
    payments:
      order.payments?.map((payment) => ({
        ...payment,
        amount: withOwnDigits(payment.amount, payment.currency),
      })) ?? null,
  };
}
