import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expireOrders, overdueSkus } from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import { createMetrics } from '../../process/metrics.ts';
import { Expiry } from '../../worker/expire.ts';
import { createWorkerMetrics } from '../../worker/metrics.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { holdSlots } from '../db/locks.ts';
import { openSale, order, stock } from '../db/shop.ts';
import { until } from '../until.ts';

/** Orders of one SKU that cannot be expired hold up no other SKU. */

const PAUSE_MS = 10_000;

const held = () => new DatabaseError('retry', 'lock timeout', '55P03');
const broken = () => new DatabaseError('refused', 'a check is violated', '23514');
const tooSlow = () => new DatabaseError('retry', 'statement timeout', '57014');
const down = () => new DatabaseError('unavailable', 'no connection');

type Calls = Pick<ConstructorParameters<typeof Expiry>[0], 'overdueSkus' | 'expireOrders'>;

function openExpiry(calls: Calls) {
  const registry = createMetrics('worker');
  const metrics = createWorkerMetrics(registry);
  const lines: string[] = [];
  const clock = { nowMs: 0 };
  const expiry = new Expiry({
    ...calls,
    schema: 'hot',
    log: pino({}, { write: (line) => lines.push(JSON.parse(line).msg) }),
    metrics,
    stopping: new AbortController().signal,
    nowMs: () => clock.nowMs,
  });
  return { expiry, lines, clock, metrics };
}

/** Overdue orders by SKU, and a routine that expires them or fails, as `fails` says. */
function orders(
  overdue: Record<string, number>,
  fails: (skus: readonly string[], ordersMax: number) => Error | undefined,
) {
  const asked: [string, number][] = [];
  const calls: Calls = {
    overdueSkus: async () => Object.keys(overdue).filter((sku) => overdue[sku] !== 0),
    async expireOrders(skus, ordersMax) {
      asked.push([skus.join(), ordersMax]);
      const error = fails(skus, ordersMax);
      if (error !== undefined) throw error;
      let expired = 0;
      for (const sku of skus) {
        const taken = Math.min(overdue[sku] ?? 0, ordersMax - expired);
        overdue[sku] = (overdue[sku] ?? 0) - taken;
        expired += taken;
      }
      return expired;
    },
  };
  return { asked, ...openExpiry(calls) };
}

describe('a round', () => {
  it('expires the orders of all SKUs in one call, and tells whether there may be more', async () => {
    const { expiry, asked } = orders({ a: 300, b: 300 }, () => undefined);
    expect(await expiry.round()).toBe('more');
    expect(await expiry.round()).toBe('idle');
    expect(await expiry.round()).toBe('idle');
    expect(asked).toEqual([
      ['a,b', 500],
      ['b', 500],
    ]);
  });

  it('expires the others if a SKU is locked, and leaves this one out for a while', async () => {
    let isHeld = true;
    const overdue: Record<string, number> = { a: 2, b: 2, c: 2 };
    const { expiry, asked, lines, clock } = orders(overdue, (skus) =>
      isHeld && skus.includes('b') ? held() : undefined,
    );
    expect(await expiry.round()).toBe('idle');
    expect(overdue).toEqual({ a: 0, b: 2, c: 0 });
    overdue['c'] = 1;
    clock.nowMs += PAUSE_MS - 1;
    await expiry.round();
    expect(asked.splice(0).map(([skus]) => skus)).toEqual(['a,b,c', 'a', 'b', 'c', 'c']);
    clock.nowMs += 1;
    await expiry.round();
    isHeld = false;
    clock.nowMs += PAUSE_MS;
    await expiry.round();
    await expiry.round();
    expect(overdue).toEqual({ a: 0, b: 0, c: 0 });
    expect(asked.map(([skus]) => skus)).toEqual(['b', 'b']);
    expect(lines).toEqual([
      'expiry of hot orders of b: failed, will be retried',
      'expiry of hot orders of b: works again',
    ]);
  });

  it('expires what comes before an order that cannot be expired', async () => {
    const overdue = { a: 100, b: 1 };
    const { expiry, asked, metrics } = orders(overdue, (skus, ordersMax) =>
      skus.includes('a') && overdue.a - ordersMax < 60 ? broken() : undefined,
    );
    await expiry.round();
    expect(overdue).toEqual({ a: 60, b: 0 });
    await expiry.round();
    expect(asked.at(-1)).toEqual(['b', 500]);
    const { values } = await metrics.retries.get();
    expect(values.map(({ labels }) => labels)).toEqual([
      { schema: 'hot', routine: 'expire_orders_of', kind: 'permanent' },
    ]);
  });

  it('takes fewer orders at a time if they take too long', async () => {
    const overdue = { a: 600 };
    const { expiry, asked, lines } = orders(overdue, (_, ordersMax) =>
      ordersMax > 130 ? tooSlow() : undefined,
    );
    expect(await expiry.round()).toBe('more');
    expect(asked.map(([, ordersMax]) => ordersMax)).toEqual([500, 250, 125, 125, 125, 125]);
    expect(await expiry.round()).toBe('idle');
    expect(overdue).toEqual({ a: 0 });
    expect(lines).toEqual([]);
  });

  it('does not go through the SKUs in an outage', async () => {
    const { expiry, asked, lines } = orders({ a: 1, b: 1 }, down);
    expect(await expiry.round()).toBe('idle');
    expect(asked).toEqual([['a,b', 500]]);
    expect(lines).toEqual(['expiry of hot orders: failed, will be retried']);
  });
});

