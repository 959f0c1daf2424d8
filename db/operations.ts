import { SCHEMAS, type Schema } from '../contracts/names.ts';
import { queryBoth, toNumber } from './both-schemas.ts';
import { DatabaseError } from './errors.ts';
import type { Databases } from './pool.ts';

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

/** The units of every SKU, in one snapshot where both schemas share a server. */
export async function unitCounts(databases: Databases): Promise<UnitCount[]> {
  interface Row extends Record<string, unknown> {
    sku: string;
    units_total: string;
    free: string;
    unpaid_exists: boolean;
  }
  const text = (schema: Schema) => `SELECT * FROM ${schema}.unit_counts()`;
  const rows = await queryBoth<Row>(databases, 'unit_counts', text, []);
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

export interface Move {
  /** Undefined if the SKU was in `schema` already. */
  readonly movedFrom: Schema | undefined;
  /** Free units that came along. */
  readonly units: number;
  readonly slots: number;
  readonly buyers: number;
}

/**
 * Brings a SKU to `schema` while it is being sold. Both schemas must share a server.
 *
 * @throws {DatabaseError} FS002 if there is no such SKU; `refused` where hot has a server of its own
 */
export async function moveSku(
  databases: Databases,
  schema: Schema,
  sku: string,
  slots?: number,
): Promise<Move> {
  if (databases.regular !== databases.hot) {
    const message = 'a SKU moves between the schemas of one server only: hot has its own here';
    throw new DatabaseError('refused', message);
  }
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

/** One broken promise. */
export interface AuditRow {
  readonly schema: Schema;
  readonly promise: string;
  readonly sku: string | null;
  readonly detail: string;
  readonly expected: number;
  readonly actual: number;
  /** What to do about it, in words. */
  readonly remedy: string;
}

/** The books of both schemas: empty when all is well. Reads every order. */
export async function audit(databases: Databases): Promise<AuditRow[]> {
  interface Row extends Record<string, unknown> {
    schema: Schema;
    promise: string;
    sku: string | null;
    detail: string;
    expected: string;
    actual: string;
    remedy: string;
  }
  const text = (schema: Schema) => `SELECT '${schema}' AS schema, * FROM ${schema}.audit()`;
  const rows = await queryBoth<Row>(databases, 'audit', text, []);
  return rows.map((row) => ({
    schema: row.schema,
    promise: row.promise,
    sku: row.sku,
    detail: row.detail,
    expected: toNumber(row.expected),
    actual: toNumber(row.actual),
    remedy: row.remedy,
  }));
}
