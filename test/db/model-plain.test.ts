import { expect, it } from 'vitest';
import {
  audit,
  cancelOrder,
  fenceNode,
  placeOrders,
  requestOutcomes,
  unitCounts,
} from '../../db/calls.ts';
import { holdSlots } from './locks.ts';
import { openShop } from './open-shop.ts';
import { request, requests, stock } from './shop.ts';

/**
 * place_orders has a shorter path for plain batches (all requests new, one for each user, one slot
 * with enough units). Conditions that keep a batch off this path, or stop it half way, must not
 * change any answer.
 */

const { database, worker, ops, sale } = await openShop();

const statuses = async (sku: string, batch: Parameters<typeof placeOrders>[3]) =>
  (await placeOrders(worker, 'hot', sku, batch)).map(({ status }) => status);
const free = async (sku: string) =>
  (await unitCounts(worker)).find((count) => count.sku === sku)?.free;

it('a batch is answered in the order of the arguments, and the answers are recorded', async () => {
  const sku = await stock(ops, sale, { units: 300, slots: 2 });
  const batch = requests(100);
  const said = await placeOrders(worker, 'hot', sku, batch);
  expect(said.map(({ requestId }) => requestId)).toEqual(batch.map(({ requestId }) => requestId));
  expect(said.every(({ status, units }) => status === 'ordered' && units === 1)).toBe(true);
  const numbers = said.map(({ orderNo }) => Number(orderNo));
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  const recorded = await requestOutcomes(
    worker,
    batch.map(({ requestId }) => requestId),
  );
  expect(new Map(recorded.map((one) => [one.requestId, one.orderNo]))).toEqual(
    new Map(said.map((one) => [one.requestId, one.orderNo])),
  );
  expect(await free(sku)).toBe(200);
});

it('a batch is rejected when every request comes from a fenced node', async () => {
  const sku = await stock(ops, sale, { units: 5 });
  await fenceNode(worker, 'gone');
  expect(await statuses(sku, requests(2, { node: 'gone' }))).toEqual(['rejected', 'rejected']);
  expect(await statuses(sku, [request({ node: 'gone' }), request()])).toEqual([
    'rejected',
    'ordered',
  ]);
});

it('a batch is decided when some of its users are beyond the limit', async () => {
  const sku = await stock(ops, sale, { units: 20, slots: 1, userLimit: 2 });
  await statuses(sku, [request({ userId: 'full', units: 2 })]);
  const batch = [request(), request({ userId: 'full' }), request({ units: 2 })];
  expect(await statuses(sku, batch)).toEqual(['ordered', 'limit_reached', 'ordered']);
  expect(await free(sku)).toBe(15);
});

it('a batch is decided when no slot has enough units, or when the slots that have enough are locked', async () => {
  const sku = await stock(ops, sale, { units: 8, slots: 4, userLimit: 3 });
  expect(await statuses(sku, requests(3))).toEqual(['ordered', 'ordered', 'ordered']);
  const holder = await holdSlots(database, sku, 3);
  expect(await statuses(sku, [request({ units: 3 }), request({ units: 3 })])).toContain('locked');
  await holder.release();
  expect(await statuses(sku, requests(6))).toEqual([...Array(5).fill('ordered'), 'sold_out']);
  expect(await free(sku)).toBe(0);
});

it('a large batch with a limit of one is decided when users have a row, and when all slots are locked', async () => {
  const sku = await stock(ops, sale, { units: 100, slots: 2, userLimit: 1 });
  const [full, back] = [request(), request()];
  const [, { orderNo } = { orderNo: null }] = await placeOrders(worker, 'hot', sku, [full, back]);
  expect(await cancelOrder(worker, orderNo ?? '', back.userId)).toBe('cancelled');
  const again = [full, back].map(({ userId }) => request({ userId }));
  expect(await statuses(sku, [...requests(30), ...again])).toEqual([
    ...Array(30).fill('ordered'),
    ...['limit_reached', 'ordered'],
  ]);
  const batch = requests(30);
  const holder = await holdSlots(database, sku, 2);
  expect(new Set(await statuses(sku, batch))).toEqual(new Set(['locked']));
  await holder.release();
  expect(new Set(await statuses(sku, batch))).toEqual(new Set(['ordered']));
  expect(await free(sku)).toBe(100 - 62);
  expect(await audit(ops)).toEqual([]);
});
