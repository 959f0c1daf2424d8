import { describe, expect, it } from 'vitest';
import {
  cancelOrder,
  createSale,
  createSku,
  expireOrders,
  leaveOutbox,
  orderDetails,
  outboxBatch,
  outboxDone,
  payOrder,
  placeOrders,
  requestOutcomes,
  restock,
  saleBoard,
  setSlots,
  ticketKey,
  unitCounts,
  userOrders,
} from '../../db/calls.ts';
import { uniqueName } from '../servers.ts';
import { openShop } from './open-shop.ts';
import { byNode, openSale, order, request, stock } from './shop.ts';

const { database, worker, web, ops, sale } = await openShop();

async function free(sku: string): Promise<number | undefined> {
  return (await unitCounts(worker)).find((count) => count.sku === sku)?.free;
}

/** Sets the payment deadline of the order to the past. */
async function overdue(orderNo: string): Promise<void> {
  await database.admin.query({
    text: `UPDATE hot.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
    values: [orderNo],
  });
}

async function expired(sku: string, fields = {}): Promise<string> {
  const orderNo = await order(worker, sku, fields);
  await overdue(orderNo);
  await expireOrders(worker, 'hot', 100);
  return orderNo;
}

describe('a payment', () => {
  it('is idempotent by its reference, and a second reference is to be refunded', async () => {
    const sku = await stock(ops, sale, { units: 2 });
    const [mine, theirs] = [await order(worker, sku), await order(worker, sku)];
    expect(await payOrder(web, mine, `a-${mine}`)).toBe('paid');
    expect(await payOrder(web, mine, `a-${mine}`)).toBe('paid');
    expect(await payOrder(web, mine, `b-${mine}`)).toBe('refund_due');
    expect(await payOrder(web, mine, `b-${mine}`)).toBe('refund_due');
    expect(await payOrder(web, theirs, `a-${mine}`)).toBe('reference_taken');
    expect(await payOrder(web, '999999998', 'c')).toBe('not_found');
    expect(await orderDetails(web, mine)).toMatchObject({
      status: 'paid',
      refund: { status: 'due', amount: '9.95', currency: 'EUR', at: null },
    });
    expect(await orderDetails(web, theirs)).toMatchObject({ status: 'ordered', refund: null });
  });

  it('of an expired order takes a free unit again, if there is one', async () => {
    const sku = await stock(ops, sale, { units: 3, slots: 3, userLimit: 2 });
    const late = await expired(sku, { units: 2 });
    expect(await free(sku)).toBe(3);
    expect(await payOrder(web, late, `late-${late}`, byNode)).toBe('paid');
    expect(await orderDetails(web, late)).toMatchObject({ status: 'paid', refund: null });
    expect(await free(sku)).toBe(1);
  });

  it('is to be refunded when no unit is left, the limit has no room, or the order was cancelled', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const late = await expired(sku, { userId: 'late' });
    const taken = await order(worker, sku, { userId: 'quick' });
    expect(await payOrder(web, late, `l-${late}`, byNode)).toBe('refund_due');
    expect(await cancelOrder(web, taken, 'quick')).toBe('cancelled');
    expect(await payOrder(web, taken, `t-${taken}`, byNode)).toBe('refund_due');

    const roomy = await stock(ops, sale, { units: 5 });
    const first = await expired(roomy, { userId: 'one' });
    await order(worker, roomy, { userId: 'one' });
    expect(await payOrder(web, first, `f-${first}`, byNode)).toBe('refund_due');
    expect(await free(roomy)).toBe(4);
  });
});

describe('a cancellation', () => {
  it('is allowed for the owner of an unpaid order, and is idempotent', async () => {
    const sku = await stock(ops, sale, { units: 2 });
    const orderNo = await order(worker, sku, { userId: 'ann' });
    expect(await cancelOrder(web, orderNo, 'ben')).toBe('not_found');
    expect(await cancelOrder(web, orderNo, 'ann')).toBe('cancelled');
    expect(await cancelOrder(web, orderNo, 'ann')).toBe('cancelled');
    expect(await free(sku)).toBe(2);

    const paid = await order(worker, sku, { userId: 'ann' });
    await payOrder(web, paid, `p-${paid}`);
    expect(await cancelOrder(web, paid, 'ann')).toBe('paid');
    expect(await cancelOrder(web, await expired(sku, { userId: 'cem' }), 'cem')).toBe('expired');
    expect(await free(sku)).toBe(1);
  });
});

describe('the expiry of orders', () => {
  it('ends only overdue orders, in batches, and makes their units available again', async () => {
    const sku = await stock(ops, sale, { units: 3 });
    const orders = [];
    for (let n = 0; n < 3; n += 1) orders.push(await order(worker, sku));
    expect(await expireOrders(worker, 'hot', 10)).toEqual([]);
    await Promise.all(orders.slice(0, 2).map(overdue));
    expect(await expireOrders(worker, 'hot', 1)).toEqual([{ sku, orders: 1, units: 1 }]);
    expect(await expireOrders(worker, 'hot', 10)).toEqual([{ sku, orders: 1, units: 1 }]);
    expect(await free(sku)).toBe(2);
    await order(worker, sku);
  });

  it('skips orders that another session has locked', async () => {
    const sku = await stock(ops, sale, { units: 40, slots: 4 });
    const orders = [];
    for (let n = 0; n < 40; n += 1) orders.push(await order(worker, sku));
    await Promise.all(orders.map(overdue));
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => expireOrders(worker, 'hot', 10)),
    );
    const units = runs.flat().reduce((sum, row) => sum + row.units, 0);
    const rest = await expireOrders(worker, 'hot', 100);
    expect(units + rest.reduce((sum, row) => sum + row.units, 0)).toBe(40);
    expect(await free(sku)).toBe(40);
  });
});

describe('stock', () => {
  it('is spread evenly over the slots when it is restocked', async () => {
    const sku = await stock(ops, sale, { units: 1, slots: 3 });
    expect(await restock(ops, 'hot', sku, 7)).toBe(8);
    expect(await free(sku)).toBe(8);
    await expect(restock(ops, 'hot', sku, 0)).rejects.toMatchObject({ sqlstate: 'FS001' });
    await expect(restock(ops, 'regular', sku, 1)).rejects.toMatchObject({ sqlstate: 'FS002' });
  });

  it('keeps every unit when the number of slots grows or shrinks', async () => {
    const sku = await stock(ops, sale, { units: 10, slots: 4 });
    await order(worker, sku);
    const more = await setSlots(ops, 'hot', sku, 6);
    expect(more.map(({ remaining }) => remaining)).toEqual([2, 2, 2, 1, 1, 1]);
    expect(await setSlots(ops, 'hot', sku, 1)).toEqual([{ slot: 1, remaining: 9 }]);
    await expect(setSlots(ops, 'hot', sku, 0)).rejects.toMatchObject({ sqlstate: 'FS001' });
  });
});

describe('the data that a shopper sees', () => {
  it('follows a request from the order to its end, over both schemas', async () => {
    const skus = {
      hot: await stock(ops, sale, { units: 1 }),
      regular: await stock(ops, sale, { units: 1, schema: 'regular' }),
    };
    const userId = uniqueName('user');
    const asked = { hot: request({ userId }), regular: request({ userId }) };
    for (const schema of ['regular', 'hot'] as const) {
      await placeOrders(worker, schema, skus[schema], [asked[schema]]);
    }
    const { orders } = await userOrders(web, userId);
    expect(orders.map(({ sku }) => sku)).toEqual([skus.hot, skus.regular]);
    expect(orders[0]).toMatchObject({ amount: '9.95', currency: 'EUR', units: 1, userId });
    const [first] = orders;
    const page = await userOrders(web, userId, { limit: 1 });
    expect(page.orders).toEqual([first]);
    const rest = await userOrders(web, userId, { after: page.next });
    expect(rest.orders.map(({ sku }) => sku)).toEqual([skus.regular]);
    expect(rest.next).toBeUndefined();

    await payOrder(web, orders[1]?.orderNo ?? '', uniqueName('ref'));
    await cancelOrder(web, first?.orderNo ?? '', userId);
    const outcomes = await requestOutcomes(web, [asked.hot.requestId, asked.regular.requestId]);
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['paid', 'cancelled']));
  });

  it('includes a board of sales and stock', async () => {
    const sku = await stock(ops, sale, { units: 2, userLimit: 2 });
    await order(worker, sku);
    const board = await saleBoard(web);
    const shown = board.sales.find((entry) => entry.sale === sale);
    expect(shown).toMatchObject({ title: 'A sale', payWindowSeconds: 900 });
    expect(shown?.skus.find((entry) => entry.sku === sku)).toMatchObject({
      schema: 'hot',
      price: '9.95',
      userLimit: 2,
      unitsTotal: 2,
      free: 1,
      unpaidExists: true,
      state: 'open',
    });
    expect(Math.abs(board.serverTime.getTime() - Date.now())).toBeLessThan(60_000);
  });

  it('includes no ticket key before the sale opens, and one key for everybody afterwards', async () => {
    const later = await openSale(ops, { opensInMs: 60_000 });
    expect(await ticketKey(web, later)).toBeUndefined();
    const [row] = await database.admin.query<{ keys: number }>({
      text: 'SELECT count(*)::int AS keys FROM catalog.ticket_key WHERE sale = $1',
      values: [later],
    });
    expect(row).toEqual({ keys: 0 });
    const keys = await Promise.all([ticketKey(web, sale), ticketKey(web, sale)]);
    expect(keys[0]).toHaveLength(32);
    expect(keys[1]).toEqual(keys[0]);
    expect(await ticketKey(web, 'nothing')).toBeUndefined();
  });
});

describe('the catalogue', () => {
  it('accepts the same sale and SKU again, and refuses other values', async () => {
    const now = Date.now();
    const values = {
      sale: uniqueName('sale'),
      title: 'Twice',
      opensAt: new Date(now),
      closesAt: new Date(now + 1_000),
      payWindowSeconds: 1.5,
    };
    expect(await createSale(ops, values)).toBe(true);
    expect(await createSale(ops, values)).toBe(false);
    const changed = createSale(ops, { ...values, title: 'Changed' });
    await expect(changed).rejects.toMatchObject({ sqlstate: 'FS003', kind: 'refused' });
    const sku = {
      sku: uniqueName('sku'),
      sale: values.sale,
      schema: 'regular',
      title: 'A thing',
      price: '1.00',
      currency: 'EUR',
      userLimit: 1,
      units: 3,
    } as const;
    expect(await createSku(ops, sku)).toBe(true);
    expect(await createSku(ops, sku)).toBe(false);
    const cheaper = createSku(ops, { ...sku, price: '0.50' });
    await expect(cheaper).rejects.toMatchObject({ sqlstate: 'FS003' });
    const lost = createSku(ops, { ...sku, sale: 'nothing' });
    await expect(lost).rejects.toMatchObject({ sqlstate: 'FS002' });
  });

  it.each(['', 'a b', '-x', 'x'.repeat(41), 'ä', '"; DROP'])(
    'refuses the name %j',
    async (name) => {
      const [opensAt, closesAt] = [new Date(0), new Date(1)];
      const sale = { sale: name, title: 'x', opensAt, closesAt, payWindowSeconds: 1 };
      await expect(createSale(ops, sale)).rejects.toMatchObject({ sqlstate: '23514' });
    },
  );
});

describe('the outbox', () => {
  const clear = async () => {
    const old = await outboxBatch(worker, 'hot', 'a', 1_000);
    await outboxDone(worker, 'hot', [...new Set(old.map(({ eventNo }) => eventNo))]);
  };

  it('delivers each event until it is reported done, to one relay at a time', async () => {
    await clear(); // Removes the events of earlier tests.
    const sku = await stock(ops, sale, { units: 2 });
    const orderNo = await order(worker, sku);
    await payOrder(web, orderNo, `o-${orderNo}`);
    const taken = await outboxBatch(worker, 'hot', 'a', 10);
    expect(taken.map(({ kind, orderNo: no }) => [kind, no])).toEqual([
      ['placed', orderNo],
      ['paid', orderNo],
    ]);
    expect(await outboxBatch(worker, 'hot', 'b', 10)).toEqual([]);
    // The lease of a worker that died has ended.
    await database.admin.query({ text: 'UPDATE hot.outbox_relay SET leased_until = now()' });
    const again = await outboxBatch(worker, 'hot', 'b', 10);
    expect(again).toEqual(taken);
    expect(await outboxBatch(worker, 'hot', 'a', 10)).toEqual([]);
    const eventNos = again.map(({ eventNo }) => eventNo);
    expect(await outboxDone(worker, 'hot', eventNos)).toBe(2);
    // The first worker was not dead. The events that it had taken are reported already.
    expect(await outboxDone(worker, 'hot', eventNos)).toBe(0);
    const logged = await database.admin.query({
      text: `SELECT e.kind, e.order_nos::text[], e.event_no::text FROM hot.event e
             WHERE e.sku = $1 ORDER BY e.log_no`,
      values: [sku],
    });
    expect(logged).toEqual([
      { kind: 'placed', order_nos: [orderNo], event_no: eventNos[0] },
      { kind: 'paid', order_nos: [orderNo], event_no: eventNos[1] },
    ]);
    await leaveOutbox(worker, 'hot', 'b');
    await order(worker, sku);
    expect(await outboxBatch(worker, 'hot', 'a', 10)).toHaveLength(1);
    await clear();
  });
});
