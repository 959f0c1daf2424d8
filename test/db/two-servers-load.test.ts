import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Schema } from '../../contracts/names.ts';
import {
  type AdmittedRequest,
  audit,
  cancelOrder,
  type Decision,
  expireOrders,
  moveSku,
  payOrder,
  placeOrders,
  unitCounts,
} from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { Databases, type Pool } from '../../db/client/pool.ts';
import { until } from '../until.ts';
import { byNode, openSale, requests, stock } from './shop.ts';
import { carryTo, startTwoServers, type TwoServers } from './two-servers.ts';

/**
 * A SKU moves between two servers while its units are sold, paid, cancelled and expired, and movers
 * die.
 */

let servers: TwoServers;
let worker: Databases;
let ops: Databases;
let sale: string;

beforeAll(async () => {
  servers = await startTwoServers();
  worker = servers.as('worker', 20);
  ops = servers.as('ops');
  sale = await openSale(ops);
});
afterAll(() => servers.remove());

/** Moves to one server and back. */
const MOVES = 2;
const SCHEMAS = ['regular', 'hot'] as const;
const other = (schema: Schema): Schema => (schema === 'hot' ? 'regular' : 'hot');

/** The number of one-unit orders that one call may expire. */
const EXPIRED_MAX = 50;

/** Repeats the call, as workers do, while a server restarts or a busy machine answers late. */
async function untilAnswered<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.kind === 'refused') throw error;
      await sleep(10);
    }
  }
}

/** Carries transfers, as every worker does, until it is stopped. */
function startCarrier() {
  let running = true;
  const loop = async (to: Schema) => {
    while (running) {
      await untilAnswered(() => carryTo(worker, to));
      await sleep(5);
    }
  };
  const loops = SCHEMAS.map(loop);
  return async () => {
    running = false;
    await Promise.all(loops);
    for (const to of [...SCHEMAS, ...SCHEMAS]) {
      while ((await untilAnswered(() => carryTo(worker, to))).transfers > 0);
    }
  };
}

class Shop {
  readonly decisions = new Map<string, Decision>();
  readonly users = new Map<string, string>();
  cancelling = 0;
  cancelled = 0;
  /** The most that the calls under way may expire. */
  expiring = 0;
  sold = 0;
  readonly sku: string;
  readonly #said = new Set<Decision['status']>();

  constructor(sku: string) {
    this.sku = sku;
  }

  /**
   * Repeats the requests, as a worker does, until each has a final answer, at both servers in turn.
   */
  async sell(requested: readonly AdmittedRequest[], first: Schema): Promise<void> {
    let from = first;
    let batch = requested;
    for (let wait = false; batch.length > 0; wait = true) {
      const said = await untilAnswered(() => placeOrders(worker, from, this.sku, batch, { wait }));
      for (const [at, one] of said.entries()) {
        if (one.status === 'locked') continue;
        this.decisions.set(one.requestId, one);
        this.#said.add(one.status);
        this.sold += one.units;
        if (one.orderNo !== null) this.users.set(one.orderNo, batch[at]?.userId ?? '');
      }
      batch = batch.filter((_one, at) => said[at]?.status === 'locked');
      from = other(from);
    }
  }

  /** Whether all three answers have been given: ordered, sold out, and limit reached. */
  hasSaidAll(): boolean {
    return this.#said.size >= 3;
  }

  anyOrder(): string | undefined {
    return [...this.users.keys()][Math.floor(Math.random() * this.users.size)];
  }

  async cancelOne(): Promise<void> {
    const orderNo = this.anyOrder();
    if (orderNo === undefined) return sleep(1);
    const userId = this.users.get(orderNo) ?? '';
    this.cancelling += 1;
    await untilAnswered(() => cancelOrder(worker, orderNo, userId));
  }

  /** Units of orders on both servers. */
  async held(): Promise<number> {
    let held = 0;
    for (const schema of SCHEMAS) {
      const [row] = await servers.admin.home(schema).query<{ units: string }>({
        text: `SELECT coalesce(sum(units), 0) AS units FROM ${schema}.orders
               WHERE sku = $1 AND status IN ('ordered', 'paid')`,
        values: [this.sku],
      });
      held += Number(row?.units ?? 0);
    }
    return held;
  }

  async count() {
    const found = (await unitCounts(worker)).find(({ sku }) => sku === this.sku);
    if (found === undefined) throw new Error(`no counts of ${this.sku}`);
    return found;
  }

  async expectTheSameAgain(all: readonly AdmittedRequest[]): Promise<void> {
    for (const schema of SCHEMAS) {
      for (let from = 0; from < all.length; from += 500) {
        const some = all.slice(from, from + 500);
        const again = await untilAnswered(() => placeOrders(worker, schema, this.sku, some));
        for (const one of again) expect(one).toEqual(this.decisions.get(one.requestId));
      }
    }
  }
}

