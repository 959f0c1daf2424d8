import { SCHEMAS, type Schema } from '../contracts/names.ts';
import { areApart, queryBoth, toNumber } from './both-schemas.ts';
import { freeUnits, type HomeRow, homeOf } from './homes.ts';
import type { Databases } from './pool.ts';
import { type Move, moveToServer } from './transfers.ts';

export { type AuditRow, audit } from './audit.ts';

/**
 * The routines of operators and of the quota keeper, typed. Each function throws DatabaseError and
 * nothing else.
 */

export interface UnitCount {
  readonly sku: string;
  /** Units that exist: loaded and restocked. */
  readonly unitsTotal: number;
  /** Units in slots; `unitsTotal - free` is what orders hold. */
  readonly free: number;
  readonly unpaidExists: boolean;
}

interface UnitRow extends Record<string, unknown> {
  sku: string;
  units_total: string;
  free: string;
  unpaid_exists: boolean;
}

/** The units of every SKU, in one snapshot where both schemas share a server. */
export async function unitCounts(databases: Databases): Promise<UnitCount[]> {
  if (areApart(databases)) return unitCountsApart(databases);
  const text = (schema: Schema) => `SELECT * FROM ${schema}.unit_counts()`;
  const rows = await queryBoth<UnitRow>(databases, 'unit_counts', text, []);
  const counts = new Map<string, UnitCount>();
  for (const row of rows) {
    // A SKU that has moved has a row in each schema.
    const before = counts.get(row.sku);
    counts.set(row.sku, {
      sku: row.sku,
      unitsTotal: toNumber(row.units_total) + (before?.unitsTotal ?? 0),
      free: toNumber(row.free) + (before?.free ?? 0),
      unpaidExists: row.unpaid_exists || before?.unpaidExists === true,
    });
  }
  return [...counts.values()];
}

async function unitCountsApart(databases: Databases): Promise<UnitCount[]> {
  const text = (schema: Schema) =>
    `SELECT '${schema}' AS asked, u.*, h.schema, h.abroad, h.moves, h.leaving
     FROM ${schema}.unit_counts() u JOIN catalog.sku_homes() h USING (sku)`;
  const rows = await queryBoth<UnitRow & HomeRow>(databases, 'unit_counts_apart', text, []);
  const counts: UnitCount[] = [];
  for (const [sku, both] of Map.groupBy(rows, (row) => row.sku)) {
    const home = homeOf(both);
    counts.push({
      sku,
      unitsTotal: both.reduce((sum, row) => sum + toNumber(row.units_total), 0),
      free: home === undefined ? 0 : freeUnits(home),
      unpaidExists: both.some((row) => row.unpaid_exists),
    });
  }
  return counts;
}

/**
 * Brings a SKU to `schema` while it is being sold, to another server too; finishes what a call before
 * has begun.
 *
 * @throws {DatabaseError} FS002 if there is no such SKU
 */
export async function moveSku(
  databases: Databases,
  schema: Schema,
  sku: string,
  slots?: number,
): Promise<Move> {
  if (areApart(databases)) return moveToServer(databases, schema, sku, slots);
  const [row] = await databases[schema].query<{
    moved_from: Schema | null;
    units: string;
    slots: number;
    buyers: string;
  }>({ text: `SELECT * FROM ${schema}.move_sku($1, $2)`, values: [sku, slots ?? null] });
  return {
    movedFrom: row?.moved_from ?? undefined,
    units: toNumber(row?.units ?? '0'),
    slots: row?.slots ?? 0,
    buyers: toNumber(row?.buyers ?? '0'),
  };
}

/**
 * Once this returns, no request that the web node admitted can be ordered any more, in either
 * schema. Idempotent.
 */
export async function fenceNode(databases: Databases, node: string): Promise<void> {
  for (const schema of SCHEMAS) {
    await databases[schema].query({
      text: `SELECT ${schema}.fence_node($1)`,
      values: [node],
    });
  }
}

/** Whether the web node was fenced in both schemas. */
export async function nodeFenced(databases: Databases, node: string): Promise<boolean> {
  const text = (schema: Schema) => `SELECT ${schema}.node_fenced($1) AS fenced`;
  const rows = await queryBoth<{ fenced: boolean }>(databases, 'node_fenced', text, [node]);
  return rows.every(({ fenced }) => fenced);
}

/** Removes old figures of place_orders; how many. */
export async function trimPlaceCalls(databases: Databases, schema: Schema): Promise<number> {
  const rows = await databases[schema].query<{ removed: string }>({
    text: `SELECT ${schema}.trim_place_calls() AS removed`,
  });
  return toNumber(rows[0]?.removed ?? '0');
}

/** @returns the units that exist then */
export async function restock(
  databases: Databases,
  schema: Schema,
  sku: string,
  units: number,
): Promise<number> {
  const rows = await databases[schema].query<{ units: string }>({
    text: `SELECT ${schema}.restock($1, $2) AS units`,
    values: [sku, units],
  });
  return toNumber(rows[0]?.units ?? '0');
}

export interface Slot {
  readonly slot: number;
  readonly remaining: number;
}

/** @returns the slots as they are then */
export async function setSlots(
  databases: Databases,
  schema: Schema,
  sku: string,
  slots: number,
): Promise<Slot[]> {
  const rows = await databases[schema].query<{ slot: number; remaining: number }>({
    text: `SELECT slot, remaining FROM ${schema}.set_slots($1, $2)`,
    values: [sku, slots],
  });
  return rows.map(({ slot, remaining }) => ({ slot, remaining }));
}
