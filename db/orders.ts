import { setTimeout as sleep } from 'node:timers/promises';
import { type Position, toPage } from '../contracts/cursor.ts';
import type { OrderFacts } from '../contracts/events.ts';
import { type Home, schemaOf } from '../contracts/homes.ts';
import type { OrderTerms, Outcome } from '../contracts/messages.ts';
import { withOwnDigits } from '../contracts/money.ts';
import type { Schema } from '../contracts/names.ts';
import type { NumberedUnit } from '../contracts/seats.ts';
import {
  askOwner,
  changeAtOwner,
  exactTime,
  homeAfter,
  patiently,
  queryHistory,
} from './client/homes.ts';
import type { Databases, Statement } from './client/pool.ts';
import { isSettled } from './client/standby.ts';
import { type AdmittedRequest, type PlacedTerms, placeCall } from './place-call.ts';
import { packetOf } from './pots.ts';
import { type Refund, type RefundRow, toRefund } from './refunds.ts';
import { seatsOf } from './sections.ts';

/** Typed calls of the order routines. Order numbers are digits. All throw only DatabaseError. */

/** The answer of place_orders for one request. */
export interface Decision {
  readonly requestId: string;
  /** `locked` is not final: call again with `wait`, or after a pause if the reason is `not_open`. */
  readonly status: Outcome | 'locked';
  readonly reason: string | null;
  /** Digits; null unless `ordered`. `units` is 0 then. */
  readonly orderNo: string | null;
  readonly units: number;
  /** These only with `withTerms`, and only if this call placed the order. `packet` is of a pot, `seats` of numbered goods. */
  readonly amount?: string;
  readonly packet?: string;
  readonly seats?: readonly NumberedUnit[];
  /** The same object in each decision. */
  readonly terms?: OrderTerms;
}

interface PlacedRow extends Record<string, unknown> {
  request_id: string;
  /** `moved`: the SKU lives in another home. */
  status: Decision['status'] | 'moved';
  reason: string | null;
  order_no: string | null;
  units: number;
  /** In the first row only: the common terms of the orders that the call placed, and their amounts. */
  placed?: PlacedTerms | null;
}

/** Homes that one call asks: one, `regular`, another. A SKU that moves again is `locked` for now. */
const HOPS_MAX = 3;
const ON_THE_WAY_PAUSE_MS = 20;

/**
 * Decides requests for one SKU, in one transaction in the home where it lives.
 *
 * @param home the home to ask first
 * @param options `wait`: wait for slots that are locked; `withTerms`: decisions have the amount and the
 *   terms of the orders that the call placed
 * @returns one decision for each request, in the same order
 * @throws {DatabaseError} `retry`: the outcome may be unknown; repeat the same call to find it out.
 *   `refused`: the whole batch failed, although one request may be the cause; call again one by one
 */
export async function placeOrders(
  databases: Databases,
  home: Home,
  sku: string,
  requests: readonly AdmittedRequest[],
  options: { readonly wait?: boolean; readonly withTerms?: boolean } = {},
): Promise<Decision[]> {
  const { wait = false, withTerms = false } = options;
  const { routine, values } = placeCall(sku, requests, wait);
  const places = values.map((_, at) => `$${at + 1}`).join(', ');
  const call = (schema: Schema) => `${schema}.${routine}(${places})`;
  const text = (schema: Schema) =>
    `SELECT request_id, status, reason, order_no, units FROM ${call(schema)}`;
  const textWithTerms = (schema: Schema) =>
    `WITH decided AS MATERIALIZED (
       SELECT * FROM ${call(schema)}
         WITH ORDINALITY AS d (request_id, status, reason, order_no, units, at)
     )
     SELECT d.request_id, d.status, d.reason, d.order_no, d.units,
            CASE d.at WHEN 1 THEN (
              SELECT ${schema}.orders_placed($1, array_agg(o.order_no))
              FROM decided o WHERE o.order_no IS NOT NULL) END AS placed
     FROM decided d`;
  return decideWhereItLives(databases, home, sku, (schema) =>
    withTerms
      ? { name: `${routine}_with_terms_${schema}`, text: textWithTerms(schema), values }
      : { name: `${routine}_${schema}`, text: text(schema), values },
  );
}

/** Runs a statement that answers like place_orders where the SKU lives; asks `home` first. */
export async function decideWhereItLives(
  databases: Databases,
  home: Home,
  sku: string,
  statement: (schema: Schema) => Statement,
): Promise<Decision[]> {
  let rows: PlacedRow[] = [];
  let asked: Home | undefined = home;
  for (let hop = 0; hop < HOPS_MAX && asked !== undefined; hop += 1) {
    rows = await databases.home(asked).query<PlacedRow>(statement(schemaOf(asked)));
    // A call is for one SKU, so the first row tells whether it has moved.
    const hasMoved = rows[0]?.status === 'moved';
    asked = hasMoved ? await homeAfter(databases, asked, sku) : undefined;
  }
  // The SKU is on its way between two servers. Without the pause, the next call would find it so too.
  if (asked !== undefined) await sleep(ON_THE_WAY_PAUSE_MS);
  return toDecisions(rows);
}

