import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseEnvironment } from '../../contracts/config.ts';
import { databaseSpecs, databaseUrls } from '../../contracts/database-config.ts';
import { homeOfOrder } from '../../contracts/homes.ts';
import {
  audit,
  auditHomes,
  callOffSale,
  expireOrders,
  findSku,
  moveSku,
  orderDetails,
  payOrder,
  placeOrders,
  requestOutcomes,
  saleBoard,
  setClaimWindow,
  userOrders,
} from '../../db/calls.ts';
import { Databases, type Role } from '../../db/client/pool.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { unitCounts } from '../../db/operations.ts';
import { uniqueName } from '../servers.ts';
import type { TestDatabase } from './database.ts';
import { byNode, openSale, order, request, stock } from './shop.ts';
import { freshDatabase } from './three-homes.ts';
import { carry } from './two-servers.ts';

/** A shop that has sold in `regular` and `hot` on one server gets the home `hot-1` on a second one. */

const HOMES = ['regular', 'hot', 'hot-1'] as const;

let one: TestDatabase;
let two: TestDatabase;
let worker: Databases;
let ops: Databases;
let sale: string;
/** A SKU of `hot` with an order, from before the second server. */
let old: { readonly sku: string; readonly orderNo: string; readonly userId: string };

const urlsOf = (variables: Record<string, string>) =>
  databaseUrls(parseEnvironment({ DATABASE_URL: one.url, ...variables }, databaseSpecs));
const grown = () => urlsOf({ HOT_DATABASE_URLS: `hot=${one.url},hot-1=${two.url}` });

function as(role: Role, max = 4): Databases {
  const pool = one.as(role, max).regular;
  return new Databases({ regular: pool, hot: pool, 'hot-1': two.as(role, max).regular });
}

beforeAll(async () => {
  one = await freshDatabase();
  two = await freshDatabase();
  await prepareHomes(urlsOf({}));
  const before = one.as('ops');
  sale = await openSale(before);
  const userId = uniqueName('user');
  const sku = await stock(before, sale, { units: 20, userLimit: 2 });
  old = { sku, userId, orderNo: await order(one.as('worker'), sku, { userId }) };
  await prepareHomes(grown());
  [worker, ops] = [as('worker', 8), as('ops')];
});
afterAll(async () => {
  await carry(worker);
  expect(await audit(ops)).toEqual([]);
  await one?.remove();
  await two?.remove();
});

const countOf = async (sku: string) => (await unitCounts(ops)).find((each) => each.sku === sku);
const onBoard = async (sku: string) =>
  (await saleBoard(ops)).sales.find((each) => each.sale === sale)?.skus.find((s) => s.sku === sku);

async function expire(orderNo: string): Promise<void> {
  const home = homeOfOrder(orderNo);
  const server = home === 'hot-1' ? two : one;
  const text = `UPDATE ${home === 'regular' ? 'regular' : 'hot'}.orders
                SET pay_before = now() - interval '1 s' WHERE order_no = $1`;
  await server.admin.query({ text, values: [orderNo] });
  await expireOrders(worker, home, 1_000);
}

it('the home hot stays where it is, and its orders are found', async () => {
  expect(homeOfOrder(old.orderNo)).toBe('hot');
  expect(await orderDetails(ops, old.orderNo)).toMatchObject({ sku: old.sku });
  expect((await userOrders(ops, old.userId, { limit: 9 })).orders).toHaveLength(1);
  expect(await findSku(ops, old.sku)).toMatchObject({ schema: 'hot', free: 19, unitsTotal: 20 });
  expect(await payOrder(worker, old.orderNo, uniqueName('ref'))).toBe('paid');
  const text = 'SELECT name, here FROM catalog.home ORDER BY number';
  expect(await one.admin.query({ text })).toEqual([
    { name: 'regular', here: true },
    { name: 'hot', here: true },
    { name: 'hot-1', here: false },
  ]);
});

it('each home sells SKUs of its own, and each is counted once', async () => {
  for (const home of HOMES) {
    const sku = await stock(ops, sale, { units: 3, schema: home });
    expect(homeOfOrder(await order(worker, sku, {}, home))).toBe(home);
    const expected = { unitsTotal: 3, free: 2 };
    expect(await countOf(sku)).toMatchObject({ ...expected, home });
    expect(await onBoard(sku)).toMatchObject({ ...expected, schema: home });
  }
});

