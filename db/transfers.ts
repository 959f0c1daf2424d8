import { randomUUID } from 'node:crypto';
import type { Schema } from '../contracts/names.ts';
import { adoptSku, findSku } from './catalog.ts';
import { otherSchema, toNumber } from './client/both-homes.ts';
import { DatabaseError } from './client/errors.ts';
import type { Databases, Pool } from './client/pool.ts';
import { copySku } from './copy.ts';

/**
 * Carries post between two servers, and SKUs with it (docs/decisions/0010). Whatever dies between two
 * steps, the next carrier goes on: the target applies each piece once and says how far it has come.
 */

/** Pieces of post of one SKU that are carried at once. */
const POST_MAX = 500;
/** Rounds of copying before the SKU leaves; each is as long as what was written during the last. */
const COPY_ROUNDS_MAX = 6;
/** Rows that may be left for the round during which nothing is sold. */
const COPY_ROWS_LEFT = 500;

export interface Move {
  /** Undefined if the SKU was in `schema` already. */
  readonly movedFrom: Schema | undefined;
  /** Free units that came along. */
  readonly units: number;
  readonly slots: number;
  /** To another server: those copied, a buyer whose units changed meanwhile again. */
  readonly buyers: number;
}

export interface CarryOptions {
  /** One SKU only. */
  readonly sku?: string;
  /** Copy even if another process has done so a moment ago: it is known to be dead, or waited for. */
  readonly takeOver?: boolean;
}

export interface Carried {
  /** Pieces of post. */
  readonly pieces: number;
  /** Free units of SKUs that arrived. */
  readonly units: number;
  readonly buyers: number;
}

interface Piece extends Record<string, unknown> {
  sku: string;
  transfer_no: string;
  kind: 'home' | 'buyers' | 'units' | 'payment';
  entry: string;
}

/** Where post of `to` waits, and where it goes. */
interface Route {
  readonly to: Schema;
  readonly source: Pool;
  readonly target: Pool;
}

function routeTo(databases: Databases, to: Schema): Route {
  return { to, source: databases[otherSchema(to)], target: databases[to] };
}

/** Neighbours that one call applies: a SKU that arrives comes alone. */
function parcels(pieces: readonly Piece[]): Piece[][] {
  const groups: Piece[][] = [];
  for (const piece of pieces) {
    const last = groups.at(-1);
    const [first] = last ?? [];
    if (last === undefined || first?.sku !== piece.sku || [first, piece].some(isHome)) {
      groups.push([piece]);
    } else last.push(piece);
  }
  return groups;
}

const isHome = ({ kind }: Piece) => kind === 'home';

/**
 * Brings what waits for `to` to its server, once through. Idempotent, and safe in several processes at
 * once.
 *
 * @throws {DatabaseError} what was carried stays so; one SKU's trouble comes after the others' post
 */
export async function carryTo(
  databases: Databases,
  to: Schema,
  { sku, takeOver = false }: CarryOptions = {},
): Promise<Carried> {
  const route = routeTo(databases, to);
  const pieces = await route.source.query<Piece>({
    text: `SELECT * FROM ${to}.pending_transfers($1, $2)`,
    values: [sku ?? null, POST_MAX],
  });
  let [carried, units, buyers] = [0, 0, 0];
  let failure: DatabaseError | undefined;
  const blocked = new Set<string>();
  for (const parcel of parcels(pieces)) {
    const [first] = parcel;
    if (first === undefined || blocked.has(first.sku)) continue;
    try {
      const brought = await bring(route, first, parcel, takeOver);
      carried += brought.pieces;
      units += brought.units;
      buyers += brought.buyers;
      if (!brought.whole) blocked.add(first.sku);
    } catch (error) {
      // The post of other SKUs does not wait for this one's, unless the server is gone for all.
      if (!(error instanceof DatabaseError) || error.kind === 'unavailable') throw error;
      failure ??= error;
      blocked.add(first.sku);
    }
  }
  if (failure !== undefined) throw failure;
  return { pieces: carried, units, buyers };
}

async function bring(
  route: Route,
  first: Piece,
  parcel: readonly Piece[],
  takeOver: boolean,
): Promise<Carried & { whole: boolean }> {
  let [units, buyers] = [0, 0];
  if (isHome(first)) {
    const copied = await copySku({ ...route, sku: first.sku, copier: randomUUID() }, takeOver);
    // It is there, and its carrier died before it could say so; or another process is at it, which
    // goes on with the rest too.
    if (copied === undefined) {
      const pieces = await deliver(route, first.sku, []);
      return { pieces, units, buyers, whole: false };
    }
    buyers = copied.buyers;
    units = (JSON.parse(first.entry) as { units: number }).units;
  }
  await deliver(route, first.sku, parcel);
  return { pieces: parcel.length, units, buyers, whole: true };
}

/** @returns how many pieces the sender did not know to be there */
async function deliver(
  { to, source, target }: Route,
  sku: string,
  parcel: readonly Piece[],
): Promise<number> {
  const [row] = await target.query<{ applied: string }>({
    text: `SELECT ${to}.apply_transfers($1, $2::jsonb) AS applied`,
    values: [sku, `[${parcel.map(({ entry }) => entry).join(',')}]`],
  });
  const [done] = await source.query<{ marked: string }>({
    text: `SELECT ${to}.transfers_done($1, $2) AS marked`,
    values: [sku, row?.applied ?? '0'],
  });
  return toNumber(done?.marked ?? '0');
}

async function carryAll(databases: Databases, to: Schema, sku: string): Promise<Carried> {
  let [pieces, units, buyers] = [0, 0, 0];
  for (;;) {
    const carried = await carryTo(databases, to, { sku, takeOver: true });
    if (carried.pieces === 0) return { pieces, units, buyers };
    pieces += carried.pieces;
    units += carried.units;
    buyers += carried.buyers;
  }
}

/**
 * Brings a SKU to the server of `schema`, or finishes what a call before has begun: copies buyers and
 * outcomes while it goes on being sold, then lets it leave, copies the rest, and lets it arrive.
 *
 * @throws {DatabaseError} FS002 if there is no such SKU; `retry` and `unavailable`: call again, or wait
 *   for a worker: if it has left, it arrives in any case
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
  const arrived = await carryAll(databases, schema, sku);
  return {
    movedFrom: from,
    units: arrived.units,
    slots: await countSlots(route.target, schema, sku),
    buyers: buyers + arrived.buyers,
  };
}

async function countSlots(server: Pool, schema: Schema, sku: string): Promise<number> {
  const [row] = await server.query<{ count: string }>({
    text: `SELECT count(*) FROM ${schema}.slot_fill WHERE sku = $1`,
    values: [sku],
  });
  return toNumber(row?.count ?? '0');
}
