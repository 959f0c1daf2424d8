import { randomUUID } from 'node:crypto';
import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import { findSku } from './catalog.ts';
import { DatabaseError } from './client/errors.ts';
import { homeAfter, toNumber } from './client/homes.ts';
import type { Databases, Pool } from './client/pool.ts';
import { copySku } from './copy.ts';
import { adoptSku, withSale } from './new-sales.ts';
import { type Carried, carry, type Route, route } from './transfers.ts';

/** Moves SKUs between homes while they are sold: within a server, or by transfers (docs/decisions/0010, 0064). */

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

/**
 * Moves a SKU to `home` while it is being sold, also to another server. Finishes a move that an
 * earlier call began.
 *
 * @param slots number of slots at the new home; default: as many as before
 * @throws {DatabaseError} FS002 if there is no such SKU; after `retry` or `unavailable` call again, or leave it to
 *   the workers: they finish the way of a SKU that has been sent
 */
export async function moveSku(
  databases: Databases,
  home: Home,
  sku: string,
  slots?: number,
): Promise<Move> {
  if (databases.areApart) return moveBetweenServers(databases, home, sku, slots);
  return moveWithinServer(databases.home(home), home, sku, slots);
}

/** The routes between `regular` and a home, in both directions. None if they share a server. */
function routesOf(databases: Databases, home: Home): Route[] {
  const ways = [route(databases, REGULAR, home), route(databases, home, REGULAR)];
  return ways.filter(({ source, target }) => source !== target);
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
 * Moves a SKU to `home`, or finishes a move that an earlier call began. From one hot home to another, it goes by
 * `regular`. If the homes have different servers, copies buyers and outcomes while the SKU is still sold at its old
 * home, then sends it, copies the rest and applies the transfer.
 *
 * @throws {DatabaseError} FS002 if there is no such SKU; after `retry` or `unavailable` call again, or
 *   leave it to the workers: they finish the way of a SKU that has been sent
 */
async function moveBetweenServers(
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
  const second = await moveBetweenServers(databases, home, sku, slots);
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
  for (const each of new Set([home, present ?? home])) {
    for (const way of routesOf(databases, each)) {
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
  if (way.source === way.target) return moveWithinServer(way.target, way.to, sku, slots);
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

/** Moves a SKU to a home on its server. @throws {DatabaseError} FS002 if there is no such SKU */
async function moveWithinServer(
  server: Pool,
  home: Home,
  sku: string,
  slots?: number,
): Promise<Move> {
  const [row] = await server.query<{
    moved_from: Home | null;
    units: string;
    slots: number;
    buyers: string;
  }>({ text: `SELECT * FROM ${schemaOf(home)}.move_sku($1, $2)`, values: [sku, slots ?? null] });
  return {
    movedFrom: row?.moved_from ?? undefined,
    units: toNumber(row?.units ?? '0'),
    slots: row?.slots ?? 0,
    buyers: toNumber(row?.buyers ?? '0'),
  };
}

/** Enters the SKU at its new home, and its sale if the home is newer than the sale. */
async function enterSku(
  databases: Databases,
  { from, target }: Route,
  found: NonNullable<Awaited<ReturnType<typeof findSku>>>,
): Promise<void> {
  const terms = { ...found, pot: null, schema: from };
  await withSale(databases, target, found.sale, () => adoptSku(target, terms));
}

async function countSlots(server: Pool, home: Home, sku: string): Promise<number> {
  const [row] = await server.query<{ count: string }>({
    text: `SELECT count(*) FROM ${schemaOf(home)}.slot_fill WHERE sku = $1`,
    values: [sku],
  });
  return toNumber(row?.count ?? '0');
}
