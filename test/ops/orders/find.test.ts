import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { payOrder, placeOrders } from '../../../db/calls.ts';
import { findOrders, termsOf } from '../../../ops/orders/find.ts';
import { openShop } from '../../db/open-shop.ts';
import { request, stock } from '../../db/shop.ts';

/** What a shopper knows leads to the order. */

const { worker, web, ops, sale } = await openShop();

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
