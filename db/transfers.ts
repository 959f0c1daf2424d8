import { randomUUID } from 'node:crypto';
import type { Schema } from '../contracts/names.ts';
import { findSku } from './catalog.ts';
import { otherSchema, toNumber } from './client/both-homes.ts';
import { DatabaseError } from './client/errors.ts';
import type { Databases, Pool } from './client/pool.ts';
import { copySku } from './copy.ts';
import { adoptSku } from './new-sales.ts';

/**
 * Carries transfers, and with them whole SKUs, between two servers (docs/decisions/0010). If a carrier
 * dies between two steps, the next one continues: the target applies each transfer once and reports
 * the last one that it applied.
 */

/** Maximum transfers of one SKU that a call of `carryTo` carries. */
const TRANSFERS_MAX = 500;
/**
 * Rounds of copying while the SKU is still sold at its old home. A round copies what was written
 * during the round before.
 */
const COPY_ROUNDS_MAX = 6;
/**
 * The SKU leaves its old home after a round of at most this many rows. Nothing of it is sold until one
 * more round has copied the remaining rows.
 */
const COPY_ROWS_LEFT = 500;

export interface Move {
  /** Undefined if the SKU was already in `schema`. */
  readonly movedFrom: Schema | undefined;
  /** Free units that moved. */
  readonly units: number;
  /** Slots that the SKU has now. */
  readonly slots: number;
  /** Buyers that were moved. A copy to another server counts a buyer once for each round. */
  readonly buyers: number;
}

export interface CarryOptions {
  /** Carry the transfers of this SKU only. */
  readonly sku?: string;
  /** Replace another copier even if it wrote within the last three seconds. */
  readonly takeOver?: boolean;
}

export interface Carried {
  readonly transfers: number;
  /** Free units of SKUs that moved. */
  readonly units: number;
  /** Buyers that were copied. */
  readonly buyers: number;
}

interface Transfer extends Record<string, unknown> {
  sku: string;
  transfer_no: string;
  kind: 'home' | 'buyers' | 'units' | 'payment';
  entry: string;
}

/** The server that has transfers for `to`, and the server of `to`. */
interface Route {
  readonly to: Schema;
  readonly source: Pool;
  readonly target: Pool;
}

function routeTo(databases: Databases, to: Schema): Route {
  return { to, source: databases[otherSchema(to)], target: databases[to] };
}

/** Groups neighbours that one call applies. The transfer of a whole SKU is a group of its own. */
function groupTransfers(transfers: readonly Transfer[]): Transfer[][] {
  const groups: Transfer[][] = [];
  for (const transfer of transfers) {
    const last = groups.at(-1);
    const [first] = last ?? [];
    if (last === undefined || first?.sku !== transfer.sku || [first, transfer].some(isHome)) {
      groups.push([transfer]);
    } else last.push(transfer);
  }
  return groups;
}

const isHome = ({ kind }: Transfer) => kind === 'home';

/**
 * Carries the waiting transfers to the server of `to`, up to `TRANSFERS_MAX` of each SKU. Idempotent,
 * and safe in several processes at once.
 *
 * @throws {DatabaseError} the first error; transfers carried before it stay carried. An error of one
 *   SKU is thrown after the other SKUs were tried, except `unavailable`, which is thrown at once
 */
export async function carryTo(
  databases: Databases,
  to: Schema,
  { sku, takeOver = false }: CarryOptions = {},
): Promise<Carried> {
  const route = routeTo(databases, to);
  const pending = await route.source.query<Transfer>({
    text: `SELECT * FROM ${to}.pending_transfers($1, $2)`,
    values: [sku ?? null, TRANSFERS_MAX],
  });
  let [transfers, units, buyers] = [0, 0, 0];
  let failure: DatabaseError | undefined;
  const blocked = new Set<string>();
  for (const group of groupTransfers(pending)) {
    const [first] = group;
    if (first === undefined || blocked.has(first.sku)) continue;
    try {
      const brought = await bring(route, first, group, takeOver);
      transfers += brought.transfers;
      units += brought.units;
      buyers += brought.buyers;
      if (!brought.whole) blocked.add(first.sku);
    } catch (error) {
      // Transfers of other SKUs continue, unless the server is unavailable to all.
      if (!(error instanceof DatabaseError) || error.kind === 'unavailable') throw error;
      failure ??= error;
      blocked.add(first.sku);
    }
  }
  if (failure !== undefined) throw failure;
  return { transfers, units, buyers };
}

