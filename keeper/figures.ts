import type { Home } from '../contracts/homes.ts';

/** The inputs of a keeper, the figures that it shows for each SKU, and its log. */

export interface UnitCount {
  readonly sku: string;
  /** Units that exist, including restocked ones. */
  readonly unitsTotal: number;
  /** Units in slots. */
  readonly free: number;
  /** The home of the SKU; present only when each schema has its own server. */
  readonly home?: Home;
}

/** The unit counts of the homes that answered. */
export interface UnitCounts {
  readonly counts: readonly UnitCount[];
  /** False when a home did not answer; its SKUs are then missing. */
  readonly isComplete: boolean;
}

export interface KeeperLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Units of one SKU at the leader's last look. */
export interface SkuFigures {
  /** min(quota, units that exist). */
  readonly target: number;
  /** Units sold or reserved in the database. */
  readonly held: number;
  /** Sum of the live nodes' grants, cumulative. */
  readonly granted: number;
  /** Units granted and not admitted yet. */
  readonly spare: number;
  /** Units admitted whose outcome the node does not know yet. */
  readonly underWay: number;
  /** Units that dead nodes may still bring to the database, until they are settled. */
  readonly dead: number;
  /** Spare units of pinned nodes. `idle` counts those of unpinned nodes that refuse nobody. */
  readonly pinned: number;
  /** Pinned nodes that have spare units. */
  readonly pinnedNodes: readonly string[];
  readonly idle: number;
}
