import { Databases, type Pool } from '../../db/client/pool.ts';
import type { Statement } from '../../db/client/pool-types.ts';

export class Killed extends Error {}

/**
 * Databases whose user dies at query number `at`, before the query is sent or after its answer.
 *
 * @param counts which queries count; default: all
 */
export function mortal(
  databases: Databases,
  at: number,
  after: boolean,
  counts: (statement: Statement) => boolean = () => true,
): Databases {
  let queries = 0;
  const wrap = (pool: Pool): Pool => ({
    ...pool,
    async query(statement) {
      if (counts(statement)) queries += 1;
      else if (queries < at) return pool.query(statement);
      if (queries > at || (queries === at && !after)) throw new Killed();
      const rows = await pool.query(statement);
      if (queries === at) throw new Killed();
      return rows as never;
    },
  });
  // Homes that share a server still do.
  const wrapped = new Map(databases.servers.map((server) => [server, wrap(server)]));
  const pools = databases.homes.map((home) => [home, wrapped.get(databases.home(home))] as const);
  return new Databases(Object.fromEntries(pools) as never);
}
