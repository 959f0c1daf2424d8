import { type Home, schemaOf } from '../contracts/homes.ts';
import type { Databases } from './client/pool.ts';

/** Typed calls about daily goods. */

/** The last day of which a user has a unit, as `2026-12-01`, and the days in a row up to then. */
export interface LastDay {
  readonly last: string;
  readonly streak: number;
}

/**
 * Returns the user's last day; undefined if the user has no unit yet.
 *
 * @param home where the SKU lives; a daily SKU never moves
 * @throws {DatabaseError}
 */
export async function lastDayOf(
  databases: Databases,
  home: Home,
  sku: string,
  userId: string,
): Promise<LastDay | undefined> {
  const [row] = await databases.home(home).query<{ last: string; streak: number }>({
    name: `days_of_${schemaOf(home)}`,
    text: `SELECT last_day::text AS last, streak FROM ${schemaOf(home)}.days_of($1, $2)`,
    values: [sku, userId],
  });
  return row;
}