function toDecisions(rows: readonly PlacedRow[]): Decision[] {
  const { amounts = {}, packets = {}, units = {}, ...placed } = rows[0]?.placed ?? {};
  const currency = 'currency' in placed ? placed.currency : '';
  const common = 'sale' in placed && {
    terms: {
      ...placed,
      createdAt: new Date(placed.createdAt).toISOString(),
      payBefore: new Date(placed.payBefore).toISOString(),
    },
  };
  return rows.map((row) => {
    const no = row.order_no ?? '';
    const [amount, packet, seats] = [amounts[no], packets[no], units[no]];
    return {
      requestId: row.request_id,
      status: row.status === 'moved' ? 'locked' : row.status,
      reason: row.reason,
      orderNo: row.order_no,
      units: row.units,
      ...(amount !== undefined && { amount: withOwnDigits(amount, currency) }),
      ...(packet !== undefined && { packet }),
      ...(seats !== undefined && { seats }),
      ...common,
    };
  });
}

/** `paid`, `expired`: too late to cancel. `not_found`: no such order of this user. */
export type CancelResult = 'cancelled' | 'paid' | 'expired' | 'not_found';

/** Cancels a user's unpaid order. @throws {DatabaseError} */
export async function cancelOrder(
  databases: Databases,
  orderNo: string,
  userId: string,
): Promise<CancelResult> {
  const home = databases.ofOrder(orderNo);
  const [row] = await patiently(() =>
    changeAtOwner(databases, home, (pool) =>
      pool.query<{ result: CancelResult }>({
        name: `cancel_order_${schemaOf(home)}`,
        text: `SELECT ${schemaOf(home)}.cancel_order($1, $2) AS result`,
        values: [orderNo, userId],
      }),
    ),
  );
  return row?.result ?? 'not_found';
}

/** `ordered` is unpaid. */
export type OrderStatus = 'ordered' | 'paid' | 'cancelled' | 'expired';

/** Why the shop cancelled an order: by hand, or with its sale. */
export type ShopReason = 'by_shop' | 'called_off';

export interface Order extends OrderFacts {
  readonly status: OrderStatus;
  /** Why the shop cancelled it; null if the shop did not. */
  readonly reason: ShopReason | null;
  /** Refund of money that could not be used for the order; null if there is none. */
  readonly refund: Refund | null;
}

export interface OrderRow extends Record<string, unknown> {
  order_no: string;
  request_id: string;
  sale: string;
  sku: string;
  user_id: string;
  units: number;
  amount: string;
  currency: string;
  created_at: Date;
  pay_before: Date;
  packet?: string | null;
  seats?: NumberedUnit[] | null;
}

export function toOrderFacts(row: OrderRow): OrderFacts {
  return {
    orderNo: row.order_no,
    requestId: row.request_id,
    sale: row.sale,
    sku: row.sku,
    userId: row.user_id,
    units: row.units,
    amount: withOwnDigits(row.amount, row.currency),
    currency: row.currency,
    createdAt: row.created_at,
    payBefore: row.pay_before,
    ...(row.packet != null && { packet: row.packet }),
    ...(row.seats != null && { seats: row.seats }),
  };
}

interface OrderStateRow extends OrderRow {
  status: OrderStatus;
  reason: ShopReason | null;
  refund: RefundRow | null;
}

function toOrder(row: OrderStateRow): Order {
  const { status, reason, refund } = row;
  return { ...toOrderFacts(row), status, reason, refund: toRefund(refund) };
}

/** A page of a user's orders, newest first. */
export interface OrderPage {
  readonly orders: readonly Order[];
  /** Position of the last order, if more follow. */
  readonly next?: Position;
  /** Homes that did not answer; their orders are not included. */
  readonly missing: readonly Home[];
}

/**
 * Reads a page of a user's orders, newest first.
 *
 * @param options `after`: position of the last order of the page before
 * @throws {DatabaseError} if no home answers
 */
export async function userOrders(
  databases: Databases,
  userId: string,
  { limit = 20, after }: { readonly limit?: number; readonly after?: Position | undefined } = {},
): Promise<OrderPage> {
  const text = (schema: Schema) =>
    `SELECT o.*, ${packetOf(schema, 'o')}, ${seatsOf(schema, 'o')}, ${exactTime('o.created_at')} AS exactly, ${isSettled(`${schema}.order_age(o.order_no, o.sale)`, '$5')}
     FROM ${schema}.user_orders($1, $2, $3, $4) o`;
  const values = [userId, limit + 1, after?.at ?? null, after?.no ?? null];
  const { rows, missing } = await queryHistory<OrderStateRow & { exactly: string }>(
    databases,
    'user_orders',
    text,
    values,
  );
  const found = rows.map((row) => ({ row, position: { at: row.exactly, no: row.order_no } }));
  const { rows: shown, ...next } = toPage(found, limit);
  return { orders: shown.map(({ row }) => toOrder(row)), ...next, missing };
}

/** Reads an order of any user: compare `userId` before you show it. */
export async function orderDetails(
  databases: Databases,
  orderNo: string,
): Promise<Order | undefined> {
  const home = databases.ofOrder(orderNo);
  const schema = schemaOf(home);
  const [row] = await askOwner(databases, home, 'order_details', (pool) =>
    pool.query<OrderStateRow>({
      name: `order_details_${schema}`,
      text: `SELECT o.*, ${packetOf(schema, 'o')}, ${seatsOf(schema, 'o')} FROM ${schema}.order_details($1) o`,
      values: [orderNo],
    }),
  );
  return row && toOrder(row);
}
