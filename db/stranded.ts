import { type Home, schemaOf } from '../contracts/homes.ts';
import { type Answers, queryHomes, toNumber } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/**
 * Units that exist and are not sold, by cause, each with the action that frees them. A row is not
 * always a fault: an unpaid order may still be paid. A row that persists is one.
 */

export const CAUSES = [
  'idle_node',
  'dead_node',
  'pinned',
  'small_slot',
  'unpaid',
  'queued',
  'dead_lettered',
] as const;
export type Cause = (typeof CAUSES)[number];

export interface Stranded {
  /** Null for dead letters, which may be of any SKU. */
  readonly sku: string | null;
  readonly cause: Cause;
  /** Units; for dead letters the number of messages. */
  readonly units: number;
  /** How to free the units: a command, or what to check. */
  readonly remedy: string;
}

/** Figures of one SKU in one home. A SKU that has moved may have unpaid orders in both. */
export interface StockFigures {
  readonly sku: string;
  readonly schema: Home;
  /**
   * Units of unpaid orders. `overdueOrders` counts the unpaid orders past their payment deadline.
   */
  readonly unpaid: number;
  readonly overdueOrders: number;
  /** Units in slots that hold fewer units than one user may buy. */
  readonly smallSlots: number;
}

/** The granted units of one SKU, by what holds them. */
export interface Held {
  /** Spare units of pinned nodes. `idle` counts those of unpinned nodes that refuse nobody. */
  readonly pinned: number;
  /** Pinned nodes that have spare units. */
  readonly pinnedNodes: readonly string[];
  readonly idle: number;
  /** Units that dead nodes may still bring to the database, until they are settled. */
  readonly dead: number;
  /** Units admitted whose outcome the node does not know yet. */
  readonly underWay: number;
}

/** Returns the rows with units, sorted by SKU. Pure. */
export function strandedRows(
  figures: ReadonlyMap<string, Held>,
  stock: readonly StockFigures[],
  deadLetters: number,
): Stranded[] {
  const rows: Stranded[] = [];
  for (const [sku, { idle, dead, pinned, pinnedNodes, underWay }] of figures) {
    const show = `flashsale quota show ${sku}`;
    const unpin = pinnedNodes.map((node) => `flashsale quota unpin ${sku} ${node}`).join(' && ');
    rows.push(
      row(sku, 'idle_node', idle, `${show}; they move by themselves to a node that runs dry`),
      row(sku, 'dead_node', dead, 'start a worker of each queue: node worker/main.ts'),
      row(sku, 'pinned', pinned, unpin),
      row(sku, 'queued', underWay, 'start more workers: node worker/main.ts'),
    );
  }
  for (const { sku, schema: home, unpaid, overdueOrders, smallSlots } of stock) {
    const schema = schemaOf(home);
    const expire = `psql: SELECT ${schema}.expire_orders(1000)`;
    const wait = 'they are paid or expire; psql: ';
    const remedy = overdueOrders > 0 ? expire : `${wait}SELECT * FROM ${schema}.unpaid_backlog`;
    rows.push(
      row(sku, 'small_slot', smallSlots, `psql: SELECT * FROM ${schema}.set_slots('${sku}', 1)`),
      row(sku, 'unpaid', unpaid, remedy),
    );
  }
  rows.push(row(null, 'dead_lettered', deadLetters, 'flashsale dead-letters list'));
  return rows
    .filter(({ units }) => units > 0)
    .sort((a, b) => ((a.sku ?? '~') < (b.sku ?? '~') ? -1 : a.sku === b.sku ? 0 : 1));
}

function row(sku: string | null, cause: Cause, units: number, remedy: string): Stranded {
  return { sku, cause, units, remedy };
}

/** Reads the figures of the homes that answer. @throws {DatabaseError} when no home answers */
export async function stockFigures(databases: Databases): Promise<Answers<StockFigures>> {
  const { rows, missing } = await queryHomes<{
    schema: Home;
    sku: string;
    unpaid: string;
    overdue: string;
    small_slots: string;
  }>(
    databases,
    'stranded_stock',
    (schema, home) => `
      SELECT '${home}' AS schema, sku, coalesce(u.units, 0) AS unpaid,
             coalesce(u.overdue, 0) AS overdue, coalesce(s.units, 0) AS small_slots
      FROM ${schema}.unpaid_backlog u
      FULL JOIN (SELECT sku, sum(f.remaining) AS units
                 FROM ${schema}.slot_fill f JOIN catalog.sale_board() b USING (sku)
                 WHERE f.remaining BETWEEN 1 AND b.user_limit - 1
                 GROUP BY sku) s USING (sku)`,
    [],
  );
  const figures = rows.map((row) => ({
    sku: row.sku,
    schema: row.schema,
    unpaid: toNumber(row.unpaid),
    overdueOrders: toNumber(row.overdue),
    smallSlots: toNumber(row.small_slots),
  }));
  return { rows: figures, missing };
}
