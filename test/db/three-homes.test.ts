import { afterAll, beforeAll, expect, it } from 'vitest';
import { homeOfOrder, REGULAR } from '../../contracts/homes.ts';
import {
  audit,
  auditHomes,
  expireOrders,
  findSku,
  moveSku,
  orderDetails,
  payOrder,
  placeOrders,
  refuseRequests,
  userOrders,
} from '../../db/calls.ts';
import { createPool, Databases, openSession } from '../../db/client/pool.ts';
import { exportOrders, type HomeSessions, inOneMoment } from '../../db/export.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { unitCounts } from '../../db/operations.ts';
import { uniqueName } from '../servers.ts';
import { PATIENCE } from './database.ts';
import { Killed, mortal } from './mortal.ts';
import { byNode, openSale, order, request, requests, stock } from './shop.ts';
import { freshDatabase, HOMES, startThreeHomes, type ThreeHomes } from './three-homes.ts';
import { carry } from './two-servers.ts';

/** Hot SKUs on two servers beside that of `regular`. */

let homes: ThreeHomes;
let worker: Databases;
let ops: Databases;
let web: Databases;
let sale: string;
beforeAll(async () => {
  homes = await startThreeHomes();
  worker = homes.as('worker', 8);
  ops = homes.as('ops');
  web = homes.as('web');
  sale = await openSale(ops);
});
afterAll(async () => {
  await carry(worker);
  expect(await audit(ops)).toEqual([]);
  await homes.remove();
});

const countOf = async (sku: string) => (await unitCounts(ops)).find((one) => one.sku === sku);

const SESSION = { applicationName: 'test', role: 'ops', ...PATIENCE } as const;

async function exportedOrders(sessions: HomeSessions, of: string): Promise<string[]> {
  const numbers: string[] = [];
  await inOneMoment(sessions, async () => {
    for await (const page of exportOrders(sessions, of)) {
      numbers.push(...page.map(({ order_no }) => order_no));
    }
  });
  return numbers;
}

async function expire(orderNo: string, home: string): Promise<void> {
  const text = `UPDATE ${home === 'regular' ? 'regular' : 'hot'}.orders
                SET pay_before = now() - interval '1 s' WHERE order_no = $1`;
  await homes.admin.home(home).query({ text, values: [orderNo] });
  await expireOrders(worker, home, 1_000);
}

it('each home sells its SKUs under numbers that tell the home, also to SQL', async () => {
  const userId = uniqueName('user');
  for (const home of HOMES) {
    const sku = await stock(ops, sale, { units: 2, schema: home });
    const orderNo = await order(worker, sku, { userId }, home);
    expect(homeOfOrder(orderNo)).toBe(home);
    const [row] = await homes.admin.regular.query<{ name: string }>({
      text: 'SELECT h.name FROM catalog.home h WHERE h.number = catalog.home_of_order($1)',
      values: [orderNo],
    });
    expect(row?.name).toBe(home);
    expect(await orderDetails(web, orderNo)).toMatchObject({ sku });
    expect(await findSku(ops, sku)).toMatchObject({ schema: home, free: 1 });
  }
  expect((await userOrders(web, userId, { limit: 9 })).orders).toHaveLength(3);
  // No home can have such a number. The home of the other one may exist, but this process does not know it: it must
  // not tell a payment provider that there is no such order.
  expect(await orderDetails(web, '1000000003')).toBeUndefined();
  await expect(orderDetails(web, '1000000998')).rejects.toMatchObject({ kind: 'unavailable' });
});

