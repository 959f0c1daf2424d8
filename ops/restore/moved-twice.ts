import type { Home } from '../../contracts/homes.ts';
import type { Databases, Pool } from '../../db/client/pool.ts';
import { type SentHome, sentHomes, transferEnds } from '../../db/restore.ts';
import { routesTo } from '../../db/transfers.ts';

/**
 * Finds SKUs that have moved more than once in the lost time of a home. align.ts makes one lost move good, because
 * the other server knows what it sent or received. Of two moves, the one that the home itself made is known to nobody.
 */

export interface MovedTwice {
  readonly sku: string;
  readonly home: Home;
  /** Restored to this time or later, the home has lost one move at most. By the clock of the other server. */
  readonly restoreTo: Date;
}

/** The servers on which each SKU lives. Two of them have it if one was set back. */
async function hostsOf(databases: Databases): Promise<ReadonlyMap<string, ReadonlySet<Pool>>> {
  const hosts = new Map<string, Set<Pool>>();
  for (const server of databases.servers) {
    const text = 'SELECT sku FROM catalog.sku_homes() WHERE NOT abroad';
    for (const { sku } of await server.query<{ sku: string }>({ text })) {
      hosts.set(sku, (hosts.get(sku) ?? new Set()).add(server));
    }
  }
  return hosts;
}

/** By SKU: the moves to a home that it does not know, because it has lost them or they are under way. */
async function unknownMoves(databases: Databases, home: Home) {
  const moves = new Map<string, SentHome[]>();
  for (const { source, target, to, hotHome } of routesTo(databases, home)) {
    const ends = await transferEnds(target, to, hotHome);
    for (const move of await sentHomes(source, to, hotHome)) {
      if (move.transferNo <= (ends.get(move.sku)?.applied ?? 0)) continue;
      moves.set(move.sku, [...(moves.get(move.sku) ?? []), move]);
    }
  }
  return moves;
}

/** @throws {DatabaseError} */
export async function movedTwice(
  databases: Databases,
  setBack: readonly Home[],
): Promise<MovedTwice[]> {
  const found: MovedTwice[] = [];
  const hosts = await hostsOf(databases);
  for (const home of setBack) {
    const server = databases.home(home);
    for (const [sku, moves] of await unknownMoves(databases, home)) {
      const on = hosts.get(sku) ?? new Set();
      const isElsewhere = [...on].some((host) => host !== server);
      // If the home has the SKU, it left before it came. If another one has it, it left after it came.
      const more = on.has(server) || isElsewhere ? 1 : 0;
      if (moves.length + more < 2) continue;
      const last = moves.reduce((a, b) => (a.sentAt > b.sentAt ? a : b));
      const restoreTo = isElsewhere ? (last.doneAt ?? last.sentAt) : last.sentAt;
      found.push({ sku, home, restoreTo });
    }
  }
  return found;
}
