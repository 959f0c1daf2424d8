import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  audit,
  callOffState,
  changeSale,
  changeSku,
  createSale,
  placeOrders,
  removeSale,
  saleBoard,
  saleDigest,
  saleFacts,
  ticketKeys,
} from '../../db/calls.ts';
import { type Databases, openSession } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { blocked } from './locks.ts';
import { openSale, order, requests, stock } from './shop.ts';

/** Sales and SKUs are changed, and the database itself refuses what must not change. */

const HOUR_MS = 3_600_000;
let database: TestDatabase;
let ops: Databases;
let web: Databases;
let worker: Databases;

beforeAll(async () => {
  database = await createDatabase();
  ops = database.as('ops');
  web = database.as('web');
  worker = database.as('worker');
});
afterAll(async () => {
  expect(await audit(ops)).toEqual([]);
  await database.remove();
});

const later = (ms: number) => new Date(Date.now() + ms);
const refused = (sqlstate: string) => expect.objectContaining({ sqlstate });

it('the opening time moves until a ticket key exists, even when it has passed', async () => {
  const sale = await openSale(ops, { opensInMs: -HOUR_MS });
  await changeSale(ops, sale, { opensAt: later(HOUR_MS / 2) });
  expect(await ticketKeys(web, sale)).toEqual([]);
  await changeSale(ops, sale, { opensAt: later(-1_000) });
  expect(await ticketKeys(web, sale)).toHaveLength(1);
  await expect(changeSale(ops, sale, { opensAt: later(1_000) })).rejects.toEqual(refused('FS004'));
  await changeSale(ops, sale, { title: 'Other words', closesAt: later(2 * HOUR_MS) });
  expect((await saleFacts(ops, sale, []))[0]?.sale).toMatchObject({ title: 'Other words' });
});

it('a key that is asked for while the opening moves is not made', async () => {
  const sale = await openSale(ops, { opensInMs: -HOUR_MS });
  const mover = await openSession(database.url, { applicationName: 'mover', ...PATIENCE });
  await mover.run('BEGIN');
  await mover.query({
    text: `SELECT catalog.change_sale($1, p_opens_at => now() + interval '30 minutes')`,
    values: [sale],
  });
  const asked = ticketKeys(web, sale);
  await blocked(database, 1);
  await mover.run('COMMIT');
  await mover.close();
  expect(await asked).toEqual([]);
});

it('a sale that has closed stays closed, and none closes before it opens', async () => {
  const sale = await openSale(ops, { opensInMs: -HOUR_MS, closesInMs: HOUR_MS });
  await expect(changeSale(ops, sale, { closesAt: later(-2 * HOUR_MS) })).rejects.toEqual(
    refused('FS001'),
  );
  await changeSale(ops, sale, { closesAt: later(-1_000) });
  await expect(changeSale(ops, sale, { closesAt: later(HOUR_MS) })).rejects.toEqual(
    refused('FS004'),
  );
  await expect(changeSale(ops, 'nothing', { title: 'x' })).rejects.toEqual(refused('FS002'));
});

it('price and currency stay after the first order, a limit does not fall below what is held', async () => {
  const sale = await openSale(ops);
  const sku = await stock(ops, sale, { units: 9, userLimit: 3 });
  await changeSku(ops, 'hot', sku, { price: '5.00', userLimit: 4, title: 'Another thing' });
  await order(worker, sku, { userId: 'ben', units: 3 });
  for (const change of [{ price: '4.00' }, { currency: 'USD' }, { userLimit: 2 }]) {
    await expect(changeSku(ops, 'hot', sku, change)).rejects.toEqual(refused('FS004'));
  }
  await changeSku(ops, 'hot', sku, { userLimit: 3, price: '5.0', title: 'The thing' });
  expect((await saleFacts(ops, sale, []))[0]?.skus).toMatchObject([
    { sku, price: '5.00', userLimit: 3, title: 'The thing', hasOrders: true, mostHeld: 3 },
  ]);
  // place_orders goes by the new limit at once.
  const [full] = await placeOrders(worker, 'hot', sku, requests(1, { userId: 'ben' }));
  expect(full?.status).toBe('limit_reached');
  await expect(changeSku(ops, 'hot', 'nothing', { title: 'x' })).rejects.toEqual(refused('FS002'));
  await expect(changeSku(ops, 'hot', sku, { userLimit: 101 })).rejects.toEqual(refused('23514'));
});