async function bring(
  route: Route,
  first: Transfer,
  group: readonly Transfer[],
  takeOver: boolean,
): Promise<Carried & { whole: boolean }> {
  let [units, buyers] = [0, 0];
  if (isHome(first)) {
    const copied = await copySku({ ...route, sku: first.sku, copier: randomUUID() }, takeOver);
    // Either the SKU is already at the target and its carrier died before it marked the transfer as
    // done, or another process is copying it and will carry the rest as well.
    if (copied === undefined) {
      const transfers = await deliver(route, first.sku, []);
      return { transfers, units, buyers, whole: false };
    }
    buyers = copied.buyers;
    units = (JSON.parse(first.entry) as { units: number }).units;
  }
  await deliver(route, first.sku, group);
  return { transfers: group.length, units, buyers, whole: true };
}

/**
 * Applies the transfers at the target and marks as done what the target has applied, by this call or
 * before it.
 *
 * @returns the number of transfers that this call marked
 */
async function deliver(
  { to, source, target }: Route,
  sku: string,
  group: readonly Transfer[],
): Promise<number> {
  const [row] = await target.query<{ applied: string }>({
    text: `SELECT ${to}.apply_transfers($1, $2::jsonb) AS applied`,
    values: [sku, `[${group.map(({ entry }) => entry).join(',')}]`],
  });
  const [done] = await source.query<{ marked: string }>({
    text: `SELECT ${to}.transfers_done($1, $2) AS marked`,
    values: [sku, row?.applied ?? '0'],
  });
  return toNumber(done?.marked ?? '0');
}

async function carryAll(databases: Databases, to: Schema, sku: string): Promise<Carried> {
  let [transfers, units, buyers] = [0, 0, 0];
  for (;;) {
    const carried = await carryTo(databases, to, { sku, takeOver: true });
    if (carried.transfers === 0) return { transfers, units, buyers };
    transfers += carried.transfers;
    units += carried.units;
    buyers += carried.buyers;
  }
}

/**
 * Moves a SKU to the server of `schema`, or finishes a move that an earlier call began. Copies buyers
 * and outcomes while the SKU is still sold at its old home, then sends it, copies the rest and applies
 * the transfer.
 *
 * @throws {DatabaseError} FS002 if there is no such SKU; after `retry` or `unavailable` call again, or
 *   leave it to the workers: they finish the move of a SKU that has been sent
 */
export async function moveToServer(
  databases: Databases,
  schema: Schema,
  sku: string,
  slots?: number,
): Promise<Move> {
  const from = otherSchema(schema);
  const begun = await carryAll(databases, schema, sku);
  await carryAll(databases, from, sku);
  const found = await findSku(databases, sku);
  if (found === undefined) throw new DatabaseError('refused', `no SKU ${sku}`, 'FS002');
  if (found.schema === schema) {
    const movedFrom = begun.units > 0 || begun.buyers > 0 ? from : undefined;
    const { units, buyers } = begun;
    return { movedFrom, units, buyers, slots: await countSlots(databases[schema], schema, sku) };
  }
  await adoptSku(databases[schema], found);

  const route = routeTo(databases, schema);
  let buyers = 0;
  for (let round = 0; round < COPY_ROUNDS_MAX; round += 1) {
    const copied = await copySku({ ...route, sku, copier: randomUUID() }, true);
    buyers += copied?.buyers ?? 0;
    if (copied === undefined || copied.rows <= COPY_ROWS_LEFT) break;
  }
  await route.source.query({
    text: `SELECT ${schema}.send_sku($1, $2)`,
    values: [sku, slots ?? null],
  });
  const carried = await carryAll(databases, schema, sku);
  return {
    movedFrom: from,
    units: carried.units,
    slots: await countSlots(route.target, schema, sku),
    buyers: buyers + carried.buyers,
  };
}

async function countSlots(server: Pool, schema: Schema, sku: string): Promise<number> {
  const [row] = await server.query<{ count: string }>({
    text: `SELECT count(*) FROM ${schema}.slot_fill WHERE sku = $1`,
    values: [sku],
  });
  return toNumber(row?.count ?? '0');
}
