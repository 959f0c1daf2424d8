import { expect, it } from 'vitest';
import { cancelOrder, endRefund, payOrder } from '../../db/calls.ts';
import { openSession } from '../../db/client/pool.ts';
import { backlogs, FAILURES_MAX, paymentFailures, saleFigures } from '../../db/sale-figures.ts';
import { labelled } from '../../keeper/book-metrics.ts';
import { uniqueName } from '../servers.ts';
import { PATIENCE } from './database.ts';
import { openShop } from './open-shop.ts';
import { openSale, order, stock } from './shop.ts';

/** What the leading keeper shows of the business. */

const { database, worker, web, ops, sale } = await openShop();

const figuresOf = async (sku: string) => {
  const { rows, missing } = await saleFigures(ops);
  expect(missing).toEqual([]);
  return rows.filter((row) => row.sku === sku);
};

const failuresOf = async (sku: string) =>
  (await paymentFailures(ops)).rows.filter((row) => row.sku === sku);

/** Rows of the orders of a sale that `sale_figures` reads. */
async function readByFigures(of: string): Promise<number> {
  const session = await openSession(database.url, {
    ...{ applicationName: 'test', ...PATIENCE },
  });
  try {
    await session.run('BEGIN');
    await session.query({ text: `SELECT FROM hot.sale_figures('1 day')` });
    const [row] = await session.query<{ read: number }>({
      text: `SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::int AS read
             FROM pg_stat_xact_user_tables WHERE relname = 'orders(' || $1 || ')'`,
      values: [of],
    });
    return row?.read ?? Number.NaN;
  } finally {
    await session.run('ROLLBACK');
    await session.close();
  }
}

it('sums orders, money, refunds and unpaid units by age for each SKU', async () => {
  const sku = await stock(ops, sale, { units: 10 });
  const orders: string[] = [];
  for (let n = 0; n < 5; n += 1) orders.push(await order(worker, sku, { userId: `buyer-${n}` }));
  const [paid = '', cancelled = '', minutes = '', older = ''] = orders;
  await payOrder(web, paid, uniqueName('ref'));
  await cancelOrder(web, cancelled, 'buyer-1');
  const reference = uniqueName('ref');
  expect(await payOrder(web, cancelled, reference)).toBe('refund_due');
  const age = 'UPDATE hot.orders SET created_at = now() - $2::interval WHERE order_no = $1';
  await database.admin.query({ text: age, values: [minutes, '3 min'] });
  await database.admin.query({ text: age, values: [older, '40 min'] });
  const before = {
    ...{ schema: 'hot', sku, currency: 'EUR', revenue: 9.95 },
    orders: { sold: 4, paid: 1, cancelled: 1, expired: 0 },
    units: { sold: 4, paid: 1 },
    unpaid: { '0-1': 1, '1-5': 1, '5-15': 0, '15-': 1 },
    refunds: { due: 1, done: 0 },
    refundAmount: { due: 9.95, done: 0 },
  };
  expect(await figuresOf(sku)).toEqual([before]);
  await endRefund(worker, 'hot', reference, { error: 'no answer' });
  expect(await failuresOf(sku)).toEqual([{ schema: 'hot', sku, refunds: 1, sessions: 0 }]);
  expect(await figuresOf(sku)).toEqual([before]);
  await endRefund(worker, 'hot', reference, { refundRef: 're_1' });
  expect(await failuresOf(sku)).toEqual([]);
  const refunds = { due: 0, done: 1 };
  const refundAmount = { due: 0, done: 9.95 };
  expect(await figuresOf(sku)).toEqual([{ ...before, refunds, refundAmount }]);
});

it('counts failing refunds and sessions without reading the other orders', async () => {
  const sku = await stock(ops, sale, { units: 4 });
  for (const userId of ['first', 'second']) {
    const late = await order(worker, sku, { userId });
    await cancelOrder(web, late, userId);
    const reference = uniqueName('ref');
    await payOrder(web, late, reference);
    await endRefund(worker, 'hot', reference, { error: 'no answer' });
  }
  const open = await order(worker, sku);
  const session = await openSession(database.url, {
    ...{ applicationName: 'test', ...PATIENCE },
  });
  const ask = `SELECT * FROM hot.payment_failures(${FAILURES_MAX}) WHERE sku = '${sku}'`;
  const readOrders = `
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS read FROM pg_stat_xact_user_tables
    WHERE relid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'hot.orders'::regclass)`;
  try {
    // A large sale beside them, which no other test sees.
    await session.run('BEGIN');
    await session.run(`INSERT INTO hot.checkout (order_no, sale, session_ref, url, ends_at, state, last_error)
      VALUES (${open}, '${sale}', 'stripe:x', 'https://stripe.example', now(), 'ending', 'no answer')`);
    await session.run(`SET LOCAL session_replication_role = 'replica';
      INSERT INTO hot.orders
      SELECT (jsonb_populate_record(o, jsonb_build_object('order_no', 1000000 + 2 * n, 'request_id',
               gen_random_uuid(), 'user_id', n::text))).*
      FROM hot.orders o, generate_series(1, 20000) n WHERE o.order_no = ${open}`);
    const [before] = await session.query<{ read: number }>({ text: readOrders });
    expect(await session.query({ text: ask })).toEqual([{ sku, refunds: '2', sessions: '1' }]);
    const [after] = await session.query<{ read: number }>({ text: readOrders });
    expect((after?.read ?? 0) - (before?.read ?? 0)).toBeLessThan(100);
  } finally {
    await session.run('ROLLBACK');
    await session.close();
  }
});

it('leaves out sales that have been closed for more than a day, and does not read their orders', async () => {
  const old = await openSale(ops);
  const sku = await stock(ops, old, { units: 1 });
  await order(worker, sku);
  expect(await figuresOf(sku)).toHaveLength(1);
  const set = `UPDATE catalog.sale SET opens_at = now() + $2::interval - interval '2 h',
                      closes_at = now() + $2::interval WHERE sale = $1`;
  await database.admin.query({ text: set, values: [old, '-25 h'] });
  expect(await figuresOf(sku)).toEqual([]);
  expect(await readByFigures(old)).toBe(0);
  expect(await readByFigures(sale)).toBeGreaterThan(0);
  // As the books need it: the order is from the time of the sale.
  await database.admin.query({ text: set, values: [old, '1 h'] });
});

it('tells how many wait in each home, and how long the oldest has waited', async () => {
  const events = async () =>
    (await backlogs(ops)).rows.find(
      ({ schema, waiting }) => schema === 'hot' && waiting === 'order events to publish',
    );
  const sku = await stock(ops, sale, { units: 1 });
  await order(worker, sku);
  const count = (await events())?.count ?? 0;
  expect(count).toBeGreaterThan(0);
  await database.admin.query({
    text: `UPDATE hot.outbox SET happened_at = now() - interval '1 min' WHERE sku = $1`,
    values: [sku],
  });
  const later = await events();
  expect(later?.count).toBe(count);
  expect(later?.ageSeconds).toBeGreaterThanOrEqual(60);
});

it('gives labels to the SKUs that sold most, and one to all others', async () => {
  const sku = await stock(ops, sale, { units: 3 });
  await order(worker, sku);
  const [figures] = await figuresOf(sku);
  if (figures === undefined) throw new Error('no figures');
  const of = (name: string, sold: number) => ({
    ...figures,
    sku: name,
    units: { sold, paid: 0 },
  });
  const labels = labelled([of('a', 1), of('b', 5), of('c', 2), of('d', 9)], 2);
  expect(labels.map((each) => each.sku)).toEqual(['(others)', 'b', '(others)', 'd']);
});