it('each change is recorded with its values, and one that changes nothing is not', async () => {
  const sale = await openSale(ops, { opensInMs: HOUR_MS, closesInMs: 2 * HOUR_MS });
  const actor = { by: 'ann@laptop', reason: 'a typo' };
  await changeSale(ops, sale, { title: 'Right' }, actor);
  await changeSale(ops, sale, { title: 'Right' }, actor);
  const rows = await ops.regular.query({
    text: `SELECT acted_by, reason, details FROM catalog.actions($1) WHERE action = 'change'`,
    values: [sale],
  });
  expect(rows).toEqual([
    {
      acted_by: 'ann@laptop',
      reason: 'a typo',
      details: { title: { from: 'A sale', to: 'Right' } },
    },
  ]);
});

it('a sale that is opened, extended or closed is recorded as that', async () => {
  const sale = await openSale(ops, { opensInMs: HOUR_MS, closesInMs: 2 * HOUR_MS });
  await changeSale(ops, sale, { opensAt: later(-2_000) });
  await changeSale(ops, sale, { closesAt: later(3 * HOUR_MS) });
  await changeSale(ops, sale, { closesAt: later(HOUR_MS) });
  await changeSale(ops, sale, { title: 'Last words', closesAt: later(-1_000) });
  const rows = await ops.regular.query({
    text: 'SELECT action FROM catalog.actions($1)',
    values: [sale],
  });
  expect(rows.map(({ action }) => action)).toEqual([
    ...['change', 'change', 'extend', 'open', 'create'],
  ]);
});

it('what is shown of a sale reaches the board and changes its digest', async () => {
  const sale = await openSale(ops);
  const sku = await stock(ops, sale, { units: 1, presentation: { title: { de: 'Ding' } } });
  const read = async () => (await saleBoard(ops)).sales.find((one) => one.sale === sale);
  const before = await read();
  expect(before).toMatchObject({
    presentation: {},
    skus: [{ presentation: { title: { de: 'Ding' } } }],
  });
  await changeSku(ops, 'hot', sku, { presentation: { title: { de: 'Sache' } } });
  const after = await read();
  expect(before && after && saleDigest(before) === saleDigest(after)).toBe(false);
  await expect(
    changeSku(ops, 'hot', sku, { presentation: { title: { en: 'x'.repeat(50_000) } } }),
  ).rejects.toEqual(refused('23514'));
});

it('a sale that was removed and put on again is told apart by the time of its creation', async () => {
  const opensAt = new Date(Date.now() + HOUR_MS);
  const facts = { sale: uniqueName('sale'), title: 'Again', payWindowSeconds: 900 };
  const times = { opensAt, closesAt: new Date(Date.now() + 2 * HOUR_MS) };
  const createdAt = async () => {
    await createSale(ops, { ...facts, ...times });
    const { sales } = await saleBoard(web);
    return sales.find(({ sale }) => sale === facts.sale)?.createdAt.getTime();
  };
  const first = await createdAt();
  expect(await createdAt()).toBe(first);
  await removeSale(ops, facts.sale);
  expect(await createdAt()).toBeGreaterThan(first ?? Number.NaN);
});

it('a sale that nobody bought from is removed at once, any other is not', async () => {
  const [early, sold, opened] = [
    await openSale(ops, { opensInMs: HOUR_MS, closesInMs: 2 * HOUR_MS }),
    await openSale(ops),
    await openSale(ops),
  ];
  await stock(ops, early, { units: 5 });
  await order(worker, await stock(ops, sold, { units: 5 }));
  await ticketKeys(web, opened);
  expect(await removeSale(ops, early, { by: 'ann@laptop' })).toBe(true);
  expect(await removeSale(ops, early)).toBe(false);
  await expect(removeSale(ops, sold)).rejects.toEqual(refused('FS004'));
  await expect(removeSale(ops, opened)).rejects.toEqual(refused('FS001'));
  const left = (await saleBoard(ops)).sales.map(({ sale }) => sale);
  expect(left).not.toContain(early);
  expect(left).toEqual(expect.arrayContaining([sold, opened]));
});

it('a late payment on its way is counted once, whichever schema it goes to', async () => {
  const sale = await openSale(ops);
  const sku = await stock(ops, sale, { units: 1 });
  for (const schema of ['regular', 'hot']) {
    await database.admin.query({
      text: `INSERT INTO ${schema}.transfer (sku, transfer_no, sale, kind, units, units_total, body)
             VALUES ($1, 1, $2, 'payment', 1, 1, '{}')`,
      values: [sku, sale],
    });
    expect(await callOffState(ops, sale)).toMatchObject({ transfers: 1 });
    await database.admin.query({
      text: `DELETE FROM ${schema}.transfer WHERE sku = $1`,
      values: [sku],
    });
  }
});
