import { SCHEMAS, type Schema } from '../contracts/names.ts';
import { queryBoth, toNumber } from './both-schemas.ts';
import type { Databases } from './pool.ts';

/**
 * The routines of operators and of the quota keeper, typed. Each function throws DatabaseError and
 * nothing else.
 */

export interface UnitCount {
  readonly sku: string;
  readonly schema: Schema;
  /** Units that exist: loaded and restocked. */
  readonly unitsTotal: number;
  /** Units in slots; `unitsTotal - free` is what orders hold. */
  readonly free: number;
  readonly unpaidExists: boolean;
}

/** The units of every SKU; those of one schema in one snapshot. */
export async function unitCounts(databases: Databases): Promise<UnitCount[]> {
  interface Row extends Record<string, unknown> {
    sku: string;
    schema: Schema;
    units_total: string;
    free: string;
    unpaid_exists: boolean;
  }
  const text = (schema: Schema) => `SELECT *, '${schema}' AS schema FROM ${schema}.unit_counts()`;
  const rows = await queryBoth<Row>(databases, 'unit_counts', text, []);
  return rows.map((row) => ({
    sku: row.sku,
    schema: row.schema,
    unitsTotal: toNumber(row.units_total),
    free: toNumber(row.free),
    unpaidExists: row.unpaid_exists,
  }));
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