it('a SKU goes from one hot home to another, and what it leaves behind follows it', async () => {
  const sku = await stock(ops, sale, { units: 10, schema: 'hot-1', userLimit: 1 });
  const asked = request();
  const early = request();
  const [first] = await placeOrders(worker, 'hot-1', sku, [asked]);
  const unpaid = await order(worker, sku, { userId: early.userId }, 'hot-1');
  expect(await moveSku(ops, 'hot-2', sku)).toMatchObject({ movedFrom: 'hot-1', units: 8 });
  expect(await moveSku(ops, 'hot-2', sku)).toMatchObject({ movedFrom: undefined, slots: 4 });
  expect(await findSku(ops, sku)).toMatchObject({ schema: 'hot-2', free: 8 });

  // From every queue: one request has one outcome, and a user's limit holds.
  for (const home of HOMES) {
    const [again] = await placeOrders(worker, home, sku, [asked]);
    expect(again).toMatchObject({ status: 'ordered', orderNo: first?.orderNo });
    const [more] = await placeOrders(worker, home, sku, [request({ userId: asked.userId })]);
    expect(more).toMatchObject({ status: 'limit_reached' });
  }

  // Units and limits of an order of the first home come to the second one.
  await expire(unpaid, 'hot-1');
  await carry(worker);
  expect(await countOf(sku)).toMatchObject({ unitsTotal: 10, free: 9, home: 'hot-2' });
  const again = await order(worker, sku, { userId: early.userId }, 'hot-2');
  expect(homeOfOrder(again)).toBe('hot-2');
  expect(await auditHomes(ops)).toEqual({ rows: [], missing: [] });
});

it('a late payment of an order gets units of the home where its SKU lives now', async () => {
  const sku = await stock(ops, sale, { units: 3, schema: 'hot-1' });
  const orderNo = await order(worker, sku, {}, 'hot-1');
  await expire(orderNo, 'hot-1');
  await moveSku(ops, 'hot-2', sku);
  expect(await countOf(sku)).toMatchObject({ free: 3 });
  const paying = payOrder(web, orderNo, uniqueName('ref'), byNode);
  let isPaid = false;
  const carrying = (async () => {
    while (!isPaid) await carry(worker);
  })();
  expect(await paying).toBe('paid');
  isPaid = true;
  await carrying;
  expect(await countOf(sku)).toMatchObject({ unitsTotal: 3, free: 2 });
  expect(await orderDetails(web, orderNo)).toMatchObject({ status: 'paid' });
});

it('a request that was refused before its SKU was made has one outcome in each home of the SKU', async () => {
  const [sku, early] = [uniqueName('sku'), request()];
  const refuse = () =>
    refuseRequests(ops, REGULAR, { sku, node: 'node-1', requests: [early], reason: 'refused' });
  const refused = await refuse();
  expect(refused).toMatchObject([{ requestId: early.requestId, status: 'rejected' }]);
  await stock(ops, sale, { sku, units: 1, schema: 'hot-1' });
  for (const home of ['hot-1', REGULAR, 'hot-2', REGULAR]) {
    await moveSku(ops, home, sku);
    expect(await refuse()).toEqual(refused);
    expect(await placeOrders(worker, home, sku, [early])).toEqual(refused);
  }
});

it('a SKU arrives at whatever step the mover is killed, with or without the workers', async () => {
  const units = 40;
  const sku = await stock(ops, sale, { units, schema: 'hot-1' });
  const all = requests(4);
  await placeOrders(worker, 'hot-1', sku, all);
  let to = 'hot-2';
  let deaths = 0;
  for (let step = 1, survived = 0; survived < 2; step += 1) {
    for (const after of [false, true]) {
      try {
        await moveSku(mortal(ops, step, after), to, sku);
        survived += 1;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        deaths += 1;
      }
      if (step % 2 === 0) await carry(worker);
      await moveSku(ops, to, sku);
      expect(await countOf(sku)).toMatchObject({ unitsTotal: units, free: units - 4, home: to });
      to = to === 'hot-1' ? 'hot-2' : 'hot-1';
    }
  }
  expect(deaths).toBeGreaterThan(40);
  for (const decision of await placeOrders(worker, to, sku, all)) {
    expect(decision).toMatchObject({ status: 'ordered' });
  }
  expect(await audit(ops)).toEqual([]);
});

