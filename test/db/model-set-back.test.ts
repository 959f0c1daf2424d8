import { afterAll, expect, it } from 'vitest';
import {
  audit,
  cancelOrder,
  joinWaitlist,
  moveSku,
  payOrder,
  placeOrders,
  restock,
  setWaitlists,
} from '../../db/calls.ts';
import type { Databases, Queryable } from '../../db/client/pool.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { beat } from '../../db/restore.ts';
import { Random } from '../../fire/random.ts';
import { afterRestore } from '../../ops/restore/after-restore.ts';
import {
  carryAll,
  copyOf,
  heldUnits,
  homeOf,
  openFor,
  openHomes,
  removeCopies,
} from './set-back.ts';
import { openSale, request, stock } from './shop.ts';
import { freshDatabase } from './three-homes.ts';

/**
 * Random histories of a shop with two servers, of which one or both are set back to random moments. After
 * `after-restore`, each SKU has one home, each unit is sold once, and none is left over. The command names each order of which
 * shoppers know something else.
 *
 * `SEEDS=1..200` plays others.
 */

const [FIRST = 1, LAST = 8] = (process.env['SEEDS'] ?? '1..8').split('..').map(Number);
const STEPS = 24;
const UNITS = 4;
const SIDES = ['regular', 'hot'] as const;
type Side = (typeof SIDES)[number];

afterAll(removeCopies);

/** One line for each thing that was done. */
class History {
  readonly lines: string[] = [];

  add(line: string): void {
    this.lines.push(line);
  }

  setBackOf(side: string): string {
    return `--- ${side} is set back to here`;
  }

  /** How often the SKU has moved since the moment to which a server is set back. */
  movesAfter(side: string, sku: string): number {
    const since = this.lines.slice(this.lines.indexOf(this.setBackOf(side)));
    return since.filter((line) => line.startsWith(`moved ${sku}`)).length;
  }
}

interface Shop {
  readonly databases: Databases;
  readonly skus: readonly string[];
  readonly orders: { readonly no: string; readonly user: string }[];
  readonly history: History;
  readonly random: Random;
}

async function buy({ databases, skus, orders, history, random }: Shop): Promise<void> {
  const [sku, user] = [random.one(skus), `user-${random.between(1, 4)}`];
  const home = await homeOf(databases, sku);
  if (home === undefined) return;
  const [decision] = await placeOrders(databases, home, sku, [request({ userId: user })]);
  history.add(`order ${decision?.orderNo} of ${sku} by ${user} in ${home}`);
  if (decision?.orderNo) orders.push({ no: decision.orderNo, user });
}

async function move({ databases, skus, history, random }: Shop): Promise<void> {
  const [sku, to] = [random.one(skus), random.one(SIDES)];
  const { movedFrom } = await moveSku(databases, to, sku);
  if (movedFrom !== undefined) history.add(`moved ${sku} to ${to}`);
}

async function wait({ databases, skus, history, random }: Shop): Promise<void> {
  const [sku, user] = [random.one(skus), `user-${random.between(1, 9)}`];
  const home = (await homeOf(databases, sku)) ?? 'regular';
  const result = await joinWaitlist(databases, home, { sku, userId: user, units: 2 });
  history.add(`${user} joins the waitlist of ${sku}: ${result}`);
}

async function act(shop: Shop): Promise<void> {
  const { databases, orders, history, random } = shop;
  const kind = random.between(0, 10);
  if (kind < 4) return buy(shop);
  if (kind < 6) return move(shop);
  if (kind === 6) return wait(shop);
  if (kind === 7) return carryAll(databases);
  if (orders.length === 0) return;
  const { no, user } = random.one(orders);
  const done =
    kind === 10
      ? await payOrder(databases, no, `payment-of-${no}`)
      : await cancelOrder(databases, no, user);
  history.add(`order ${no} is ${done}`);
}

/** The status of each order, by its number. */
async function statuses(databases: Databases): Promise<ReadonlyMap<string, string>> {
  const rows = [];
  for (const side of SIDES) {
    const text = `SELECT order_no, status FROM ${side}.orders`;
    rows.push(
      ...(await databases.home(side).query<{ order_no: string; status: string }>({ text })),
    );
  }
  return new Map(rows.map(({ order_no, status }) => [order_no, status]));
}

/** Nothing that a shopper was told has gone without a word. */
async function compare(
  databases: Databases,
  told: ReadonlyMap<string, string>,
  named: ReadonlySet<string>,
): Promise<void> {
  const now = await statuses(databases);
  for (const [orderNo, status] of told) {
    if (now.get(orderNo) === status) continue;
    expect([orderNo, named.has(orderNo)]).toEqual([orderNo, true]);
    // A payment that the shop has booked is booked again.
    if (now.has(orderNo)) expect([orderNo, status]).not.toEqual([orderNo, 'paid']);
  }
}

