import { describe, expect, it } from 'vitest';
import type { Schema } from '../../contracts/names.ts';
import {
  audit,
  cancelOrder,
  type Decision,
  expireOrders,
  moveSku,
  payOrder,
  placeOrders,
  requestOutcomes,
  restock,
  saleBoard,
  unitCounts,
} from '../../db/calls.ts';
import { createPool, Databases, openSession, type Pool } from '../../db/client/pool.ts';
import { until } from '../until.ts';
import { PATIENCE } from './database.ts';
import { openShop } from './open-shop.ts';
import { byNode, order, request, requests, stock } from './shop.ts';

const { database, worker, ops, sale } = await openShop(12);

async function count(sku: string) {
  const found = (await unitCounts(worker)).find((candidate) => candidate.sku === sku);
  if (found === undefined) throw new Error(`no counts of ${sku}`);
  return { total: found.unitsTotal, free: found.free };
}
const reasonOf = ({ status, reason }: Decision) => [status, reason];

describe('a SKU that moves', () => {
  it('takes its free units and its buyers along, while its orders stay', async () => {
    const sku = await stock(ops, sale, { units: 10, slots: 4, schema: 'regular' });
    await order(worker, sku, { userId: 'ann' }, 'regular');
    const moved = await moveSku(ops, 'hot', sku);
    expect(moved).toEqual({ movedFrom: 'regular', units: 9, slots: 4, buyers: 1 });
    expect(await count(sku)).toEqual({ total: 10, free: 9 });
    const again = await placeOrders(worker, 'hot', sku, [request({ userId: 'ann' })]);
    expect(again.map(reasonOf)).toEqual([['limit_reached', null]]);
    expect(await moveSku(ops, 'hot', sku)).toMatchObject({ movedFrom: undefined, units: 0 });
    const board = (await saleBoard(worker)).sales.flatMap(({ skus }) => skus);
    expect(board.filter((row) => row.sku === sku)).toMatchObject([
      { schema: 'hot', unitsTotal: 10, free: 9, unpaidExists: true },
    ]);
  });

  it('answers at its old home with its new home, and the caller continues there', async () => {
    const sku = await stock(ops, sale, { units: 3, schema: 'regular' });
    await moveSku(ops, 'hot', sku, 2);
    const rows = await worker.regular.query({
      text: `SELECT status, reason, order_no, units FROM regular.place_orders($1,
               ARRAY[gen_random_uuid()], ARRAY['u'], ARRAY[1], ARRAY[false], ARRAY['n'])`,
      values: [sku],
    });
    expect(rows).toEqual([{ status: 'moved', reason: 'hot', order_no: null, units: 0 }]);
    const [followed] = await placeOrders(worker, 'regular', sku, [request()]);
    expect(followed).toMatchObject({ status: 'ordered', units: 1 });
    expect(Number(followed?.orderNo) % 2).toBe(0);
  });

  it('gives a request that was decided before the move its old outcome in either home', async () => {
    const sku = await stock(ops, sale, { units: 2, schema: 'regular' });
    const before = [request({ units: 1 }), request({ units: 5 })];
    const said = await placeOrders(worker, 'regular', sku, before);
    await moveSku(ops, 'hot', sku);
    const fresh = request();
    const stolen = { ...before[0], userId: 'thief' } as typeof fresh;
    for (const schema of ['regular', 'hot'] as const) {
      const [old1, theft, new1, old2] = await placeOrders(worker, schema, sku, [
        before[0] as typeof fresh,
        stolen,
        fresh,
        before[1] as typeof fresh,
      ]);
      expect([old1, old2]).toEqual(said);
      expect(theft).toMatchObject({ status: 'rejected', reason: 'request_id_taken' });
      expect(new1).toMatchObject({ status: 'ordered' });
    }
    const outcomes = await requestOutcomes(
      worker,
      [...before, fresh].map((r) => r.requestId),
    );
    expect(outcomes).toHaveLength(3);
    expect(await count(sku)).toEqual({ total: 2, free: 0 });
  });

  it('gets back the units that its older orders give up, and sells them in its new home', async () => {
    const sku = await stock(ops, sale, { units: 2, schema: 'regular', slots: 2 });
    const first = await order(worker, sku, { userId: 'ann' }, 'regular');
    const second = await order(worker, sku, { userId: 'ben' }, 'regular');
    await moveSku(ops, 'hot', sku);
    // No unit is free, but the other schema has unpaid orders, and the answer says so.
    const [none] = await placeOrders(worker, 'hot', sku, [request()]);
    expect(none).toMatchObject({ status: 'sold_out', reason: 'units_may_return' });
    expect(await cancelOrder(worker, first, 'ann')).toBe('cancelled');
    await database.admin.query({
      text: `UPDATE regular.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
      values: [second],
    });
    expect(await expireOrders(worker, 'regular', 10)).toEqual([{ sku, orders: 1, units: 1 }]);
    expect(await count(sku)).toEqual({ total: 2, free: 2 });
    // The late payment takes a unit from the SKU's present home. It counts against the user's limit
    // again.
    expect(await payOrder(worker, second, 'late', byNode)).toBe('paid');
    expect(await count(sku)).toEqual({ total: 2, free: 1 });
    const [ben] = await placeOrders(worker, 'hot', sku, [request({ userId: 'ben' })]);
    expect(ben).toMatchObject({ status: 'limit_reached' });
    await order(worker, sku, { userId: 'ann' });
    expect(await payOrder(worker, first, 'too late', byNode)).toBe('refund_due');
    const [last] = await placeOrders(worker, 'hot', sku, [request()]);
    expect(last).toMatchObject({ status: 'sold_out' });
    expect(await audit(ops)).toEqual([]);
  });

  it('moves back, is restocked there, and remembers the buyers of both homes', async () => {
    const sku = await stock(ops, sale, { units: 4, schema: 'hot' });
    const a = request();
    await placeOrders(worker, 'hot', sku, [a]);
    await moveSku(ops, 'regular', sku);
    const b = request();
    await placeOrders(worker, 'hot', sku, [b]);
    expect(await restock(ops, 'regular', sku, 5)).toBe(9);
    await expect(restock(ops, 'hot', sku, 5)).rejects.toMatchObject({ sqlstate: 'FS002' });
    await moveSku(ops, 'hot', sku);
    const said = await placeOrders(worker, 'regular', sku, [a, b]);
    expect(said.map(({ status }) => status)).toEqual(['ordered', 'ordered']);
    expect(await count(sku)).toEqual({ total: 9, free: 7 });
  });
});

it('delays payments and cancellations for longer than a lock timeout, and they succeed', async () => {
  const sku = await stock(ops, sale, { units: 2, schema: 'regular' });
  const paid = await order(worker, sku, { userId: 'ann' }, 'regular');
  const cancelled = await order(worker, sku, { userId: 'ben' }, 'regular');
  const mover = await openSession(database.url, {
    applicationName: 'mover',
    ...PATIENCE,
  });
  await mover.run('BEGIN');
  await mover.query({ text: 'SELECT FROM hot.move_sku($1)', values: [sku] });
  const options = { url: database.url, role: 'web', max: 2, applicationName: 'hasty' } as const;
  const pool = createPool({ ...options, lockTimeoutMs: 50 });
  let failed = 0;
  const hasty: Pool = {
    ...pool,
    query: (statement) =>
      pool.query(statement).catch((error) => {
        failed += 1;
        throw error;
      }) as never,
  };
  const web = Databases.ofOne(hasty);
  const answers = Promise.all([payOrder(web, paid, 'held'), cancelOrder(web, cancelled, 'ben')]);
  await until('both have met the lock', () => failed >= 4);
  await mover.run('COMMIT');
  expect(await answers).toEqual(['paid', 'cancelled']);
  await mover.close();
  await pool.close();
});

describe('a SKU that moves under full load', () => {
  it('loses no unit, gives no false answer, and has consistent counts at every moment', async () => {
    const units = 1_500;
    const crowd = requests(3_000).map((one, n) => ({ ...one, userId: `crowd-${n % 2_000}` }));
    const sku = await stock(ops, sale, { units, schema: 'regular', slots: 8 });
    const decisions = new Map<string, Decision>();
    let running = true;
    let moves = 0;
    const waiting = [...crowd];
    const placing = Array.from({ length: 6 }, async (_, n) => {
      let from: Schema = n % 2 === 0 ? 'regular' : 'hot';
      for (let batch = waiting.splice(0, 20); batch.length > 0; batch = waiting.splice(0, 20)) {
        // The last units are sold only after several moves, however fast the machine sells.
        if (waiting.length < 600) await until('it has moved often', () => moves > 10);
        let wait = false;
        while (batch.length > 0) {
          const said = await placeOrders(worker, from, sku, batch, { wait });
          for (const one of said) if (one.status !== 'locked') decisions.set(one.requestId, one);
          batch = batch.filter((_one, at) => said[at]?.status === 'locked');
          wait = true;
          from = from === 'hot' ? 'regular' : 'hot';
        }
      }
    });
    const cancelled = new Set<string>();
    const cancelling = (async () => {
      // Few enough that more users want a unit than there are units, and that most orders are kept.
      while (running && cancelled.size < 300) {
        const done = [...decisions.values()].filter(({ orderNo }) => orderNo !== null);
        const one = done[Math.floor(Math.random() * done.length)];
        const user = crowd.find(({ requestId }) => requestId === one?.requestId)?.userId;
        if (one?.orderNo == null || user === undefined) await new Promise(setImmediate);
        else if ((await cancelOrder(worker, one.orderNo, user)) === 'cancelled') {
          cancelled.add(one.orderNo);
        }
      }
    })();
    const watching = (async () => {
      while (running) {
        const { total, free } = await count(sku);
        expect(total).toBe(units);
        expect(free).toBeGreaterThanOrEqual(0);
        expect(total - free).toBeLessThanOrEqual(2_000);
      }
    })();
    const moving = (async () => {
      while (running) {
        const { movedFrom } = await moveSku(ops, moves % 2 === 0 ? 'hot' : 'regular', sku);
        if (movedFrom !== undefined) moves += 1;
      }
    })();
    await Promise.all(placing);
    running = false;
    await Promise.all([watching, moving, cancelling]);
    expect(moves).toBeGreaterThan(10);
    expect(decisions.size).toBe(3_000);
    const by = Map.groupBy(decisions.values(), ({ status }) => status);
    const sold = by.get('ordered')?.length ?? 0;
    const { free } = await count(sku);
    expect(sold - cancelled.size + free).toBe(units);
    expect([...by.keys()].sort()).toEqual(['limit_reached', 'ordered', 'sold_out']);
    // Each answer stays the same in whichever schema the request is repeated.
    const again = await placeOrders(worker, 'regular', sku, crowd.slice(0, 900));
    for (const one of again) expect(one).toEqual(decisions.get(one.requestId));
    expect(await audit(ops)).toEqual([]);
  });
});