it('a home that is away stops its own SKUs and nothing else, moves of others included', async () => {
  const here = await stock(ops, sale, { units: 3, schema: 'hot-1' });
  const there = await stock(ops, sale, { units: 3, schema: 'hot-2' });
  const nowhere = createPool({ url: 'postgres://127.0.0.1:1/x', max: 1, applicationName: 'test' });
  const without = (databases: Databases) =>
    new Databases({
      regular: databases.regular,
      'hot-1': databases.home('hot-1'),
      'hot-2': nowhere,
    });
  await order(without(worker), here, {}, 'hot-1');
  await moveSku(without(ops), 'regular', here);
  await moveSku(without(ops), 'hot-1', here);
  await order(without(worker), here, {}, 'hot-1');
  await expect(order(without(worker), there, {}, 'hot-2')).rejects.toMatchObject({
    kind: 'unavailable',
  });
  await expect(moveSku(without(ops), 'hot-2', here)).rejects.toMatchObject({ kind: 'unavailable' });
  expect((await auditHomes(without(ops))).missing).toEqual(['hot-2']);
  await nowhere.close();
});

it('a home that is not configured is named with those that are', async () => {
  const sku = await stock(ops, sale, { units: 1, schema: 'hot-1' });
  for (const home of ['hot', 'hot-3']) {
    await expect(moveSku(ops, home, sku)).rejects.toThrow(
      `the home ${home} is not configured; there are regular, hot-1, hot-2`,
    );
  }
});

it('prepare refuses a server that is another home or belongs to another installation', async () => {
  const url = (home: string) => homes.urls.get(home) ?? '';
  const prepared = (urls: Record<string, string>) => prepareHomes(new Map(Object.entries(urls)));
  const { regular } = { regular: url('regular') };
  await stock(ops, sale, { units: 1, schema: 'hot-2' });
  await expect(prepared({ regular, 'hot-1': url('hot-2'), 'hot-2': url('hot-1') })).rejects.toThrow(
    /the server of hot-1: this server is the home hot-2 already/,
  );
  await expect(prepared({ regular, 'hot-1': url('hot-1') })).rejects.toThrow(
    /SKUs live in the home hot-2, such as/,
  );
  const other = await freshDatabase();
  await expect(prepared({ regular: other.url, 'hot-1': url('hot-1') })).rejects.toThrow(
    /the server of hot-1: this server belongs to another installation/,
  );
  // Again is no change; a home more is.
  const extra = await freshDatabase();
  await prepareHomes(homes.urls);
  await prepareHomes(new Map([...homes.urls, ['hot-3', extra.url]]));
  const text = 'SELECT name, number, here FROM catalog.home ORDER BY number';
  expect(await homes.admin.regular.query({ text })).toEqual([
    { name: 'regular', number: 1, here: true },
    { name: 'hot-1', number: 4, here: false },
    { name: 'hot-2', number: 6, here: false },
    { name: 'hot-3', number: 8, here: false },
  ]);
  // A home that is newer than a sale has no orders of it to export.
  const sessions = await Promise.all(
    [...homes.urls, ['hot-3', extra.url] as const].map(
      async ([home, one]) => [home, await openSession(one, SESSION)] as const,
    ),
  );
  const exported = await exportedOrders(new Map(sessions), sale);
  expect(new Set(exported.map(homeOfOrder))).toEqual(new Set(['regular', 'hot-1', 'hot-2']));
  for (const [, session] of sessions) await session.close();
  // A SKU can move to a home that is newer than its sale.
  const sku = await stock(ops, sale, { units: 5, schema: 'hot-1' });
  const more = new Databases({
    regular: ops.regular,
    'hot-1': ops.home('hot-1'),
    'hot-2': ops.home('hot-2'),
    'hot-3': extra.as('ops').regular,
  });
  expect(await moveSku(more, 'hot-3', sku)).toMatchObject({ units: 5, slots: 4 });
  await moveSku(more, 'hot-1', sku);
  await expect(prepareHomes(homes.urls)).rejects.toThrow(
    /SKUs were sold in the home hot-3, such as/,
  );
  await other.remove();
  await extra.remove();
});
