import { setTimeout as sleep } from 'node:timers/promises';
import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import { withOwnDigits } from '../contracts/money.ts';
import { DatabaseError, isNotThere } from './client/errors.ts';
import type { Session } from './client/pool.ts';
import { askPin, awaitReplay } from './client/standby.ts';
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
  /** Of daily goods, as `2026-12-01`. */
  readonly day: string | null;
  readonly streak: number | null;
  /** Of amounts: what was drawn from the pot, in the currency of the order. */
  readonly packet: string | null;
  /** Of numbered goods: the units that the order has, such as "7-12 7-13" or serial numbers. */
  readonly seats: string | null;
  readonly created_at: string;
  readonly pay_before: string;
  readonly changed_at: string;
  readonly payments: readonly ExportedPayment[] | null;
}

/** A sale that changes too fast to find it on the standby as the primary shows it is read from the primary. */
const STANDBY_TRIES = 3;
const STANDBY_PAUSE_MS = 50;

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
    // On several servers as soon after each other as possible.
    for (const session of begun) await session.run(BEGIN);
    return await work();
  } finally {
    for (const session of begun) await end(session);
  }
}

/** The first query fixes the moment. */
const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT';

/** A failed rollback needs no handling: the transaction ends with the connection. */
const end = (session: Session) => session.run('ROLLBACK').catch(() => {});

/**
 * Like `inOneMoment`, for the orders of one sale. A server whose standby shows these orders as the primary
 * did at some moment of this call is not asked for them.
 *
 * @param work is called with the sessions to read from
 * @throws {DatabaseError}
 */
export async function inOneMomentOfSale<T>(
  primaries: HomeSessions,
  standbys: HomeSessions,
  sale: string,
  work: (sessions: HomeSessions) => Promise<T>,
): Promise<T> {
  const chosen = new Map(primaries);
  const begun = new Set<Session>();
  try {
    for (const [primary, homes] of Map.groupBy(primaries.keys(), (home) => primaries.get(home))) {
      const standby = standbys.get(homes[0] ?? REGULAR);
      if (primary === undefined || standby === undefined) continue;
      begun.add(standby);
      if (!(await beginAsPrimary(primary, standby, homes, sale))) continue;
      for (const home of homes) chosen.set(home, standby);
    }
    for (const session of new Set(chosen.values())) {
      if (begun.has(session)) continue;
      begun.add(session);
      await session.run(BEGIN);
    }
    return await work(chosen);
  } finally {
    for (const session of begun) await end(session);
  }
}

/** Begins a transaction of the standby that shows the sale as the primary did. */
async function beginAsPrimary(
  primary: Session,
  standby: Session,
  homes: readonly Home[],
  sale: string,
): Promise<boolean> {
  const isOlder = homes
    .map((home) => `coalesce(${schemaOf(home)}.sale_age($1) > age($2::xid8::xid), true)`)
    .join(' AND ');
  const text = `SELECT ${isOlder} AS "isSettled"`;
  try {
    for (let tries = 0; tries < STANDBY_TRIES; tries += 1) {
      const pin = await askPin(primary);
      if ((await awaitReplay(standby, pin)) !== undefined) return false;
      await standby.run(BEGIN);
      const values = [sale, pin.xmin];
      const [row] = await standby.query<{ isSettled: boolean }>({ text, values });
      if (row?.isSettled === true) return true;
      await end(standby);
      await sleep(STANDBY_PAUSE_MS);
    }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
  }
  return false;
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
