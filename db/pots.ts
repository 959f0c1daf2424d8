import { type Home, schemaOf } from '../contracts/homes.ts';
import { withOwnDigits } from '../contracts/money.ts';
import type { Schema } from '../contracts/names.ts';
import type { Databases } from './client/pool.ts';

/** Typed calls about pots of money, and parts of others. */

/**
 * SQL of the column `packet` of an order: what it has drawn from a pot of money. Only orders that cost nothing
 * have one, so no other order is looked for.
 *
 * @param order alias of a row with order_no and amount
 */
export function packetOf(schema: Schema, order: string): string {
  return `(SELECT p.packet FROM ${schema}.order_packets(ARRAY[${order}.order_no]) p
           WHERE ${order}.amount = 0) AS packet`;
}

/** The facts of a pot that everybody may know. */
export interface PotFacts {
  /** Decimal string, in the currency of the SKU. */
  readonly amount: string;
  readonly packets: number;
  readonly division: 'random' | 'equal' | 'list';
  /** The commitment to its division; null on a server where the SKU does not live. */
  readonly sha256: string | null;
}

/** The list is that of the merchant; null if the pot is not divided by a list. */
export interface SkuPot extends PotFacts {
  readonly list: readonly string[] | null;
}

/** SQL of the column `pot` of a row of `catalog.pots()`. */
export function potOf(pot: string): string {
  return `CASE WHEN ${pot}.sku IS NOT NULL THEN json_build_object(
            'amount', ${pot}.amount::text, 'packets', ${pot}.packets, 'division', ${pot}.division,
            'sha256', ${pot}.sha256) END AS pot`;
}

/** With the digits of the currency of the SKU. */
export function potWithDigits<T extends PotFacts>(pot: T | null, currency: string): T | null {
  return pot && { ...pot, amount: withOwnDigits(pot.amount, currency) };
}

/** A pot whose sale is over. */
export interface OpenPot {
  /** Hexadecimal, like `sha256`. */
  readonly salt: string;
  /** The hash that was shown before the sale opened. */
  readonly sha256: string;
  /** By position. */
  readonly amounts: readonly string[];
}

/**
 * Reads the salt and the packets of a pot.
 *
 * @param home where the SKU lives; a pot never moves
 * @throws {DatabaseError} FS002 no such pot, FS004 its sale is not over
 */
export async function openPot(databases: Databases, home: Home, sku: string): Promise<OpenPot> {
  const [row] = await databases
    .home(home)
    .query<{ salt: string; sha256: string; amounts: string[] }>({
      text: `SELECT salt, sha256, amounts FROM ${schemaOf(home)}.open_pot($1)`,
      values: [sku],
    });
  if (row === undefined) throw new Error('open_pot returned no row');
  return row;
}
