import { expect, test } from 'vitest';
import { isName } from '../../contracts/names.ts';
import { createSale, dropSale } from '../../db/calls.ts';
import { openSession } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';
import { until } from '../until.ts';
import { PATIENCE } from './database.ts';
import { blocked } from './locks.ts';
import { openShop } from './open-shop.ts';
import { order, stock } from './shop.ts';

/**
 * Every name that the rule allows can be the name of a sale, whatever tables and indexes are
 * called. Old sales can be removed.
 */

const { database, worker, ops, sale: already } = await openShop();

async function open(sale: string): Promise<void> {
  const plan = { sale, title: sale, payWindowSeconds: 900 };
  const [opensAt, closesAt] = [new Date(Date.now() - 1_000), new Date(Date.now() + 3_600_000)];
  expect(await createSale(ops, { ...plan, opensAt, closesAt })).toBe(true);
}

async function end(sale: string): Promise<void> {
  const text = `UPDATE catalog.sale SET opens_at = now() - interval '2 h',
                  closes_at = now() - interval '1 h' WHERE sale = $1`;
  await database.admin.query({ text, values: [sale] });
}

async function partitionsOf(sale: string): Promise<string[]> {
  const rows = await database.admin.query<{ name: string }>({
    text: `SELECT c.oid::regclass::text AS name FROM pg_class c
           WHERE c.relispartition AND c.relkind = 'r'
             AND pg_get_expr(c.relpartbound, c.oid) = format('FOR VALUES IN (%L)', $1::text)`,
    values: [sale],
  });
  return rows.map(({ name }) => name);
}

test('the suffix of any index, sequence or partition of a table can be the name of a sale', async () => {
  await open('first');
  // For example user, unpaid, once, pkey, first_pkey.
  const rows = await database.admin.query<{ name: string }>({
    text: `SELECT DISTINCT ltrim(substr(r.relname, length(t.relname) + 1), '_(') AS name
           FROM pg_class t JOIN pg_class r
             ON r.relnamespace = t.relnamespace AND starts_with(r.relname, t.relname)
           WHERE t.relkind = 'p' AND r.relname <> t.relname ORDER BY 1`,
  });
  const names = rows.map(({ name }) => name.replaceAll(')', '')).filter(isName);
  expect(names).toEqual(expect.arrayContaining(['user', 'unpaid', 'once', 'pkey', 'first_pkey']));
  const others = ['FIRST', 'first_', 'first-', 'select', 'default', `n${'x'.repeat(39)}`];
  for (const sale of [...names.filter((name) => !['first', already].includes(name)), ...others]) {
    await open(sale);
    const sku = await stock(ops, sale, { units: 1 });
    await order(worker, sku);
  }
});

test('a sale is removed with its partitions, including those named by an older version', async () => {
  const [sale, other] = [uniqueName('sale'), uniqueName('sale')];
  await open(sale);
  await open(other);
  const all = (await partitionsOf(other)).length;
  await database.admin.query({
    text: `ALTER TABLE hot."orders(${sale})" RENAME TO orders_${sale}`,
  });
  await end(sale);
  expect(await partitionsOf(sale)).toHaveLength(all);
  await dropSale(ops, sale);
  expect(await partitionsOf(sale)).toEqual([]);
  expect(await partitionsOf(other)).toHaveLength(all);
});

test('a long transaction on the tables delays the removal of an old sale and does not prevent it', async () => {
  const sale = uniqueName('sale');
  await open(sale);
  await end(sale);
  const reader = await openSession(database.url, {
    applicationName: 'reader',
    ...PATIENCE,
  });
  await reader.run('BEGIN; SELECT count(*) FROM hot.orders');
  const dropped = dropSale(ops, sale);
  dropped.catch(() => {}); // The test awaits it below.
  await blocked(database, 1);
  await until('the first attempt gave up', async () => {
    await blocked(database, 0);
    return true;
  });
  await reader.run('COMMIT');
  await reader.close();
  await dropped;
  expect(await partitionsOf(sale)).toEqual([]);
});
