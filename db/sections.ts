import type { Schema } from '../contracts/names.ts';

/** Parts of typed calls about numbered goods. */

/** SQL: whether the SKU of a row has numbered units. Most shops have none, so no order is looked for there. */
export function isNumbered(row: string): string {
  return `${row}.sku = ANY (ARRAY(SELECT n.sku FROM catalog.sections() n))`;
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
