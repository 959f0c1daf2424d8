import { describe, expect, it } from 'vitest';
import {
  cancelOrder,
  expireOrders,
  joinWaitlist,
  orderDetails,
  outboxBatch,
  payOrder,
  placeOrders,
  requestOutcomes,
  takeRefunds,
  unitCounts,
  waitlistEntries,
} from '../../db/calls.ts';
import { uniqueName } from '../servers.ts';
import { openShop } from './open-shop.ts';
import { order, request, requests, stock } from './shop.ts';

/** An order of price 0 is paid in the transaction that places it. */

const { database, worker, web, ops, sale } = await openShop();

const give = (units: number, more: object = {}) =>
  stock(ops, sale, { units, price: '0.00', ...more });

async function eventsOf(sku: string): Promise<string[]> {
  const events = await outboxBatch(worker, 'hot', 'reader', 10_000);
  return events
    .filter((event) => event.sku === sku)
    .map(({ kind, orderNo }) => `${orderNo} ${kind}`);
}

const both = (orderNos: readonly (string | null)[]) =>
  orderNos.flatMap((no) => [`${no} placed`, `${no} paid`]).toSorted();

describe('an order of price 0 is paid at once', () => {
  it('when it is placed alone', async () => {
    const sku = await give(2);
    const asked = request();
    const [decision] = await placeOrders(worker, 'hot', sku, [asked], { withTerms: true });
    expect(decision).toMatchObject({
      status: 'ordered',
      amount: '0.00',
      terms: { status: 'paid' },
    });
    expect(await orderDetails(web, decision?.orderNo ?? '')).toMatchObject({ status: 'paid' });
    expect(await requestOutcomes(web, [asked.requestId])).toMatchObject([{ status: 'paid' }]);
    expect(await eventsOf(sku)).toEqual([
      `${decision?.orderNo} placed`,
      `${decision?.orderNo} paid`,
    ]);
  });

  it('when it is placed in a plain batch', async () => {
    const sku = await give(20, { slots: 1 });
    const decisions = await placeOrders(worker, 'hot', sku, requests(5), { withTerms: true });
    expect(new Set(decisions.map(({ terms }) => terms?.status))).toEqual(new Set(['paid']));
    expect((await eventsOf(sku)).toSorted()).toEqual(both(decisions.map(({ orderNo }) => orderNo)));
  });

  it('when it is placed in any other batch, and its units cannot return', async () => {
    const sku = await give(3, { slots: 3, userLimit: 2 });
    const decisions = await placeOrders(worker, 'hot', sku, requests(3, { units: 2 }), {
      wait: true,
    });
    const orders = decisions.filter(({ status }) => status === 'ordered');
    expect(orders).toHaveLength(1);
    expect(decisions.filter(({ status }) => status === 'sold_out')).toMatchObject([
      { reason: 'too_few_left' },
      { reason: 'too_few_left' },
    ]);
    expect((await eventsOf(sku)).toSorted()).toEqual(both(orders.map(({ orderNo }) => orderNo)));
    expect((await unitCounts(worker)).find((row) => row.sku === sku)?.unpaidExists).toBe(false);
  });

  it('when it is placed for a shopper of the waitlist', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const first = await order(worker, sku, { userId: 'ann' });
    const userId = uniqueName('user');
    expect(await joinWaitlist(web, 'hot', { sku, userId, units: 1 })).toBe('waiting');
    await database.admin.query({
      text: 'UPDATE catalog.sku SET price = 0 WHERE sku = $1',
      values: [sku],
    });
    expect(await cancelOrder(web, first, 'ann')).toBe('cancelled');
    const [entry] = await waitlistEntries(web, [{ sku, userId }]);
    expect(entry).toMatchObject({ state: 'served', order: { status: 'paid', amount: '0.00' } });
    expect((await eventsOf(sku)).slice(-3).map((line) => line.split(' ')[1])).toEqual(
      expect.arrayContaining(['placed', 'paid']),
    );
  });
});

it('an order of price 0 does not expire and cannot be cancelled, and its payment needs no refund', async () => {
  const orderNo = await order(worker, await give(1), { userId: 'ann' });
  await database.admin.query({
    text: `UPDATE hot.orders SET pay_before = now() - interval '1 h' WHERE order_no = $1`,
    values: [orderNo],
  });
  expect(await expireOrders(worker, 'hot', 100)).toEqual([]);
  expect(await cancelOrder(web, orderNo, 'ann')).toBe('paid');
  const reference = `free:${uniqueName('pi')}`;
  expect(await payOrder(web, orderNo, reference)).toBe('paid');
  expect(await payOrder(web, orderNo, `${reference}-again`)).toBe('paid');
  expect(await takeRefunds(worker, 'hot', 'free:', 10)).toEqual([]);
});
