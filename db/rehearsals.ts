import { patiently, queryAll, toNumber } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import { DROP_PAUSE_MS } from './sale-changes.ts';

/** Typed calls for rehearsals. Every function throws only DatabaseError. */

/**
 * Removes the shadow of a sale that was sold in a rehearsal, from every server. Waits up to 20 s for its tables.
 *
 * @throws {DatabaseError} FS001 it is none; FS004 money may be under way; 55P03 other transactions held its tables
 *   for the whole time: call again
 */
export async function removeRehearsal(databases: Databases, shadow: string): Promise<void> {
  for (const server of databases.servers) {
    const text = 'SELECT catalog.remove_rehearsal($1)';
    await patiently(() => server.query({ text, values: [shadow] }), DROP_PAUSE_MS);
  }
}

/** How many slots each SKU of a sale has. Goods without slots are not in it. */
export async function slotsOf(
  databases: Databases,
  sale: string,
): Promise<ReadonlyMap<string, number>> {
  const rows = await queryAll<{ sku: string; slots: string }>(
    databases,
    'rehearsal_slots',
    (schema) => `SELECT DISTINCT sku, slots FROM ${schema}.slot_fill WHERE sale = $1`,
    [sale],
  );
  return new Map(rows.map(({ sku, slots }) => [sku, toNumber(slots)]));
}

/** How long shoppers of a sale's waitlist have to pay; undefined if the sale has no SKU. */
export async function claimSecondsOf(
  databases: Databases,
  sale: string,
): Promise<number | undefined> {
  const [row] = await queryAll<{ seconds: number }>(
    databases,
    'rehearsal_claims',
    (schema) => `SELECT DISTINCT extract(epoch FROM claim_window)::float8 AS seconds
                 FROM ${schema}.line_backlog WHERE sale = $1`,
    [sale],
  );
  return row?.seconds;
}