it('a SKU loses no unit and refuses no call, however often it moves under full load', async () => {
  const units = 1_500;
  const crowd: AdmittedRequest[] = [];
  const come = (many: number) => {
    const some = requests(many).map((one, n) => ({
      ...one,
      userId: `crowd-${(crowd.length + n) % 2_000}`,
    }));
    crowd.push(...some);
    return some;
  };
  const shop = new Shop(await stock(ops, sale, { units, schema: 'regular', slots: 8 }));
  const stopCarrier = startCarrier();
  let running = true;
  const whileRunning = async (task: () => Promise<unknown>) => {
    while (running) await task();
  };
  let moves = 0;
  const sellers = Array.from({ length: 16 }, async (_, n) => {
    // Single orders and batches.
    const size = n % 4 === 0 ? 40 : 1;
    while (moves < MOVES || !shop.hasSaidAll()) {
      await shop.sell(come(size), n % 2 === 0 ? 'regular' : 'hot');
    }
  });
  const payments = new Set<string>();
  const others = [
    whileRunning(() => shop.cancelOne()),
    whileRunning(async () => {
      const orderNo = shop.anyOrder();
      if (orderNo === undefined) return sleep(1);
      payments.add(await untilAnswered(() => payOrder(worker, orderNo, `pay-${orderNo}`, byNode)));
    }),
    whileRunning(async () => {
      for (const schema of SCHEMAS) {
        await servers.admin.home(schema).query({
          text: `UPDATE ${schema}.orders SET pay_before = now() - interval '1 s'
                 WHERE sku = $1 AND status = 'ordered' AND random() < 0.05`,
          values: [shop.sku],
        });
        shop.expiring += EXPIRED_MAX;
        const expired = await untilAnswered(() =>
          expireOrders(worker, schema, EXPIRED_MAX).catch((error: unknown) => {
            // The call may have been committed although its answer was late.
            shop.cancelled += EXPIRED_MAX;
            throw error;
          }),
        );
        for (const { units: gone } of expired) shop.cancelled += gone;
        shop.expiring -= EXPIRED_MAX;
      }
      await sleep(5);
    }),
    // The keeper reads the counts: they must never show too few units in orders, or it would grant
    // too many.
    whileRunning(async () => {
      const sold = shop.sold;
      const { unitsTotal, free } = await untilAnswered(() => shop.count());
      expect(unitsTotal).toBe(units);
      expect(free).toBeGreaterThanOrEqual(0);
      await sleep(20);
      const returned = shop.cancelling + shop.cancelled + shop.expiring;
      expect(unitsTotal - free).toBeGreaterThanOrEqual(sold - returned);
    }),
    whileRunning(async () => {
      const to = moves % 2 === 0 ? 'hot' : 'regular';
      const { movedFrom } = await untilAnswered(() => moveSku(ops, to, shop.sku));
      if (movedFrom !== undefined) moves += 1;
    }),
  ];
  await Promise.all(sellers);
  running = false;
  await Promise.all(others);
  await stopCarrier();

  expect(shop.decisions.size).toBe(crowd.length);
  const by = Map.groupBy(shop.decisions.values(), ({ status }) => status);
  expect([...by.keys()].sort()).toEqual(['limit_reached', 'ordered', 'sold_out']);
  for (const said of payments) expect(['paid', 'refund_due']).toContain(said);
  const { unitsTotal, free } = await untilAnswered(() => shop.count());
  expect((await shop.held()) + free).toBe(units);
  expect(unitsTotal).toBe(units);
  await shop.expectTheSameAgain(crowd.slice(0, 1_500));
  expect(await audit(ops)).toEqual([]);
}, 600_000);

class Killed extends Error {}

/** Databases whose user dies at query number `at`, before the query is sent or after its answer. */
function mortal(databases: Databases, at: number, after: boolean) {
  let queries = 0;
  const wrap = (pool: Pool): Pool => ({
    ...pool,
    async query(statement) {
      queries += 1;
      if (queries > at || (queries === at && !after)) throw new Killed();
      const rows = await pool.query(statement);
      if (queries === at) throw new Killed();
      return rows as never;
    },
  });
  return new Databases({ regular: wrap(databases.regular), hot: wrap(databases.home('hot')) });
}

it('a SKU arrives completely at whatever step the mover is killed and the second server restarted', async () => {
  const units = 3_000;
  const shop = new Shop(
    await stock(ops, sale, { units, schema: 'regular', slots: 4, userLimit: 2 }),
  );
  const all: AdmittedRequest[] = [];
  let running = true;
  const selling = Array.from({ length: 3 }, async (_, n) => {
    while (running) {
      const batch = requests(3);
      all.push(...batch);
      await shop.sell(batch, SCHEMAS[n % 2] ?? 'hot');
      await sleep(10);
    }
  });
  const cancelling = (async () => {
    while (running) {
      await shop.cancelOne();
      await sleep(10);
    }
  })();
  let to: Schema = 'hot';
  let deaths = 0;
  let restarts = 0;
  let resumedByWorkers = 0;
  let survived = 0;
  for (let step = 1; survived < 2; step += 1) {
    for (const after of [false, true]) {
      let died = false;
      try {
        await untilAnswered(() => moveSku(mortal(ops, step, after), to, shop.sku));
        survived += 1;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        died = true;
        deaths += 1;
      }
      // PostgreSQL waits longer before each restart.
      if (died && deaths % 12 === 5) {
        servers.second.stopImmediately();
        restarts += 1;
      }
      // A transfer that was sent arrives without the mover. A SKU that was not sent is moved again.
      const before = resumedByWorkers;
      for (const where of SCHEMAS) {
        const { transfers } = await untilAnswered(() => carryTo(worker, where, { takeOver: true }));
        resumedByWorkers += Math.min(1, transfers);
      }
      const moved = await untilAnswered(() => moveSku(ops, to, shop.sku));
      if (before === resumedByWorkers) expect(moved.slots).toBe(4);
      const home = await untilAnswered(() => shop.count());
      expect(home.unitsTotal).toBe(units);
      to = other(to);
    }
  }
  running = false;
  await Promise.all([...selling, cancelling]);
  await startCarrier()();
  expect(deaths).toBeGreaterThan(20);
  expect(restarts).toBeGreaterThan(1);
  const { free } = await untilAnswered(() => shop.count());
  expect((await untilAnswered(() => shop.held())) + free).toBe(units);
  await shop.expectTheSameAgain(all);
  const books = await until('the books are read', () => audit(ops));
  expect(books).toEqual([]);
}, 600_000);
