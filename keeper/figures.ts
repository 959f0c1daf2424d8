import type { Schema } from '../contracts/names.ts';

/** What a keeper is told, what it tells of each SKU, and where it says what happens. */

export interface UnitCount {
  readonly sku: string;
  /** Units that exist: loaded and restocked. */
  readonly unitsTotal: number;
  /** Units in slots. */
  readonly free: number;
  /** Where it lives, if the schemas have a server each. */
  readonly home?: Schema;
}

/** As far as the database tells them now. */
export interface UnitCounts {
  readonly counts: readonly UnitCount[];
  /** False: a home is away, and what lives there is not among them. */
  readonly isComplete: boolean;
}

export interface KeeperLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Units of one SKU as the leader saw them at its last look. */
export interface SkuFigures {
  /** min(quota, units that exist). */
  readonly target: number;
  /** Sold or reserved in the database. */
  readonly held: number;
  /** Grants of live nodes, cumulative. */
  readonly granted: number;
  /** Granted and not admitted. */
  readonly spare: number;
  /** Admitted, outcome not known to the node. */
  readonly underWay: number;
  /** What dead nodes may still bring, until they are settled. */
  readonly dead: number;
  /** Spare units of pinned nodes, and of others that refuse nobody. */
  readonly pinned: number;
  /** Pinned nodes that have spare units. */
  readonly pinnedNodes: readonly string[];
  readonly idle: number;
}
