import { randomUUID } from 'node:crypto';
import { type Home, REGULAR, schemaOf } from '../contracts/homes.ts';
import { DatabaseError } from './client/errors.ts';
import { toNumber } from './client/homes.ts';
import type { Databases, Pool } from './client/pool.ts';
import { copySku } from './copy.ts';

/**
 * Carries transfers, and with them whole SKUs, between servers (docs/decisions/0010, 0064). moves.ts sends SKUs. If a carrier
 * dies between two steps, the next one continues: the target applies each transfer once and reports
 * the last one that it applied.
 */

/** Maximum transfers of one SKU that a call of `carry` carries. */
const TRANSFERS_MAX = 500;

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

/** One direction between `regular` and a hot home. */
export interface Route {
  readonly from: Home;
  readonly to: Home;
  /** The one of the two that is not `regular`. */
  readonly hotHome: Home;
  readonly source: Pool;
  readonly target: Pool;
}

/** The direction from one home to another, of which one is `regular`. */
export function route(databases: Databases, from: Home, to: Home): Route {
  const hotHome = to === REGULAR ? from : to;
  return { from, to, hotHome, source: databases.home(from), target: databases.home(to) };
}

/**
 * The routes on which transfers come to a home: to `regular` from each hot home, else from `regular`. A home that
 * shares the server of `regular` needs none.
 */
export function routesTo(databases: Databases, to: Home): Route[] {
  return databases.homes
    .filter((from) => (to === REGULAR) !== (from === REGULAR))
    .map((from) => route(databases, from, to))
    .filter(({ source, target }) => source !== target);
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
    // Either the SKU has already been at the target, and its carrier is slow or died before it marked the transfer as
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