type Beats = ReadonlyMap<string, string | undefined>;
type Copies = ReadonlyMap<string, Queryable>;

/** Restocks what is missing, as an operator does. @returns the units by SKU; undefined if another time is needed */
async function restore(
  { databases, history }: Shop,
  told: ReadonlyMap<string, string>,
  beats: Beats,
  copies: Copies,
): Promise<ReadonlyMap<string, number> | undefined> {
  const restocked = new Map<string, number>();
  const named = new Set<string>();
  const lastBeat = async (home: string) => beats.get(home);
  for (;;) {
    const result = await afterRestore({ databases, lastBeat, copies });
    const { homes, isAccepted, movedTwice, missing, aligned, broken } = result;
    history.add(`after-restore ${JSON.stringify({ isAccepted, movedTwice, missing, aligned })}`);
    for (const { home, sku } of movedTwice) {
      expect(history.movesAfter(home, sku)).toBeGreaterThan(1);
    }
    if (movedTwice.length > 0) return undefined;
    expect([broken, homes.length > 0]).toEqual([[], true]);
    for (const { lost } of homes) {
      for (const { orderNo } of lost?.orders ?? []) named.add(orderNo);
      for (const { told: order } of lost?.changed ?? []) named.add(order.orderNo);
    }
    if (isAccepted) {
      await compare(databases, told, named);
      return restocked;
    }
    for (const { sku, home, units } of missing) {
      // They are sold twice indeed.
      const more = restocked.get(sku) ?? 0;
      expect((await heldUnits(databases, sku)) - UNITS - more).toBeGreaterThanOrEqual(units);
      await restock(databases, home, sku, units);
      restocked.set(sku, more + units);
    }
  }
}

async function sellOut({ databases, skus }: Shop, restocked: ReadonlyMap<string, number>) {
  for (const sku of skus) {
    const home = await homeOf(databases, sku);
    expect(home).toBeDefined();
    for (let isOrdered = true; isOrdered; ) {
      const [decision] = await placeOrders(databases, home ?? '', sku, [request()]);
      isOrdered = decision?.orderNo != null;
    }
    expect(await heldUnits(databases, sku)).toBe(UNITS + (restocked.get(sku) ?? 0));
  }
  expect(await audit(databases)).toEqual([]);
}

async function play(urls: Readonly<Record<Side, string>>, random: Random, history: History) {
  const databases = openHomes(urls.regular, urls.hot);
  const sale = await openSale(databases);
  const skus: string[] = [];
  for (const schema of SIDES) {
    skus.push(await stock(databases, sale, { units: UNITS, schema, userLimit: 3 }));
  }
  await setWaitlists(databases, skus, []);
  const shop: Shop = { databases, skus, orders: [], history, random };
  const setBack = random.one<readonly Side[]>([['regular'], ['hot'], SIDES]);
  const at = new Map(setBack.map((side) => [side, random.between(0, STEPS - 1)]));
  const beats = new Map<string, string | undefined>();
  const beatAll = async () => {
    for (const side of SIDES) beats.set(side, await beat(databases, side, beats.get(side)));
  };
  const back = { ...urls };
  for (let step = 0; step < STEPS; step += 1) {
    for (const side of setBack.filter((one) => at.get(one) === step)) {
      await beatAll();
      back[side] = await copyOf(urls[side]);
      history.add(history.setBackOf(side));
    }
    await act(shop);
  }
  await beatAll();

  const after = { ...shop, databases: openHomes(back.regular, back.hot) };
  for (const side of setBack) {
    expect(await beat(after.databases, side, beats.get(side))).toBeUndefined();
  }
  const copies = new Map<string, Queryable>();
  for (const side of setBack) copies.set(side, openFor(await copyOf(urls[side])));
  const restocked = await restore(after, await statuses(databases), beats, copies);
  if (restocked === undefined) return;
  // Units that come to a home which the SKU has left follow it.
  for (let round = 0; round < 3; round += 1) await carryAll(after.databases);
  expect(await audit(after.databases)).toEqual([]);
  await sellOut(after, restocked);
}

it.each(Array.from({ length: LAST - FIRST + 1 }, (_, at) => FIRST + at))(
  'seed %i',
  async (seed) => {
    const [regular, hot] = [await freshDatabase(), await freshDatabase()];
    const urls = { regular: regular.url, hot: hot.url };
    const history = new History();
    await prepareHomes(new Map(Object.entries(urls)));
    try {
      await play(urls, new Random(seed, 'set back'), history);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${history.lines.join('\n')}`);
    } finally {
      await regular.remove();
      await hot.remove();
    }
  },
);
