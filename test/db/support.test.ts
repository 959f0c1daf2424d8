import { describe, expect, it } from 'vitest';
import {
  actionsOn,
  cancelForShopper,
  cancelOrder,
  endRefund,
  expireOrders,
  joinWaitlist,
  moveSku,
  oldestRefundDue,
  orderDetails,
  orderPayments,
  outboxBatch,
  payOrder,
  refundOrder,
  requestOutcomes,
  takeRefunds,
  unitCounts,
  userOrders,
  waitlistEntries,
} from '../../db/calls.ts';
import { uniqueName } from '../servers.ts';
import { openShop } from './open-shop.ts';
import { byNode, order, stock } from './shop.ts';

/** The shop ends orders by hand. The books must balance afterwards, which `openShop` checks. */

const { database, worker, web, ops, sale } = await openShop();

const DOER = { by: 'sue@support', reason: 'The shopper called' };

const free = async (sku: string) =>
  (await unitCounts(worker)).find((count) => count.sku === sku)?.free;

/** An order that is paid, its payment and its SKU. */
async function paidOrder(fields: { readonly units?: number; readonly price?: string } = {}) {
  const { units = 3, price = '9.95' } = fields;
  const sku = await stock(ops, sale, { units, price });
  const userId = uniqueName('user');
  const orderNo = await order(worker, sku, { userId });
  const reference = `shop:${uniqueName('pi')}`;
  expect(await payOrder(web, orderNo, reference)).toBe('paid');
  return { sku, userId, orderNo, reference };
}

async function eventsOf(orderNo: string): Promise<string[]> {
  const events = await outboxBatch(worker, 'hot', 'reader', 10_000);
  return events.filter((event) => event.orderNo === orderNo).map(({ kind }) => kind);
}

