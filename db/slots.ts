import { type Home, schemaOf } from '../contracts/homes.ts';
import type { Databases } from './client/pool.ts';

/**
 * Replaces the slots of a SKU by new rows with the same units, if the tables of slots have at least `deadMin` dead rows.
 *
 * @returns the number of slots that were replaced; 0: nothing was done
 * @throws {DatabaseError} with SQLSTATE 55P03 if the SKU was locked for 100 ms
 */
export async function renewSlots(
  databases: Databases,
  home: Home,
  sku: string,
  deadMin: number,
): Promise<number> {
  const [row] = await databases.home(home).query<{ slots: number }>({
    name: `renew_slots_${schemaOf(home)}`,
    text: `SELECT ${schemaOf(home)}.renew_slots($1, $2) AS slots`,
    values: [sku, deadMin],
  });
  return row?.slots ?? 0;
}
