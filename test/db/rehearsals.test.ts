import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  isRehearsal,
  newRehearsal,
  REHEARSAL_PATTERN,
  skuOfRehearsal,
} from '../../contracts/rehearsal.ts';
import {
  audit,
  createSale,
  createSku,
  outboxBatch,
  outboxDone,
  payOrder,
  placeOrders,
  recordAction,
  removeSale,
  takeWebhooks,
} from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { removeRehearsal } from '../../db/rehearsals.ts';
import { saleFigures } from '../../db/sale-figures.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { openSale, order, requests, stock } from './shop.ts';

/** The shadow of a sale in the database: what is not told of it, and how it is removed. */

let database: TestDatabase;
let worker: Databases;
let ops: Databases;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker');
  ops = database.as('ops');
});
afterAll(async () => {
  await database.remove();
});

/** An open shadow with a SKU in each home. */
async function shadowOf(of: string) {
  const sale = newRehearsal(of);
  const [opensAt, closesAt] = [new Date(Date.now() - 60_000), new Date(Date.now() + 3_600_000)];
  await createSale(ops, { sale, title: 'x', opensAt, closesAt, payWindowSeconds: 900 });
  const terms = { sale, title: 'x', price: '1.00', currency: 'EUR', userLimit: 1, units: 9 };
  const skus = [skuOfRehearsal(sale, 1), skuOfRehearsal(sale, 2)] as const;
  await createSku(ops, { ...terms, sku: skus[0], schema: 'hot' });
  await createSku(ops, { ...terms, sku: skus[1], schema: 'regular' });
  return { sale, skus };
}

it('the database tells a rehearsal by the same pattern as the processes', async () => {
  const name = newRehearsal('spring');
  const names = [
    ...[name, skuOfRehearsal(name, 1), skuOfRehearsal(name, 99), `${name}-100`, `${name}-x`],
    ...[`x${name}`, `${name}\n`, name.toUpperCase(), 'rehearsal', 'rehearsal-1', 'spring'],
  ];
  const rows = await ops.regular.query<{ is: boolean }>({
    text: 'SELECT catalog.is_rehearsal(n) AS is FROM unnest($1::text[]) AS n',
    values: [names],
  });
  expect(rows.map(({ is }) => is)).toEqual(names.map(isRehearsal));
  const [source] = await database.admin.query<{ prosrc: string }>({
    text: `SELECT prosrc FROM pg_proc WHERE proname = 'is_rehearsal'`,
  });
  expect(source?.prosrc).toContain(REHEARSAL_PATTERN);
});

it('webhooks and the figures of sales leave a rehearsal out, and nothing stays of it', async () => {
  const real = await openSale(ops);
  const other = await stock(ops, real, { units: 5 });
  const seen = await order(worker, other);
  const publish = async () => {
    const events = await outboxBatch(worker, 'hot', 'relay', 100);
    await outboxDone(worker, 'hot', [...new Set(events.map(({ eventNo }) => eventNo))]);
    return events.map(({ sku }) => sku);
  };
  await publish();
  const counts = async () => {
    const tables = await database.admin.query<{ name: string }>({
      text: `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'r' AND n.nspname IN ('regular', 'hot', 'catalog') ORDER BY 1`,
    });
    const found: Record<string, unknown> = {};
    for (const { name } of tables) {
      const [row] = await database.admin.query({ text: `SELECT count(*) FROM ${name}` });
      found[name] = row?.['count'];
    }
    return found;
  };
  const before = await counts();

  const { sale, skus } = await shadowOf(real);
  const [sold] = await placeOrders(worker, 'hot', skus[0], requests(3));
  await placeOrders(worker, 'regular', skus[1], requests(2));
  expect(await payOrder(worker, sold?.orderNo ?? '', 'demo-1')).toBe('paid');
  await recordAction(ops, { by: 'somebody' }, 'pause', sale, {});
  for (const schema of ['regular', 'hot']) {
    await database.admin.query({
      text: `INSERT INTO ${schema}.refused_request (request_id, sku, user_id, reason)
             VALUES (gen_random_uuid(), $1, 'u', 'refused_by_operator')`,
      values: [`${sale}-9`],
    });
  }
  // The relay gets its events, and the worker publishes them to nobody.
  expect(await publish()).toContain(skus[0]);
  const target = { endpoint: 'e', kinds: ['placed', 'paid'], createdAt: new Date(0) };
  const limits = { eventsMax: 99, leaseMs: 9_000, pendingMax: 99, failingMax: 99, failed: false };
  const taken = await takeWebhooks(worker, 'hot', target as never, limits);
  expect(taken.map(({ event }) => event.orderNo)).toEqual([seen]);
  await database.admin.query({ text: 'DELETE FROM hot.webhook_delivery' });
  await database.admin.query({ text: 'DELETE FROM hot.webhook_cursor' });
  const figures = await saleFigures(database.as('readonly'));
  expect(figures.rows.map(({ sku }) => sku)).toEqual([other]);
  expect(await audit(ops)).toEqual([]);

  await removeRehearsal(ops, sale);
  expect(await counts()).toEqual(before);
  expect(await audit(ops)).toEqual([]);
  // Again, as after an answer that was lost.
  await removeRehearsal(ops, sale);
});

it('removes nothing but rehearsals, and none that has to do with money', async () => {
  const real = await openSale(ops);
  await expect(removeRehearsal(ops, real)).rejects.toMatchObject({ sqlstate: 'FS001' });
  const { sale, skus } = await shadowOf(real);
  const [sold] = await placeOrders(worker, 'hot', skus[0], requests(1));
  await expect(removeSale(ops, sale)).rejects.toMatchObject({ sqlstate: 'FS004' });
  await database.admin.query({
    text: `SELECT hot.keep_checkout($1, 'stripe:cs_1', 'https://pay.example', now() + interval '1 h')`,
    values: [sold?.orderNo],
  });
  await expect(removeRehearsal(ops, sale)).rejects.toMatchObject({ sqlstate: 'FS004' });
  // A sale that was made by hand, with the names of a shadow.
  const gone = newRehearsal(real);
  await stock(ops, real, { sku: skuOfRehearsal(gone, 1), units: 1 });
  await expect(removeRehearsal(ops, gone)).rejects.toMatchObject({
    sqlstate: 'FS004',
    message: expect.stringContaining('another sale has a SKU'),
  });
});