describe('a paid order that the shop refunds', () => {
  it('is cancelled, gives its units back, and its payment goes back once', async () => {
    const { sku, userId, orderNo, reference } = await paidOrder();
    expect(await free(sku)).toBe(2);
    const said = await Promise.all([1, 2, 3].map(() => refundOrder(ops, orderNo, DOER)));
    expect(said).toEqual(['refund_due', 'refund_due', 'refund_due']);
    expect(await free(sku)).toBe(3);
    const due = { status: 'due', amount: '9.95', currency: 'EUR', at: null };
    const ended = { status: 'cancelled', reason: 'by_shop', refund: due };
    expect(await orderDetails(web, orderNo)).toMatchObject(ended);
    expect((await userOrders(web, userId)).orders).toMatchObject([ended]);
    const [outcome] = await requestOutcomes(web, [
      (await orderDetails(web, orderNo))?.requestId ?? '',
    ]);
    expect(outcome).toMatchObject(ended);
    expect(await eventsOf(orderNo)).toEqual(['placed', 'paid', 'cancelled', 'refund_due']);
    const taken = (await takeRefunds(worker, 'hot', reference, 10)).map((one) => one.paymentRef);
    expect(taken).toEqual([reference]);
    await endRefund(worker, 'hot', reference, { refundRef: 're_1' });
    expect(await refundOrder(ops, orderNo, DOER)).toBe('refund_due');
    expect(await orderDetails(web, orderNo)).toMatchObject({ refund: { status: 'done' } });
    expect(await orderPayments(ops, orderNo)).toMatchObject([
      { paymentRef: reference, result: 'refund_due', refund: { state: 'done', refundRef: 're_1' } },
    ]);
    // The shopper may buy again, and the provider may call again.
    expect(await payOrder(web, orderNo, reference)).toBe('refund_due');
    await order(worker, sku, { userId });
    expect((await actionsOn(ops, { target: orderNo })).rows).toMatchObject([
      { ...DOER, action: 'refund', sale, details: { amount: '9.95', currency: 'EUR' } },
    ]);
  });

  it('that cost nothing is cancelled without a refund', async () => {
    const sku = await stock(ops, sale, { units: 1, price: '0' });
    const orderNo = await order(worker, sku);
    expect(await refundOrder(ops, orderNo, DOER)).toBe('cancelled');
    expect(await refundOrder(ops, orderNo, DOER)).toBe('cancelled');
    expect(await orderDetails(web, orderNo)).toMatchObject({ status: 'cancelled', refund: null });
    expect(await free(sku)).toBe(1);
  });

  it('that had expired before it was paid keeps all of its events', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const orderNo = await order(worker, sku);
    await database.admin.query({
      text: `UPDATE hot.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
      values: [orderNo],
    });
    await expireOrders(worker, 'hot', 100);
    expect(await payOrder(web, orderNo, `late:${orderNo}`, byNode)).toBe('paid');
    expect(await refundOrder(ops, orderNo, DOER)).toBe('refund_due');
    const kinds = ['placed', 'expired', 'paid', 'cancelled', 'refund_due'];
    expect(await eventsOf(orderNo)).toEqual(kinds);
  });

  it('waits for its refund since the shop ended it, not since it was paid', async () => {
    const { orderNo, reference } = await paidOrder();
    await database.admin.query({
      text: `UPDATE hot.payment SET received_at = '2020-01-01' WHERE payment_ref = $1`,
      values: [reference],
    });
    await refundOrder(ops, orderNo, DOER);
    expect((await oldestRefundDue(worker, 'hot'))?.getUTCFullYear()).not.toBe(2020);
  });

  it('gives its units to the waitlist first', async () => {
    const { sku, orderNo } = await paidOrder({ units: 1 });
    const place = { sku, userId: uniqueName('waiter'), units: 1 };
    expect(await joinWaitlist(web, 'hot', place)).toBe('waiting');
    await refundOrder(ops, orderNo, DOER);
    expect(await waitlistEntries(web, [place])).toMatchObject([
      { state: 'served', order: { status: 'ordered', reason: null } },
    ]);
    expect(await free(sku)).toBe(0);
  });

  it('gives its units to the schema where the SKU lives now', async () => {
    const { sku, orderNo, userId } = await paidOrder({ units: 2 });
    await moveSku(ops, 'regular', sku);
    expect(await refundOrder(ops, orderNo, DOER)).toBe('refund_due');
    expect(await free(sku)).toBe(2);
    await order(worker, sku, { userId }, 'regular');
  });

  it('is left alone if it is not paid', async () => {
    const sku = await stock(ops, sale, { units: 2 });
    const unpaid = await order(worker, sku, { userId: 'ann' });
    expect(await refundOrder(ops, unpaid, DOER)).toBe('ordered');
    expect(await cancelOrder(web, unpaid, 'ann')).toBe('cancelled');
    expect(await refundOrder(ops, unpaid, DOER)).toBe('cancelled');
    expect(await orderDetails(web, unpaid)).toMatchObject({ reason: null });
    expect(await refundOrder(ops, '999999998', DOER)).toBe('not_found');
    expect((await actionsOn(ops, { target: unpaid })).rows).toEqual([]);
  });
});

describe('an unpaid order that the shop cancels', () => {
  it('is ended for its shopper, who sees why, and a payment that comes later goes back', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const orderNo = await order(worker, sku);
    expect(await cancelForShopper(ops, orderNo, DOER)).toBe('cancelled');
    expect(await cancelForShopper(ops, orderNo, DOER)).toBe('cancelled');
    expect(await orderDetails(web, orderNo)).toMatchObject({
      status: 'cancelled',
      reason: 'by_shop',
      refund: null,
    });
    expect(await free(sku)).toBe(1);
    expect(await payOrder(web, orderNo, `p:${orderNo}`, byNode)).toBe('refund_due');
    expect(await eventsOf(orderNo)).toEqual(['placed', 'cancelled', 'refund_due']);
    expect((await actionsOn(ops, { target: orderNo })).rows).toMatchObject([
      { ...DOER, action: 'cancel' },
    ]);
  });

  it('is left alone if it is paid, and nothing is done without a name and a reason', async () => {
    const { orderNo } = await paidOrder();
    expect(await cancelForShopper(ops, orderNo, DOER)).toBe('paid');
    expect(await cancelForShopper(ops, '999999998', DOER)).toBe('not_found');
    const nameless = refundOrder(ops, orderNo, { by: '', reason: 'x' });
    await expect(nameless).rejects.toMatchObject({ sqlstate: '23514' });
    const silent = refundOrder(ops, orderNo, { by: 'sue', reason: '' });
    await expect(silent).rejects.toMatchObject({ sqlstate: '23514' });
    expect(await orderDetails(web, orderNo)).toMatchObject({ status: 'paid' });
  });

  it('ends as one thing, whatever shopper, provider and support do at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const sku = await stock(ops, sale, { units: 1 });
      const orderNo = await order(worker, sku, { userId: 'ann' });
      await Promise.all([
        payOrder(web, orderNo, `r:${orderNo}`),
        cancelForShopper(ops, orderNo, DOER),
        refundOrder(ops, orderNo, DOER),
        cancelOrder(web, orderNo, 'ann'),
      ]);
      await refundOrder(ops, orderNo, DOER);
      await cancelForShopper(ops, orderNo, DOER);
      expect(await orderDetails(web, orderNo)).toMatchObject({
        status: 'cancelled',
        refund: { status: 'due' },
      });
      expect(await free(sku)).toBe(1);
    }
  });
});

describe('the audit of orders that the shop ended', () => {
  it.each([
    ['a refunded order that was never paid', 'UPDATE hot.orders SET was_paid = false', 'books'],
    ['a refund without its payment', 'DELETE FROM hot.payment', 'books'],
    ['a payment that is not to go back', 'UPDATE hot.payment SET due_at = NULL', 'books'],
    ['a missing event', `DELETE FROM hot.outbox WHERE kind = 'paid'`, 'one_event'],
    ['a missing refund event', `DELETE FROM hot.outbox WHERE kind = 'refund_due'`, 'one_event'],
  ])('finds %s', async (_what, damage, promise) => {
    const { orderNo } = await paidOrder();
    await refundOrder(ops, orderNo, DOER);
    // One statement, so that the damage is undone with it.
    const where = damage.includes('WHERE')
      ? ` AND ${orderNo} = ANY (order_nos)`
      : ` WHERE order_no = ${orderNo}`;
    const text = `DO $$
      DECLARE v_found text;
      BEGIN
        ${damage}${where};
        SELECT string_agg(DISTINCT a.promise, ',') INTO v_found FROM hot.audit() a;
        RAISE EXCEPTION 'found %', v_found;
      END $$`;
    const found = database.admin.query({ text });
    await expect(found).rejects.toThrow(new RegExp(`found .*${promise}`));
  });
});