it('a SKU goes through all homes: one request has one outcome, a limit holds, nothing is lost', async () => {
  const { sku, userId } = old;
  const asked = [request({ userId })];
  let orders = 1;
  const deciders = ['hot'];
  const path = ['hot-1', 'hot', 'regular', 'hot-1', 'hot'] as const;
  for (const home of path) {
    const from = deciders.at(-1);
    expect(await moveSku(ops, home, sku)).toMatchObject({ movedFrom: from, units: 20 - orders });
    expect(await moveSku(ops, home, sku)).toMatchObject({ movedFrom: undefined, slots: 4 });
    deciders.push(home);
    const mine = request();
    asked.push(mine);
    const [placed] = await placeOrders(worker, home, sku, [mine]);
    expect(homeOfOrder(placed?.orderNo ?? '')).toBe(home);
    orders += 1;
    expect(await countOf(sku)).toMatchObject({ unitsTotal: 20, free: 20 - orders, home });
    expect(await onBoard(sku)).toMatchObject({ unitsTotal: 20, free: 20 - orders, schema: home });
    // From every queue, whatever home decided it.
    for (const queue of HOMES) {
      const [again] = await placeOrders(worker, queue, sku, [mine]);
      expect(again).toMatchObject({ status: 'ordered', orderNo: placed?.orderNo });
      const over = request({ userId: mine.userId, units: 2 });
      const [more] = await placeOrders(worker, queue, sku, [over]);
      expect(more).toMatchObject({ status: 'limit_reached' });
    }
  }
  expect(await auditHomes(ops)).toEqual({ rows: [], missing: [] });
  // Copies of outcomes are no outcomes of their own.
  const ids = asked.slice(1).map(({ requestId }) => requestId);
  const outcomes = await requestOutcomes(ops, ids);
  expect(outcomes.map(({ requestId }) => requestId).sort()).toEqual([...ids].sort());
  expect(outcomes.every(({ amount }) => amount !== null)).toBe(true);
});

it.each([
  ['hot', 'hot-1'],
  ['hot', 'regular'],
  ['hot-1', 'hot'],
  ['regular', 'hot'],
  ['regular', 'hot-1'],
] as const)(
  'what an order of %s gives up comes to %s, and it can be paid late there',
  async (from, to) => {
    const sku = await stock(ops, sale, { units: 5, schema: from });
    const [cancelled, late, user] = [request(), request(), uniqueName('user')];
    const [first, second] = await placeOrders(worker, from, sku, [
      { ...cancelled, userId: user },
      late,
    ]);
    await moveSku(ops, to, sku);
    expect(await onBoard(sku)).toMatchObject({ free: 3, unpaidExists: true });
    await expire(first?.orderNo ?? '');
    await expire(second?.orderNo ?? '');
    await carry(worker);
    expect(await countOf(sku)).toMatchObject({ unitsTotal: 5, free: 5, home: to });
    await order(worker, sku, { userId: user }, to);
    const paying = payOrder(worker, second?.orderNo ?? '', uniqueName('ref'), byNode);
    let isOver = false;
    const carrying = (async () => {
      while (!isOver) await carry(worker);
    })();
    expect(await paying.finally(() => (isOver = true))).toBe('paid');
    await carrying;
    expect(await countOf(sku)).toMatchObject({ unitsTotal: 5, free: 3 });
  },
);

it('a shopper is told that units may return from the home that the SKU has left', async () => {
  for (const [from, to] of [
    ['hot-1', 'hot'],
    ['hot', 'hot-1'],
  ] as const) {
    const sku = await stock(ops, sale, { units: 1, schema: from });
    await order(worker, sku, {}, from);
    await moveSku(ops, to, sku);
    const [answer] = await placeOrders(worker, to, sku, [request()]);
    expect(answer).toMatchObject({ status: 'sold_out', reason: 'units_may_return' });
  }
});

it('one key for SKUs of three homes is no fault when the SKU of hot-1 moves', async () => {
  const other = await openSale(ops);
  const one = request();
  const sku = await stock(ops, sale, { units: 3, schema: 'hot-1' });
  const buy = async (home: (typeof HOMES)[number], its: string) => {
    const [answer] = await placeOrders(worker, home, its, [one]);
    expect(answer).toMatchObject({ status: 'ordered' });
    expect(homeOfOrder(answer?.orderNo ?? '')).toBe(home);
  };
  await buy('hot-1', sku);
  await buy('hot', await stock(ops, other, { units: 3, schema: 'hot' }));
  await moveSku(ops, 'regular', sku);
  await buy('regular', await stock(ops, sale, { units: 3, schema: 'regular' }));
  expect(await audit(ops)).toEqual([]);
});

it('a process whose URLs are mixed up gives no SKU of hot to another server', async () => {
  const [regular, hot] = [one.as('ops').regular, two.as('ops').regular];
  const mixed = new Databases({ regular, hot });
  const refused = { sqlstate: 'FS003' };
  const sku = await stock(ops, sale, { units: 3, schema: 'regular' });
  await expect(moveSku(mixed, 'hot', sku)).rejects.toMatchObject(refused);
  await order(worker, sku, {}, 'regular');
  const made = uniqueName('sku');
  await expect(stock(mixed, sale, { sku: made, units: 3 })).rejects.toMatchObject(refused);
  // Nothing is left of it: the name is free.
  await stock(ops, sale, { sku: made, units: 3 });
});

it('a sale from before the second server is changed and called off', async () => {
  const before = one.as('ops');
  const its = await openSale(before);
  const actor = { by: 'somebody', reason: 'test' };
  await setClaimWindow(ops, its, 60, actor);
  expect(await callOffSale(ops, its, actor)).toBe(true);
  expect(await callOffSale(ops, its, actor)).toBe(false);
});

it('prepare changes nothing the second time, and refuses to take away what was sold in', async () => {
  await prepareHomes(grown());
  await expect(prepareHomes(urlsOf({ HOT_DATABASE_URLS: `hot-1=${two.url}` }))).rejects.toThrow(
    /SKUs live in the home hot,|orders of the home hot are on this server/,
  );
});
