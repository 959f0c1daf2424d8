import { type Home, schemaOf } from '../contracts/homes.ts';
import type { Schema } from '../contracts/names.ts';
import type { ReasonedActor } from './actions.ts';
import { unlessNotThere } from './client/errors.ts';
import { patiently, queryAll, toNumber } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/** Typed calls that call a sale off. Every function throws only DatabaseError. */

/** Pause between attempts to lock a SKU, for requests that wait behind an attempt. */
const LOCK_PAUSE_MS = 100;
/** Far more than the count of a million orders takes. */
const STATE_TIMEOUT_MS = 120_000;

/**
 * Calls a sale off, on all servers. After this returns, every request of the sale
 * is decided as closed. Repeated calls are harmless.
 *
 * @returns false if the sale had been called off before
 * @throws {DatabaseError} FS002 no such sale
 */
export async function callOffSale(
  databases: Databases,
  sale: string,
  { by, reason }: ReasonedActor,
): Promise<boolean> {
  let isNew = false;
  for (const server of databases.servers) {
    const called = patiently(
      () =>
        server.query<{ is_new: boolean }>({
          text: 'SELECT catalog.call_off_sale($1, $2, $3) AS is_new',
          values: [sale, by, reason],
        }),
      LOCK_PAUSE_MS,
    );
    if (server === databases.regular) isNew = (await called)[0]?.is_new === true;
    // A home that is newer than the sale has nothing of it.
    else await called.catch(unlessNotThere);
  }
  return isNew;
}

/** Orders that one call has ended. */
export interface CalledOff {
  /** Digits: the next call begins after this order. */
  readonly last: string;
  readonly orders: number;
  readonly units: number;
  /** Payments that go back. */
  readonly refunds: number;
}

/**
 * Ends at most `limit` orders of a sale that was called off, from order number `after` on.
 *
 * @returns undefined if there were none, except orders that others have locked
 */
export async function callOffOrders(
  databases: Databases,
  home: Home,
  sale: string,
  status: 'ordered' | 'paid',
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<CalledOff | undefined> {
  const [row] = await patiently(() =>
    databases.home(home).query<{ last: string; orders: string; units: string; refunds: string }>({
      text: `SELECT last, orders, units, refunds FROM ${schemaOf(home)}.call_off_orders($1, $2, $3, $4)`,
      values: [sale, status, after, limit],
    }),
  );
  return (
    row && {
      last: row.last,
      orders: toNumber(row.orders),
      units: toNumber(row.units),
      refunds: toNumber(row.refunds),
    }
  );
}

/** How far the calling off has come, in both schemas together. */
export interface CallOffState {
  /** Orders that are still to be ended. */
  readonly unpaid: number;
  readonly paid: number;
  /** Late payments on their way between the servers: they may still make orders paid. */
  readonly transfers: number;
  /** Orders that were cancelled with the sale. */
  readonly cancelled: number;
  /** Payments that have gone back, and those that wait for the provider or for a person. */
  readonly refundsDone: number;
  readonly refundsDue: number;
  /** Sessions of the payment provider that are to be ended, or in which a payment is under way. */
  readonly sessions: number;
  readonly paying: number;
}

/** Counts the orders and payments of a sale. Reads all of its orders. */
export async function callOffState(databases: Databases, sale: string): Promise<CallOffState> {
  const text = (schema: Schema) => `SELECT * FROM ${schema}.call_off_state($1)`;
  const rows = await queryAll<Record<string, string>>(
    databases,
    'call_off_state',
    text,
    [sale],
    STATE_TIMEOUT_MS,
  );
  const sum = (count: string) => rows.reduce((all, row) => all + toNumber(row[count] ?? '0'), 0);
  return {
    unpaid: sum('unpaid'),
    paid: sum('paid'),
    transfers: sum('transfers'),
    cancelled: sum('cancelled'),
    refundsDone: sum('refunds_done'),
    refundsDue: sum('refunds_due'),
    sessions: sum('sessions'),
    paying: sum('paying'),
  };
}
