import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import type { Schema } from '../contracts/names.ts';
import type { Actor } from './actions.ts';
import { freeUnits, type HomeRow, homeOf, livesThere } from './client/home-rows.ts';
import { type Answers, queryAll, queryHomes, toNumber, whole } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

export { type AuditRow, audit, auditHomes } from './audit.ts';

/**
 * Typed calls of the routines for operators and the quota keeper. Every function throws only
 * DatabaseError.
 */

export interface UnitCount {
  readonly sku: string;
  /** Units that exist: loaded and restocked. */
  readonly unitsTotal: number;
  /** Units in slots; `unitsTotal - free` is what orders hold. */
  readonly free: number;
  readonly unpaidExists: boolean;
  /** Where the SKU lives; present only if hot homes have servers of their own. */
  readonly home?: Home;
}

interface UnitRow extends Record<string, unknown> {
  sku: string;
  units_total: string;
  free: string;
  unpaid_exists: boolean;
}

/**
 * Reads the units of every SKU, in one snapshot if the homes share a server.
 *
 * @throws {DatabaseError} also if one home does not answer
 */
export async function unitCounts(databases: Databases): Promise<UnitCount[]> {
  return whole(await knownUnitCounts(databases, new Map()));
}

/**
 * Units of each SKU on the server where it does not live. They do not change until the SKU moves
 * again, so the last figures stay valid while that server is down. The caller keeps this map between
 * its counts.
 */
export type Elsewhere = Map<string, { readonly moves: number; readonly unitsTotal: number }>;

/**
 * Like `unitCounts`, but leaves out the SKUs whose units are unknown while a home is missing.
 *
 * @param homeTimeoutMs maximum wait for a home before the counts of the other one are returned
 * @throws {DatabaseError} if no home answers
 */
export async function knownUnitCounts(
  databases: Databases,
  elsewhere: Elsewhere,
  homeTimeoutMs?: number,
): Promise<Answers<UnitCount>> {
  if (databases.areApart) return unitCountsApart(databases, elsewhere, homeTimeoutMs);
  const text = (schema: Schema) => `SELECT * FROM ${schema}.unit_counts()`;
  const rows = await queryAll<UnitRow>(databases, 'unit_counts', text, []);
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
  return { rows: [...counts.values()], missing: [] };
}

async function unitCountsApart(
  databases: Databases,
  elsewhere: Elsewhere,
  timeoutMs: number | undefined,
): Promise<Answers<UnitCount>> {
  const text = (schema: Schema, home: Home) =>
    `SELECT '${home}' AS asked, u.*, h.schema, h.abroad, h.moves, h.leaving
     FROM ${schema}.unit_counts() u JOIN catalog.sku_homes() h USING (sku)`;
  const answers = await queryHomes<UnitRow & HomeRow>(
    databases,
    'unit_counts_apart',
    text,
    [],
    timeoutMs,
  );
  const { rows, missing } = answers;
  const counts: UnitCount[] = [];
  for (const [sku, both] of Map.groupBy(rows, (row) => row.sku)) {
    const home = homeOf(both);
    if (home === undefined) continue;
    const others = both.filter((row) => row !== home);
    let unitsTotal = others.reduce((all, row) => all + toNumber(row.units_total), 0);
    const { moves } = home;
    const isMissing = missing.length > 0 && moves > 0;
    if (missing.length > 0 && !livesThere(home)) continue;
    if (isMissing) {
      const known = elsewhere.get(sku);
      if (known?.moves !== moves) continue;
      unitsTotal = known.unitsTotal;
    } else if (both.some((row) => row.asked === REGULAR && row.moves === moves)) {
      elsewhere.set(sku, { moves, unitsTotal });
    }
    counts.push({
      sku,
      home: home.schema,
      unitsTotal: toNumber(home.units_total) + unitsTotal,
      free: freeUnits(home),
      unpaidExists: isMissing || both.some((row) => row.unpaid_exists),
    });
  }
  return { rows: counts, missing };
}

/**
 * Fences a web node: after this returns, no request that the node admitted can become an order in
 * these homes. Idempotent.
 */
export async function fenceNode(
  databases: Databases,
  node: string,
  homes: readonly Home[] = databases.homes,
): Promise<void> {
  for (const home of homes) {
    await databases.home(home).query({
      text: `SELECT ${schemaOf(home)}.fence_node($1)`,
      values: [node],
    });
  }
}

/**
 * Whether a SKU lives in the home that was in another one before. Its requests may still be in the queue
 * of the other one.
 */
export async function hasMovedSkus(databases: Databases, home: Home): Promise<boolean> {
  const [row] = await databases.home(home).query<{ moved: boolean }>({
    text: `SELECT EXISTS (SELECT FROM catalog.sku_homes() h
                          WHERE h.schema = $1 AND h.moves > 0) AS moved`,
    values: [home],
  });
  return row?.moved === true;
}

/**
 * Whether the web node is fenced in all homes.
 *
 * @throws {DatabaseError} also if one home does not answer and the other one says that it is
 */
export async function nodeFenced(databases: Databases, node: string): Promise<boolean> {
  const text = (schema: Schema) => `SELECT ${schema}.node_fenced($1) AS fenced`;
  const answers = await queryHomes<{ fenced: boolean }>(databases, 'node_fenced', text, [node]);
  if (answers.rows.some(({ fenced }) => !fenced)) return false;
  return whole(answers).length > 0;
}

/** Removes old figures of place_orders; returns how many. */
export async function trimPlaceCalls(databases: Databases, home: Home): Promise<number> {
  const rows = await databases.home(home).query<{ removed: string }>({
    text: `SELECT ${schemaOf(home)}.trim_place_calls() AS removed`,
  });
  return toNumber(rows[0]?.removed ?? '0');
}

/** Removes request ids that no other sale asks for any more; returns how many. */
export async function trimRequestIndex(databases: Databases, home: Home): Promise<number> {
  const rows = await databases.home(home).query<{ removed: string }>({
    text: `SELECT ${schemaOf(home)}.trim_request_index() AS removed`,
  });
  return toNumber(rows[0]?.removed ?? '0');
}

/** Adds units to a SKU. @returns the units that exist afterwards */
export async function restock(
  databases: Databases,
  home: Home,
  sku: string,
  units: number,
  actor?: Actor,
): Promise<number> {
  const rows = await databases.home(home).query<{ units: string }>({
    text: `SELECT ${schemaOf(home)}.restock($1, $2, $3, $4) AS units`,
    values: [sku, units, actor?.by, actor?.reason],
  });
  return toNumber(rows[0]?.units ?? '0');
}

export interface Slot {
  readonly slot: number;
  /** Units in the slot. */
  readonly remaining: number;
}

/** Changes the number of slots of a SKU. @returns the slots afterwards */
export async function setSlots(
  databases: Databases,
  home: Home,
  sku: string,
  slots: number,
): Promise<Slot[]> {
  const rows = await databases.home(home).query<{ slot: number; remaining: number }>({
    text: `SELECT slot, remaining FROM ${schemaOf(home)}.set_slots($1, $2)`,
    values: [sku, slots],
  });
  return rows.map(({ slot, remaining }) => ({ slot, remaining }));
}
