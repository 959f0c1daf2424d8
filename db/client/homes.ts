import type { Schema } from '../../contracts/names.ts';
import { toNumber } from './both-homes.ts';

/** Which server's word about a SKU counts, where each schema has a server of its own. Pure. */

/** What one server says; the servers are asked one after the other, and the SKU may move meanwhile. */
export interface HomeRow extends Record<string, unknown> {
  /** The schema that is at home on the server which says this. */
  asked: Schema;
  /** Where the SKU lives. */
  schema: Schema;
  abroad: boolean;
  /** Moves that this server knows of. */
  moves: number;
  /** Digits: free units that left this server and are not known to have arrived. */
  leaving: string;
  /** Digits: units in its slots. */
  free: string | null;
}

/** The server that says this is where the SKU lives. */
export const livesThere = (row: HomeRow) => row.schema === row.asked && !row.abroad;

/**
 * Who knows of the latest move is right, and of two who know it, the one where the SKU lives. A unit
 * counts as free with one of them only, or with none for a moment: never twice.
 */
export function homeOf<Row extends HomeRow>(rows: readonly Row[]): Row | undefined {
  return rows.toSorted(
    (a, b) => b.moves - a.moves || Number(livesThere(b)) - Number(livesThere(a)),
  )[0];
}

/** Free units by the word of `homeOf`: those on their way belong to nobody else yet. */
export function freeUnits(home: HomeRow): number {
  return toNumber((livesThere(home) ? home.free : home.leaving) ?? '0');
}
