import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { payOrder, placeOrders } from '../../../db/calls.ts';
import { findOrders, termsOf } from '../../../ops/orders/find.ts';
import { openShop } from '../../db/open-shop.ts';
import { request, stock } from '../../db/shop.ts';

/** What a shopper knows leads to the order. */

const { database, worker, web, ops, sale } = await openShop();
const { admin } = database;
const support = database.as('console', 2);

describe('finding', () => {
  it('takes what a shopper knows: number, request, address with receipt, user, payment', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const one = request();
    const [placed] = await placeOrders(worker, 'hot', sku, [one]);
    const orderNo = placed?.orderNo ?? '';
    await payOrder(web, orderNo, `stripe:pi_${orderNo}`);
    for (const text of [
      ...[orderNo, ` #${orderNo} `, `Order ${orderNo}`, `hot.12.${orderNo}`],
      ...[one.requestId, `https://shop.example/api/v1/requests/${one.requestId}~s.AbC?wait=1`],
      ...[one.userId, `pi_${orderNo}`, `stripe:pi_${orderNo}`],
    ]) {
      const { orders, missing } = await findOrders(ops, text);
      expect([text, orders.map((each) => each.orderNo)]).toEqual([text, [orderNo]]);
      expect(missing).toEqual([]);
    }
    const unknown = randomUUID();
    expect(await findOrders(ops, unknown)).toMatchObject({ orders: [], undecided: unknown });
    expect(await findOrders(ops, 'nobody')).toMatchObject({ orders: [], undecided: undefined });
  });

  it('finds a user whose id looks like the number of an order in a home that the shop does not have', async () => {
    const userId = '1000000004';
    const sku = await stock(ops, sale, { units: 1 });
    const [placed] = await placeOrders(worker, 'hot', sku, [request({ userId })]);
    for (const databases of [ops, support]) {
      const { orders, missing } = await findOrders(databases, userId);
      expect(orders.map(({ orderNo }) => orderNo)).toEqual([placed?.orderNo]);
      expect(missing).toEqual([]);
    }
    // A home that only this process does not know may have such an order.
    await admin.query({
      text: `INSERT INTO catalog.home (name, number, here) VALUES ('hot-1', 4, false)`,
    });
    const found = await findOrders(ops, userId);
    await admin.query({ text: `DELETE FROM catalog.home WHERE name = 'hot-1'` });
    expect(found.orders).toHaveLength(1);
    expect(found.missing).toEqual(['hot-1']);
  });

  it('reads receipts, and takes no part of a longer id for a request', () => {
    const id = randomUUID();
    expect(termsOf(`${id}~sale-1.c2ln.web-2.x`)).toMatchObject({
      requestId: id,
      receipt: { sale: 'sale-1', unknownAt: 'web-2.x' },
    });
    expect(termsOf(`${id}~sale-1.c2ln`).receipt).toEqual({ sale: 'sale-1', unknownAt: null });
    expect(termsOf(`guest-${id}`)).toEqual({
      ...{ text: `guest-${id}`, orderNo: undefined, requestId: undefined, receipt: undefined },
    });
    expect(termsOf(`${id}0`).requestId).toBeUndefined();
  });
});
