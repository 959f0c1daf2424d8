import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type AdmittedRequest,
  audit,
  cancelOrder,
  type Decision,
  expireOrders,
  payOrder,
  placeOrders,
  restock,
  setSlots,
  unitCounts,
} from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { byNode, isWaitOfSkipLocked, openSale, request, requests, stock } from './shop.ts';

/**
 * Many connections at once: no unit is sold twice, none is left unsold, no answer is false, and
 * nothing deadlocks.
 */

const CONNECTIONS = 24;

let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let sale: string;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker', CONNECTIONS);
  ops = database.as('ops');
  sale = await openSale(ops);
});
afterAll(async () => {
  await database.remove();
});

/**
 * Sends the batch as a worker does: again with `wait` while requests are locked, and again after a
 * lost race.
 */
async function decide(sku: string, batch: readonly AdmittedRequest[]): Promise<Decision[]> {
  const final = new Map<string, Decision>();
  let rest = batch;
  for (let wait = false; rest.length > 0; wait = true) {
    let said: Decision[] = [];
    try {
      said = await placeOrders(worker, 'hot', sku, rest, { wait });
    } catch (error) {
      if (isWaitOfSkipLocked(error)) continue;
      // Otherwise only a request that is being decided elsewhere may cause a failure.
      if (!(error instanceof DatabaseError) || error.sqlstate !== '23505') throw error;
    }
    for (const decision of said) {
      if (decision.status !== 'locked') final.set(decision.requestId, decision);
    }
    rest = batch.filter(({ requestId }) => !final.has(requestId));
  }
  return [...final.values()];
}

const unitsSold = (said: readonly Decision[]) => said.reduce((sum, { units }) => sum + units, 0);

async function free(sku: string): Promise<number | undefined> {
  return (await unitCounts(worker)).find((count) => count.sku === sku)?.free;
}

it('each of many concurrent single orders draws from the slot that it locked', async () => {
  const units = 1_000;
  const each = 10;
  const sku = await stock(ops, sale, { units, slots: 2 });
  const clients = Array.from({ length: CONNECTIONS }, async () => {
    for (let n = 0; n < each; n += 1) {
      expect(await decide(sku, [request()])).toMatchObject([{ status: 'ordered' }]);
    }
  });
  await Promise.all(clients);
  expect(await free(sku)).toBe(units - CONNECTIONS * each);
});

it('the last units are sold exactly when single and multi-unit requests are mixed', async () => {
  for (let round = 0; round < 10; round += 1) {
    const units = 30;
    const sku = await stock(ops, sale, { units, slots: 1 + (round % 8), userLimit: 3 });
    const batches = Array.from({ length: CONNECTIONS }, () => [
      request({ units: 3 }),
      request({ units: 2 }),
      request({ units: 1 }),
      request({ units: 3, acceptFewer: true }),
    ]);
    const said = (await Promise.all(batches.map((batch) => decide(sku, batch)))).flat();
    // Enough single units are wanted that everything must be sold.
    expect(unitsSold(said)).toBe(units);
    expect(await free(sku)).toBe(0);
  }
  expect(await audit(ops)).toEqual([]);
});

it('each request gets one outcome when batches with the same requests race', async () => {
  const sku = await stock(ops, sale, { units: 500, slots: 8, userLimit: 2 });
  const all = requests(120);
  const shuffled = () => all.toSorted(() => Math.random() - 0.5).slice(0, 60);
  const runs = Array.from({ length: CONNECTIONS }, () => decide(sku, shuffled()));
  const outcomes = new Map<string, Decision>();
  for (const decision of (await Promise.all(runs)).flat()) {
    const before = outcomes.get(decision.requestId) ?? decision;
    expect(decision).toEqual(before);
    outcomes.set(decision.requestId, decision);
  }
  expect(await free(sku)).toBe(500 - outcomes.size);
  expect(await audit(ops)).toEqual([]);
});

it("the limit of a user holds when the user's requests come by all connections at once", async () => {
  const sku = await stock(ops, sale, { units: 1_000, slots: 8, userLimit: 2 });
  const users = ['ann', 'ben', 'cem', 'dua'];
  const batch = () =>
    users.flatMap((userId) => [request({ userId }), request({ userId, units: 2 })]);
  const runs = Array.from({ length: CONNECTIONS }, () => decide(sku, batch()));
  const said = (await Promise.all(runs)).flat();
  expect(unitsSold(said)).toBe(users.length * 2);
  expect(await audit(ops)).toEqual([]);
});

it('a limit of one holds when large batches with some of the same users race', async () => {
  const sku = await stock(ops, sale, { units: 1_000, slots: 8, userLimit: 1 });
  const common = ['eve', 'fay', 'gus'];
  const batch = () => [...requests(22), ...common.map((userId) => request({ userId }))];
  const said = await Promise.all(Array.from({ length: 8 }, () => decide(sku, batch())));
  const ordered = said.flat().filter(({ status }) => status === 'ordered');
  expect(ordered).toHaveLength(8 * 22 + common.length);
  expect(await free(sku)).toBe(1_000 - ordered.length);
  expect(await audit(ops)).toEqual([]);
});

it('no unit is lost while all routines run at once', async () => {
  const sku = await stock(ops, sale, { units: 200, slots: 4, userLimit: 3 });
  const other = await stock(ops, sale, { units: 200, slots: 4, userLimit: 3 });
  const placed: { orderNo: string; userId: string }[] = [];

  const shopper = async (turn: number) => {
    const batch = [request({ units: 1 + (turn % 3) }), request(), request({ units: 2 })];
    const said = await decide(turn % 2 === 0 ? sku : other, batch);
    for (const { orderNo, requestId } of said) {
      const userId = batch.find((asked) => asked.requestId === requestId)?.userId;
      if (orderNo !== null && userId !== undefined) placed.push({ orderNo, userId });
    }
    const mine = placed.pop();
    if (mine === undefined) return;
    if (turn % 3 === 0) await cancelOrder(worker, mine.orderNo, mine.userId);
    else await payOrder(worker, mine.orderNo, `ref-${mine.orderNo}`, byNode);
  };
  const operator = async (turn: number) => {
    await setSlots(ops, 'hot', sku, 1 + (turn % 9));
    await restock(ops, 'hot', turn % 2 === 0 ? sku : other, 5);
    await database.admin.query({
      text: `UPDATE hot.orders SET pay_before = now() - interval '1 s'
             WHERE sku = $1 AND status = 'ordered' AND order_no % 4 = 0`,
      values: [turn % 2 === 0 ? sku : other],
    });
    await expireOrders(worker, 'hot', 7);
  };
  const turns = Array.from({ length: 20 }, (_, turn) => turn);
  await Promise.all([
    ...Array.from({ length: 12 }, async (_, shift) => {
      for (const turn of turns) await shopper(turn + shift);
    }),
    (async () => {
      for (const turn of turns) await operator(turn);
    })(),
    (async () => {
      for (const turn of turns) await operator(turn + 1);
    })(),
  ]);
  expect(await audit(ops)).toEqual([]);
});