describe('in the database', () => {
  let database: TestDatabase;
  let ops: Databases;
  let patient: Databases;
  let worker: Databases;
  let sale: string;

  beforeAll(async () => {
    database = await createDatabase();
    ops = database.as('ops');
    patient = database.as('worker');
    sale = await openSale(ops);
    const named = { url: database.url, role: 'worker', applicationName: 'worker' } as const;
    const pool = createPool({ ...named, max: 2, statementTimeoutMs: 1_000, lockTimeoutMs: 200 });
    worker = Databases.ofOne(pool);
    return () => pool.close();
  });
  afterAll(() => database.remove());

  /** A SKU with overdue orders. */
  async function overdueSku(orders: number): Promise<string> {
    const sku = await stock(ops, sale, { units: orders });
    for (let n = 0; n < orders; n += 1) await order(patient, sku, { userId: `u${n}` });
    await database.admin.query({
      text: 'UPDATE hot.orders SET pay_before = now() WHERE sku = $1',
      values: [sku],
    });
    return sku;
  }

  const open = () =>
    openExpiry({
      overdueSkus: () => overdueSkus(worker, 'hot'),
      async expireOrders(skus, ordersMax) {
        const expired = await expireOrders(worker, 'hot', ordersMax, skus);
        return expired.reduce((sum, one) => sum + one.orders, 0);
      },
    });

  /**
   * A client hears of an error before the server has given up the locks of the call. The next call may pass the orders
   * that are locked by then, and leaves them to the next round.
   */
  const roundsUntil = (expiry: Expiry, isDone: (overdue: readonly string[]) => boolean) =>
    until('the rounds have done it', async () => {
      await expiry.round();
      return isDone(await overdueSkus(patient, 'hot'));
    });
  const isNone = (overdue: readonly string[]) => overdue.length === 0;

  it('orders of other SKUs expire while a transaction holds the slots of one', async () => {
    await overdueSku(2);
    const locked = await overdueSku(2);
    await overdueSku(2);
    const holder = await holdSlots(database, locked);
    const { expiry, clock } = open();
    await roundsUntil(expiry, (overdue) => overdue.join() === locked);
    await holder.release();
    clock.nowMs += PAUSE_MS;
    await roundsUntil(expiry, isNone);
  });

  it('orders of other SKUs expire while the books of a user are broken', async () => {
    const wrong = await overdueSku(3);
    await overdueSku(3);
    const setUnits = (units: number) =>
      database.admin.query({
        text: `UPDATE hot.buyer SET units = $2 WHERE sku = $1 AND user_id = 'u1'`,
        values: [wrong, units],
      });
    await setUnits(0);
    const { expiry, clock, lines } = open();
    await roundsUntil(expiry, (overdue) => overdue.join() === wrong && lines.length > 0);
    expect(lines).toEqual([`expiry of hot orders of ${wrong}: failed, will be retried`]);
    await setUnits(1);
    clock.nowMs += PAUSE_MS;
    await roundsUntil(expiry, isNone);
  });

  it('orders that take longer than the statement timeout together expire in smaller parts', async () => {
    await overdueSku(8);
    await database.admin.query({
      text: `CREATE FUNCTION hot.slowly() RETURNS trigger LANGUAGE plpgsql
             AS 'BEGIN PERFORM pg_sleep(0.15); RETURN NEW; END'`,
    });
    await database.admin.query({
      text: `CREATE TRIGGER slowly BEFORE UPDATE ON hot.orders FOR EACH ROW EXECUTE FUNCTION hot.slowly()`,
    });
    const { expiry } = open();
    await roundsUntil(expiry, isNone);
  });
});
