import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Home } from '../../contracts/homes.ts';
import {
  audit,
  cancelOrder,
  carry as carryOn,
  moveSku,
  placeOrders,
  unitCounts,
} from '../../db/calls.ts';
import { type Databases, openSession, type Pool } from '../../db/client/pool.ts';
import { copySku } from '../../db/copy.ts';
import { type Route, route } from '../../db/transfers.ts';
import { uniqueName } from '../servers.ts';
import { PATIENCE } from './database.ts';
import { blocked } from './locks.ts';
import { openSale, order, request, stock } from './shop.ts';
import { startThreeHomes, type ThreeHomes } from './three-homes.ts';
import { carry, carryTo } from './two-servers.ts';

/** A carrier is slow, and the SKU that it carries has moved on meanwhile. */

let homes: ThreeHomes;
let worker: Databases;
let ops: Databases;
let sale: string;
beforeAll(async () => {
  homes = await startThreeHomes();
  worker = homes.as('worker', 8);
  ops = homes.as('ops');
  sale = await openSale(ops);
});
afterAll(async () => {
  await carry(worker);
  expect(await audit(ops)).toEqual([]);
  await homes.remove();
});

async function send(sku: string, from: Home, to: Home): Promise<void> {
  const schema = to === 'regular' ? 'regular' : 'hot';
  const text = `SELECT ${schema}.send_sku_to($1, $2)`;
  await ops.home(from).query({ text, values: [sku, to] });
}

/** Starts a carrier that reads the waiting transfers and stops. @returns a function that lets it go on, to its end */
async function startSlowCarrier(way: Route): Promise<() => Promise<unknown>> {
  const read = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const source: Pool = {
    ...way.source,
    async query(statement) {
      const rows = await way.source.query(statement);
      read.resolve();
      await gate.promise;
      return rows as never;
    },
  };
  const carried = carryOn({ ...way, source });
  await read.promise;
  return () => {
    gate.resolve();
    return carried;
  };
}

/** Expects that a user who holds two of two units gets no third one, and can give both back. */
async function expectLimit(sku: string, userId: string, orders: readonly string[]): Promise<void> {
  const [third] = await placeOrders(worker, 'regular', sku, [request({ userId })]);
  expect(third).toMatchObject({ status: 'limit_reached' });
  for (const orderNo of orders) {
    expect(await cancelOrder(worker, orderNo, userId)).toBe('cancelled');
  }
  await carry(worker);
  const counts = (await unitCounts(ops)).find((one) => one.sku === sku);
  expect(counts).toMatchObject({ unitsTotal: 10, free: 10, home: 'regular' });
}

it('a slow carrier does not overwrite the buyers of a SKU that is on its way back', async () => {
  const sku = await stock(ops, sale, { units: 10, userLimit: 2, schema: 'regular' });
  const userId = uniqueName('ann');
  await send(sku, 'regular', 'hot-1');
  const goOn = await startSlowCarrier(route(worker, 'regular', 'hot-1'));
  await carry(worker);
  const orders = [await order(worker, sku, { userId }, 'hot-1')];
  // The copy at regular has one unit, and hot-1 two, when the SKU leaves.
  await copySku({ ...route(ops, 'hot-1', 'regular'), sku, copier: randomUUID() }, true);
  orders.push(await order(worker, sku, { userId }, 'hot-1'));
  await send(sku, 'hot-1', 'regular');
  await goOn();
  await carryTo(worker, 'regular', { sku, takeOver: true });
  await expectLimit(sku, userId, orders);
});

it('a slow carrier does not copy from a home that the SKU has left for another one', async () => {
  const sku = await stock(ops, sale, { units: 10, userLimit: 2, schema: 'hot-1' });
  const userId = uniqueName('ann');
  await moveSku(ops, 'regular', sku);
  await moveSku(ops, 'hot-1', sku);
  await send(sku, 'hot-1', 'regular');
  const goOn = await startSlowCarrier(route(worker, 'hot-1', 'regular'));
  await carry(worker);
  await moveSku(ops, 'hot-2', sku);
  const orders = [
    await order(worker, sku, { userId }, 'hot-2'),
    await order(worker, sku, { userId }, 'hot-2'),
  ];
  await goOn();
  await moveSku(ops, 'regular', sku);
  await expectLimit(sku, userId, orders);
});

it('a SKU comes back although the carrier of its way out died before it marked the transfer', async () => {
  const sku = await stock(ops, sale, { units: 10, schema: 'regular' });
  await moveSku(ops, 'hot-1', sku);
  const text = 'UPDATE hot.transfer SET done_at = NULL WHERE sku = $1';
  await homes.admin.regular.query({ text, values: [sku] });
  await send(sku, 'hot-1', 'regular');
  await carry(worker);
  const counts = (await unitCounts(ops)).find((one) => one.sku === sku);
  expect(counts).toMatchObject({ unitsTotal: 10, free: 10, home: 'regular' });
  expect(await moveSku(ops, 'hot-1', sku)).toMatchObject({ movedFrom: 'regular', units: 10 });
});

it('a copier that begins while the SKU arrives comes too late', async () => {
  const sku = await stock(ops, sale, { units: 10, schema: 'regular' });
  const way = route(worker, 'regular', 'hot-1');
  await send(sku, 'regular', 'hot-1');
  await copySku({ ...way, sku, copier: randomUUID() }, true);
  const [home] = await way.source.query<{ entry: string }>({
    text: `SELECT entry FROM hot.transfers_to('hot-1', $1, 1)`,
    values: [sku],
  });
  const url = homes.urls.get('hot-1') ?? '';
  const session = await openSession(url, { applicationName: 'slow', role: 'worker', ...PATIENCE });
  await session.run('BEGIN');
  const text = 'SELECT hot.apply_transfers($1, $2)';
  await session.query({ text, values: [sku, `[${home?.entry}]`] });
  const late = copySku({ ...way, sku, copier: randomUUID() }, true);
  await blocked({ url, admin: homes.admin.home('hot-1') }, 1);
  await session.run('COMMIT');
  expect(await late).toBeUndefined();
  await session.close();
});
