import { randomUUID } from 'node:crypto';
import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import { findSku, saleBoard } from './catalog.ts';
import { DatabaseError } from './client/errors.ts';
import { homeAfter, toNumber } from './client/homes.ts';
import type { Databases, Pool } from './client/pool.ts';
import { copySku } from './copy.ts';
import { adoptSku, enterSale } from './new-sales.ts';

/**
 * Carries transfers, and with them whole SKUs, between servers (docs/decisions/0010, 0064). If a carrier
 * dies between two steps, the next one continues: the target applies each transfer once and reports
 * the last one that it applied.
 */

/** Maximum transfers of one SKU that a call of `carry` carries. */
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
  /** Undefined if the SKU was already in the home. */
  readonly movedFrom: Home | undefined;
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

/** One direction between the server of `regular` and a hot home. */
export interface Route {
  readonly from: Home;
  readonly to: Home;
  /** The one of the two that is not `regular`. */
  readonly hotHome: Home;
  readonly source: Pool;
  readonly target: Pool;
}

function route(databases: Databases, from: Home, to: Home): Route {
  const hotHome = to === REGULAR ? from : to;
  return { from, to, hotHome, source: databases.home(from), target: databases.home(to) };
}

/** The routes on which transfers come to a home: to `regular` from each hot home, else from `regular`. */
export function routesTo(databases: Databases, to: Home): Route[] {
  if (to !== REGULAR) return [route(databases, REGULAR, to)];
  const hot = databases.homes.filter((home) => home !== REGULAR);
  return hot.map((from) => route(databases, from, REGULAR));
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
 * Carries the waiting transfers of a route, up to `TRANSFERS_MAX` of each SKU. Idempotent, and safe in
 * several processes at once.
 *
 * @throws {DatabaseError} the first error; transfers carried before it stay carried. An error of one
 *   SKU is thrown after the other SKUs were tried, except `unavailable`, which is thrown at once
 */
export async function carry(
  route: Route,
  { sku, takeOver = false }: CarryOptions = {},
): Promise<Carried> {
  const pending = await route.source.query<Transfer>({
    text: `SELECT * FROM ${schemaOf(route.to)}.transfers_to($1, $2, $3)`,
    values: [route.hotHome, sku ?? null, TRANSFERS_MAX],
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
  { to, hotHome, source, target }: Route,
  sku: string,
  group: readonly Transfer[],
): Promise<number> {
  const schema = schemaOf(to);
  const none = JSON.stringify({ no: 0, hot_home: hotHome });
  const entries = group.length === 0 ? [none] : group.map(({ entry }) => entry);
  const [row] = await target.query<{ applied: string }>({
    text: `SELECT ${schema}.apply_transfers($1, $2::jsonb) AS applied`,
    values: [sku, `[${entries.join(',')}]`],
  });
  const [done] = await source.query<{ marked: string }>({
    text: `SELECT ${schema}.transfers_applied($1, $2, $3) AS marked`,
    values: [hotHome, sku, row?.applied ?? '0'],
  });
  return toNumber(done?.marked ?? '0');
}

async function carryAll(route: Route, sku: string): Promise<Carried> {
  let [transfers, units, buyers] = [0, 0, 0];
  for (;;) {
    const carried = await carry(route, { sku, takeOver: true });
    if (carried.transfers === 0) return { transfers, units, buyers };
    transfers += carried.transfers;
    units += carried.units;
    buyers += carried.buyers;
  }
}

/**
 * Moves a SKU to the server of `home`, or finishes a move that an earlier call began. From one hot home
 * to another, it goes by `regular`. Copies buyers and outcomes while the SKU is still sold at its old
 * home, then sends it, copies the rest and applies the transfer.
 *
 * @throws {DatabaseError} FS002 if there is no such SKU; after `retry` or `unavailable` call again, or
 *   leave it to the workers: they finish the way of a SKU that has been sent
 */
export async function moveToServer(
  databases: Databases,
  home: Home,
  sku: string,
  slots?: number,
): Promise<Move> {
  const begun = await finishMoves(databases, home, sku);
  const found = await findSku(databases, sku);
  if (found === undefined) throw new DatabaseError('refused', `no SKU ${sku}`, 'FS002');
  if (found.schema === home) {
    const movedFrom = begun?.from;
    const { units = 0, buyers = 0 } = begun ?? {};
    return { movedFrom, units, buyers, slots: await countSlots(databases.home(home), home, sku) };
  }
  if (found.schema === REGULAR || home === REGULAR) {
    return moveAlong(databases, route(databases, found.schema, home), found, slots);
  }
  const first = await moveAlong(databases, route(databases, found.schema, REGULAR), found);
  const second = await moveToServer(databases, home, sku, slots);
  return { ...second, movedFrom: found.schema, buyers: first.buyers + second.buyers };
}

/**
 * Carries what is on its way to or from `home` and the hot home where `regular` has the SKU.
 *
 * @returns what came to `home`, with the home that it came from; undefined if the SKU did not
 */
async function finishMoves(databases: Databases, home: Home, sku: string) {
  const present = await homeAfter(databases, REGULAR, sku);
  let begun: (Carried & { readonly from: Home }) | undefined;
  for (const hot of new Set([home, present ?? home])) {
    if (hot === REGULAR) continue;
    for (const way of [route(databases, REGULAR, hot), route(databases, hot, REGULAR)]) {
      const carried = await carryAll(way, sku);
      const came = way.to === home && (carried.units > 0 || carried.buyers > 0);
      if (came) begun = { ...carried, from: way.from };
    }
  }
  return begun;
}

async function moveAlong(
  databases: Databases,
  way: Route,
  found: NonNullable<Awaited<ReturnType<typeof findSku>>>,
  slots?: number,
): Promise<Move> {
  const { sku } = found;
  // A pot stays in its home: send_sku_to refuses it.
  const rounds = found.pot === null ? COPY_ROUNDS_MAX : 0;
  if (rounds > 0) await enterSku(databases, way, found);
  let buyers = 0;
  for (let round = 0; round < rounds; round += 1) {
    const copied = await copySku({ ...way, sku, copier: randomUUID() }, true);
    buyers += copied?.buyers ?? 0;
    if (copied === undefined || copied.rows <= COPY_ROWS_LEFT) break;
  }
  await way.source.query({
    text: `SELECT ${schemaOf(way.to)}.send_sku_to($1, $2, $3)`,
    values: [sku, way.to, slots ?? null],
  });
  const carried = await carryAll(way, sku);
  return {
    movedFrom: way.from,
    units: carried.units,
    slots: await countSlots(way.target, way.to, sku),
    buyers: buyers + carried.buyers,
  };
}

/** Enters the SKU at its new home, and its sale if the home is newer than the sale. */
async function enterSku(
  databases: Databases,
  { from, target }: Route,
  found: NonNullable<Awaited<ReturnType<typeof findSku>>>,
): Promise<void> {
  const terms = { ...found, pot: null, schema: from };
  await adoptSku(target, terms).catch(async (error: unknown) => {
    if (!(error instanceof DatabaseError) || error.sqlstate !== 'FS002') throw error;
    const { sales } = await saleBoard(databases);
    const sale = sales.find((one) => one.sale === found.sale);
    if (sale === undefined) throw error;
    await enterSale(databases, target, sale);
    await adoptSku(target, terms);
  });
}

async function countSlots(server: Pool, home: Home, sku: string): Promise<number> {
  const [row] = await server.query<{ count: string }>({
    text: `SELECT count(*) FROM ${schemaOf(home)}.slot_fill WHERE sku = $1`,
    values: [sku],
  });
  return toNumber(row?.count ?? '0');
}
