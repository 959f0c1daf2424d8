import { type Home, schemaOf } from '../contracts/homes.ts';
import type { Schema } from '../contracts/names.ts';
import type { Seats, Section, Singles } from '../contracts/seats.ts';
import type { Databases } from './client/pool.ts';

/** Typed calls about numbered goods, and parts of others. */

/** SQL: whether the SKU of a row has numbered units. Most shops have none, so no order is looked for there. */
export function isNumbered(row: string): string {
  return `${row}.sku = ANY (ARRAY(SELECT n.sku FROM catalog.section_times() n))`;
}

/**
 * SQL of the column `seats` of an order: the numbered units that it has now.
 *
 * @param order alias of a row with order_no and sku
 */
export function seatsOf(schema: Schema, order: string): string {
  return `CASE WHEN ${isNumbered(order)} THEN (
            SELECT u.units FROM ${schema}.order_units(ARRAY[${order}.order_no]) u) END AS seats`;
}

/** SQL of the column `section` of a row of `catalog.sections()`. */
export function sectionOf(section: string): string {
  return `CASE WHEN ${section}.sku IS NOT NULL THEN json_build_object(
            'seats', ${section}.seats, 'singles', ${section}.singles) END AS section`;
}

/**
 * Reads which units of a section are free: a character for each unit, `1` if it is. Undefined if the SKU has no
 * numbered units there.
 *
 * @param home where the SKU lives; a section never moves
 * @throws {DatabaseError}
 */
export async function unitMap(
  databases: Databases,
  home: Home,
  sku: string,
): Promise<string | undefined> {
  const [row] = await databases.home(home).query<{ map: string | null }>({
    name: `unit_map_${schemaOf(home)}`,
    text: `SELECT ${schemaOf(home)}.unit_map($1) AS map`,
    values: [sku],
  });
  return row?.map ?? undefined;
}

/** Reads the section of a SKU; undefined if it has none. It never changes. @throws {DatabaseError} */
export async function sectionOfSku(
  databases: Databases,
  home: Home,
  sku: string,
): Promise<Section | undefined> {
  const [row] = await databases.home(home).query<{ seats: Seats; singles: Singles }>({
    name: 'section_of_sku',
    text: 'SELECT n.seats, n.singles FROM catalog.sections() n WHERE n.sku = $1',
    values: [sku],
  });
  return row && { seats: row.seats, singles: row.singles };
}
