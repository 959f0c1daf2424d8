import { describe, expect, it } from 'vitest';
import { expireOrders, orderDetails, overdueSkus } from '../../db/calls.ts';
import { holdSlots } from './locks.ts';
import { openShop } from './open-shop.ts';
import { order, stock } from './shop.ts';

/** Overdue orders of some SKUs, and of all. */

const { database, worker, web, ops, sale } = await openShop();

/** A SKU with one overdue order. */
async function overdue() {
  const sku = await stock(ops, sale, { units: 1, slots: 1 });
  const orderNo = await order(worker, sku);
  await database.admin.query({
    text: 'UPDATE hot.orders SET pay_before = now() WHERE order_no = $1',
    values: [orderNo],
  });
  const status = async () => (await orderDetails(web, orderNo))?.status;
  return { sku, status };
}

describe('the expiry of orders of some SKUs', () => {
  it('leaves the orders of other SKUs as they are', async () => {
    const [one, other] = [await overdue(), await overdue()];
    const skus = [one.sku, other.sku].sort();
    expect(await overdueSkus(worker, 'hot')).toEqual(skus);
    expect(await overdueSkus(worker, 'regular')).toEqual([]);
    const gone = [{ sku: one.sku, orders: 1, units: 1 }];
    expect(await expireOrders(worker, 'hot', 10, [one.sku])).toEqual(gone);
    expect([await one.status(), await other.status()]).toEqual(['expired', 'ordered']);
    await expireOrders(worker, 'hot', 10);
    expect(await other.status()).toBe('expired');
    expect(await overdueSkus(worker, 'hot')).toEqual([]);
  });

  it('does not wait for the locks of other SKUs', async () => {
    const [one, locked] = [await overdue(), await overdue()];
    const holder = await holdSlots(database, locked.sku);
    await expireOrders(worker, 'hot', 10, [one.sku]);
    await holder.release();
    expect([await one.status(), await locked.status()]).toEqual(['expired', 'ordered']);
    await expireOrders(worker, 'hot', 10);
  });

  it('expires nothing without SKUs, and refuses a limit of nothing', async () => {
    expect(await expireOrders(worker, 'hot', 10, [])).toEqual([]);
    await expect(expireOrders(worker, 'hot', 0, [])).rejects.toMatchObject({ sqlstate: 'FS001' });
  });
});

it('expire_orders, which workers of the last release call, expires the orders of all SKUs', async () => {
  const both = [await overdue(), await overdue()];
  const rows = await worker.home('hot').query({
    text: 'SELECT sku, orders, units FROM hot.expire_orders($1)',
    values: [500],
  });
  const skus = both.map(({ sku }) => sku).sort();
  expect(rows).toEqual(skus.map((sku) => ({ sku, orders: '1', units: '1' })));
});
