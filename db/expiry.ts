import { type Home, schemaOf } from '../contracts/homes.ts';
import { toNumber } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/** The SKUs with overdue unpaid orders in a home. */
export async function overdueSkus(databases: Databases, home: Home): Promise<string[]> {
  const [row] = await databases.home(home).query<{ skus: string[] }>({
    name: `overdue_skus_${schemaOf(home)}`,
    text: `SELECT ${schemaOf(home)}.overdue_skus() AS skus`,
  });
  return row?.skus ?? [];
}

export interface Expired {
  readonly sku: string;
  readonly orders: number;
  readonly units: number;
}

/**
 * Expires overdue unpaid orders, at most `limit`, in one transaction. If there are fewer, no more were due.
 *
 * @param skus all that are overdue if it is left out
 */
export async function expireOrders(
  databases: Databases,
  home: Home,
  limit: number,
  skus?: readonly string[],
): Promise<Expired[]> {
  const rows = await databases.home(home).query<{ sku: string; orders: string; units: string }>({
    name: `expire_orders_of_${schemaOf(home)}`,
    text: `SELECT sku, orders, units FROM ${schemaOf(home)}.expire_orders_of($1, $2)`,
    values: [skus ?? (await overdueSkus(databases, home)), limit],
  });
  return rows.map(({ sku, orders, units }) => ({
    sku,
    orders: toNumber(orders),
    units: toNumber(units),
  }));
}
