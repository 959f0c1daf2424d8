import type { Home } from '../../contracts/homes.ts';
import { toNumber } from './homes.ts';

/** Decides which server's answer about a SKU counts, if hot homes have servers of their own. Pure. */

/** A server's answer. Two servers have no common snapshot, so the SKU may move in between. */
export interface HomeRow extends Record<string, unknown> {
  /** The home whose server gave this answer. */
  asked: Home;
  /** Where the SKU lives, as far as this server knows. */
  schema: Home;
  /** The SKU lives on the other server. */
  abroad: boolean;
  /** Number of moves of the SKU that this server knows of. */
  moves: number;
  /** Digits: free units that left this server and whose transfer is not known to be applied. */
  leaving: string;
  /** Digits: units in the SKU's slots on this server. */
  free: string | null;
}

/** Whether the server that gave this answer is the home of the SKU. */
export const livesThere = (row: HomeRow) => row.schema === row.asked && !row.abroad;

/**
 * Returns the answer that counts: that of the server which knows of the latest move. If both know of
 * it, that of the server where the SKU lives. A free unit is thus counted once, or not at all during a
 * move, but never twice.
 */
export function homeOf<Row extends HomeRow>(rows: readonly Row[]): Row | undefined {
  return rows.toSorted(
    (a, b) => b.moves - a.moves || Number(livesThere(b)) - Number(livesThere(a)),
  )[0];
}

/** Free units, from the answer of `homeOf`. Units that are on their way count with the sender. */
export function freeUnits(home: HomeRow): number {
  return toNumber((livesThere(home) ? home.free : home.leaving) ?? '0');
}
