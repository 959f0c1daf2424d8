import type { Home } from '../../contracts/homes.ts';
import type { Databases, Queryable } from '../../db/client/pool.ts';
import { refuseRequests } from '../../db/dead-letters.ts';
import { payOrder, refusePayment } from '../../db/payments.ts';
import { type Promised, promises } from '../../db/restore.ts';

/**
 * The promises of the lost time, from a copy of the database that goes up to its end. pgBackRest makes
 * one beside the restored database, because the archive still has the old history.
 */

/** Clocks differ, and transactions began before the last beat. */
const MARGIN_MS = 60_000;
/** Its text says that nothing is ordered with the request, and that a new press is a new request. */
const REASON = 'refused_by_operator';

export interface Lost {
  /** Orders that do not exist any more. */
  readonly orders: readonly Promised[];
  /** Orders that have another status again, or are unpaid again. */
  readonly changed: readonly { readonly told: Promised; readonly now: Promised }[];
}

/** Orders that changed since then may have changed after the last beat. */
export function withMargin(lastBeat: Date): Date {
  return new Date(lastBeat.getTime() - MARGIN_MS);
}

/** Compares the home with the copy. @throws {DatabaseError} */
export async function findLost(
  databases: Databases,
  home: Home,
  copy: Queryable,
  lastBeat: Date,
): Promise<Lost> {
  const told = await promises(copy, home, { since: withMargin(lastBeat) });
  const orderNos = told.map(({ orderNo }) => orderNo);
  const present = await promises(databases.home(home), home, { orderNos });
  const byNo = new Map(present.map((order) => [order.orderNo, order]));
  const isOther = (one: Promised, other: Promised) =>
    one.status !== other.status || one.paymentRef !== other.paymentRef;
  return {
    orders: told.filter(({ orderNo }) => !byNo.has(orderNo)),
    changed: told.flatMap((order) => {
      const now = byNo.get(order.orderNo);
      return now !== undefined && isOther(order, now) ? [{ told: order, now }] : [];
    }),
  };
}

/**
 * Makes true again what can be: payments of orders that still exist are booked again, and the requests of lost
 * orders end as rejected, so that nobody is told of two orders for one request. If the shop had ended a paid order, its
 * payment goes back and does not pay the order again. Repeating it changes nothing.
 *
 * @returns the orders that are paid again
 */
export async function makeGood(databases: Databases, home: Home, lost: Lost): Promise<string[]> {
  const paid: string[] = [];
  for (const { told, now } of lost.changed) {
    if (told.paymentRef === undefined || now.status !== 'ordered') continue;
    if (told.status === 'cancelled') {
      await refusePayment(databases, told.orderNo, told.paymentRef, told);
      continue;
    }
    const result = await payOrder(databases, told.orderNo, told.paymentRef);
    if (result === 'paid') paid.push(told.orderNo);
  }
  for (const group of Map.groupBy(lost.orders, ({ sku, node }) => `${sku} ${node}`).values()) {
    const [{ sku, node } = { sku: '', node: '' }] = group;
    await refuseRequests(databases, home, { sku, node, requests: group, reason: REASON });
  }
  return paid;
}
