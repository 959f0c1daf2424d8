import type { Goods } from '../contracts/goods.ts';
import { REGULAR, schemaOf } from '../contracts/homes.ts';
import type { Schema } from '../contracts/names.ts';
import { queryAll } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import type { HomeSessions } from './export.ts';

/** Reads the records of a sale. Every function throws only DatabaseError. */

/** As report_sale returns it; its header explains the members. */
export interface HomeRecords {
  readonly skus: readonly {
    readonly sku: string;
    readonly title: string;
    readonly price: string;
    readonly currency: string;
    readonly state: string;
    readonly goods: Goods;
  }[];
  readonly stock: readonly {
    readonly sku: string;
    readonly loaded: number | null;
    readonly free: number | null;
  }[];
  readonly orders: readonly {
    readonly sku: string;
    readonly status: string;
    readonly reason: string | null;
    readonly was_paid: boolean;
    readonly count: number;
    readonly units: number;
  }[];
  readonly outcomes: readonly {
    readonly sku: string;
    readonly status: string;
    readonly reason: string | null;
    readonly count: number;
  }[];
  readonly money: readonly {
    readonly currency: string;
    readonly result: 'paid' | 'refund_due';
    readonly state: 'due' | 'done' | null;
    readonly count: number;
    readonly amount: string;
  }[];
  readonly waitlist: readonly {
    readonly sku: string;
    readonly state: string;
    readonly count: number;
  }[];
  readonly histogram: readonly { readonly part: number; readonly count: number }[];
  readonly checks: {
    readonly repeated_requests: number;
    readonly double_payments: number;
    readonly unpaid_orders_paid: number;
    readonly places: number;
    readonly wrong_ranks: number;
  };
  readonly pay_ms: {
    readonly count: number;
    readonly p50: number | null;
    readonly p95: number | null;
  };
  readonly call_ms: {
    readonly count: number;
    readonly since: string | null;
    readonly p50: number | null;
    readonly p99: number | null;
  };
}

/** Parts of the histogram of orders. */
export const HISTOGRAM_PARTS = 60;

/** When the first and the last order were placed; null if there is none. */
export interface OrderTimes {
  readonly from: string | null;
  readonly until: string | null;
}

/** Reads the times of the orders of a sale in each home. They bound its histogram. */
export async function orderTimes(sessions: HomeSessions, sale: string): Promise<OrderTimes[]> {
  const found: OrderTimes[] = [];
  for (const [home, session] of sessions) {
    const rows = await session.query<OrderTimes>({
      text: `SELECT to_json(first_at) AS "from", to_json(last_at) AS "until"
             FROM ${schemaOf(home)}.order_times($1)`,
      values: [sale],
    });
    found.push(...rows);
  }
  return found;
}

/** Reads the records of all homes, in the moment that the sessions show. The first is that of regular. */
export async function saleRecords(
  sessions: HomeSessions,
  sale: string,
  bounds: OrderTimes,
): Promise<HomeRecords[]> {
  const found: HomeRecords[] = [];
  for (const [home, session] of sessions) {
    const [row] = await session.query<{ records: HomeRecords }>({
      text: `SELECT ${schemaOf(home)}.report_sale($1, $2, $3) AS records`,
      values: [sale, bounds.from, bounds.until],
    });
    if (row !== undefined) found.push(row.records);
  }
  return found;
}

/** The secret of the lottery of a sale; undefined if there is no such sale. */
export async function lotterySecretOf(
  sessions: HomeSessions,
  sale: string,
): Promise<Buffer | undefined> {
  const [row] =
    (await sessions.get(REGULAR)?.query<{ secret: Buffer | null }>({
      text: 'SELECT catalog.lottery_secret($1) AS secret',
      values: [sale],
    })) ?? [];
  return row?.secret ?? undefined;
}

/** Orders that one query asks about. */
const LOOK_UP_ORDERS = 500;

/**
 * Returns the sales of orders. Orders that do not exist are left out.
 *
 * @throws {DatabaseError} also if one home does not answer
 */
export async function salesOfOrders(
  databases: Databases,
  orderNos: readonly string[],
): Promise<Map<string, string>> {
  const text = (schema: Schema) =>
    `SELECT o.order_no, o.sale FROM unnest($1::bigint[]) AS n (order_no)
     CROSS JOIN LATERAL ${schema}.order_details(n.order_no) o`;
  const sales = new Map<string, string>();
  for (let from = 0; from < orderNos.length; from += LOOK_UP_ORDERS) {
    const some = orderNos.slice(from, from + LOOK_UP_ORDERS);
    const rows = await queryAll<{ order_no: string; sale: string }>(
      databases,
      'sales_of_orders',
      text,
      [some],
    );
    for (const { order_no: orderNo, sale } of rows) sales.set(orderNo, sale);
  }
  return sales;
}
