import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  audit,
  cancelOrder,
  endRefund,
  isDroppedPayment,
  outboxBatch,
  outboxDone,
  payOrder,
  placeOrders,
  refusePayment,
  unitCounts,
} from '../../db/calls.ts';
import { type Databases, openSession } from '../../db/client/pool.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { blocked } from './locks.ts';
import { openSale, order, requests, stock } from './shop.ts';

/** One statement removes an old sale completely. */

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

const drop = (sale: string) =>
  ops.home('hot').query({ text: 'SELECT * FROM catalog.drop_sale($1)', values: [sale] });

/** Sets the end of the sale further back than the tunable late_grace_ms. */
const end = (sale: string) =>
  database.admin.query({
    text: `UPDATE catalog.sale SET closes_at = now() - interval '30 minutes' WHERE sale = $1`,
    values: [sale],
  });

async function publish(): Promise<void> {
  const events = await outboxBatch(worker, 'hot', 'relay', 100);
  await outboxDone(worker, 'hot', [...new Set(events.map(({ eventNo }) => eventNo))]);
}

it('an old sale is removed from both schemas in one statement', async () => {
  const [old, kept] = [await openSale(ops), await openSale(ops)];
  const hot = await stock(ops, old, { units: 5 });
  const regular = await stock(ops, old, { units: 5, schema: 'regular' });
  const other = await stock(ops, kept, { units: 5 });
  const said = await placeOrders(worker, 'hot', hot, requests(3));
  await placeOrders(worker, 'regular', regular, []);
  await placeOrders(worker, 'hot', other, requests(2));

  await expect(drop(old)).rejects.toMatchObject({ sqlstate: 'FS001' });
  await end(old);
  await expect(drop(old)).rejects.toMatchObject({ sqlstate: 'FS004' });
  for (const { orderNo } of said) await payOrder(worker, orderNo ?? '', `ref-${orderNo}`);
  await publish();

  // Money that belongs to no order is kept when the sale goes.
  expect(
    await refusePayment(worker, said[0]?.orderNo ?? '', 'twice', {
      amount: '1.00',
      currency: 'EUR',
    }),
  ).toBe('refund_due');
  await expect(drop(old)).rejects.toMatchObject({ sqlstate: 'FS004' });
  await endRefund(ops, 'hot', 'twice', { refundRef: 're_1' });
  await publish();

  expect(await drop(old)).toEqual(
    [
      { sku: hot, orders: '3', paid: '3' },
      { sku: regular, orders: '0', paid: '0' },
    ].toSorted((a, b) => (a.sku < b.sku ? -1 : 1)),
  );
  const left = await database.admin.query({
    text: 'SELECT relname FROM pg_class WHERE relname LIKE $1',
    values: [`%${old}%`],
  });
  expect(left).toEqual([]);
  expect((await unitCounts(worker)).map(({ sku }) => sku)).toEqual([other]);
  expect(await placeOrders(worker, 'hot', hot, requests(1))).toMatchObject([
    { status: 'rejected', reason: 'unknown_sku' },
  ]);
  expect(await audit(ops)).toEqual([]);
  await expect(drop(old)).rejects.toMatchObject({ sqlstate: 'FS002' });
});

it('the removal of an old sale does not delay other sales while it deletes rows one by one', async () => {
  const sale = await openSale(ops);
  const orderNo = await order(worker, await stock(ops, sale, { units: 1 }));
  expect(await payOrder(worker, orderNo, `slow-${orderNo}`)).toBe('paid');
  await publish();
  await end(sale);
  const holder = await openSession(database.url, {
    applicationName: 'holder',
    ...PATIENCE,
  });
  await holder.run('BEGIN');
  await holder.query({
    text: 'SELECT FROM catalog.payment_reference WHERE sale = $1 FOR UPDATE',
    values: [sale],
  });
  // The removal waits for that row for its lock_timeout at most.
  const dropped = drop(sale).then(
    () => 'dropped',
    (error: { sqlstate?: string }) => error.sqlstate,
  );
  await blocked(database, 1);
  const locks = await database.admin.query({
    text: `SELECT relation::regclass::text FROM pg_locks
           WHERE mode = 'AccessExclusiveLock' AND granted AND locktype = 'relation'
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  });
  await holder.run('ROLLBACK');
  await holder.close();
  expect(locks).toEqual([]);
  expect(['dropped', '55P03']).toContain(await dropped);
});

it('payments that were booked are known after their sale was removed, until the time to keep them is over', async () => {
  const [sale, next] = [await openSale(ops), await openSale(ops)];
  const sku = await stock(ops, sale, { units: 2 });
  const other = await order(worker, await stock(ops, next, { units: 1 }));
  const [paid, cancelled] = [
    await order(worker, sku),
    await order(worker, sku, { userId: 'gone' }),
  ];
  const known = async (orderNo: string, reference: string) =>
    isDroppedPayment(database.as('web'), orderNo, reference);
  expect(await payOrder(worker, paid, 'kept')).toBe('paid');
  expect(await payOrder(worker, paid, 'twice-kept')).toBe('refund_due');
  await endRefund(ops, 'hot', 'twice-kept', { refundRef: 're_2' });
  // A web node that died before it booked the payment.
  await database.admin.query({
    text: 'SELECT catalog.claim_reference($1, $2, $3)',
    values: ['never-booked', sale, cancelled],
  });
  expect(await cancelOrder(worker, cancelled, 'gone')).toBe('cancelled');
  await publish();
  await end(sale);
  expect(await known(paid, 'kept')).toBe(false);
  await drop(sale);

  expect(await known(paid, 'kept')).toBe(true);
  expect(await known(paid, 'twice-kept')).toBe(true);
  expect(await known(cancelled, 'never-booked')).toBe(false);
  // It pays no other order either.
  expect(await payOrder(worker, other, 'kept')).toBe('reference_taken');

  const days = async (count: number) => {
    await database.admin.query({
      text: `UPDATE catalog.payment_reference SET dropped_at = now() - make_interval(days => $1)
             WHERE dropped_at IS NOT NULL`,
      values: [count],
    });
    const old = await openSale(ops);
    await end(old);
    await drop(old);
  };
  await days(89);
  expect(await known(paid, 'kept')).toBe(true);
  await days(91);
  expect(await known(paid, 'kept')).toBe(false);
});
