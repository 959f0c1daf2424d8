import { serversOf } from './catalog.ts';
import { patiently } from './client/both-homes.ts';
import { DatabaseError } from './client/errors.ts';
import type { Databases, Pool } from './client/pool.ts';

/** The typed call that removes an old sale. */

/** Pause between attempts to lock a sale's tables, for orders that wait behind an attempt. */
const DROP_PAUSE_MS = 500;

/**
 * Removes an old sale and all its data from every server. Waits up to 20 s for its tables.
 *
 * @throws {DatabaseError} FS001 the sale is not over; FS002 no such sale; FS004 something of it is not
 *   finished yet; 55P03 other transactions held its tables for the whole time: call again
 */
export async function dropSale(databases: Databases, sale: string): Promise<void> {
  const here: Pool[] = [];
  for (const server of serversOf(databases)) {
    const found = server.query({ text: 'SELECT catalog.check_sale_over($1)', values: [sale] });
    const there = await found
      .then(() => true)
      .catch((error: DatabaseError) => {
        if (error.sqlstate !== 'FS002') throw error;
        return false;
      });
    if (there) here.push(server);
  }
  if (here.length === 0) throw new DatabaseError('refused', `no sale ${sale}`, 'FS002');
  for (const server of here) {
    const text = 'SELECT FROM catalog.drop_sale($1)';
    await patiently(() => server.query({ text, values: [sale] }), DROP_PAUSE_MS);
  }
}
