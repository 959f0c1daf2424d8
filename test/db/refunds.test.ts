import { describe, expect, it } from 'vitest';
import { cloudEvent } from '../../contracts/events.ts';
import {
  cancelOrder,
  endRefund,
  failRefund,
  oldestRefundDue,
  orderDetails,
  outboxBatch,
  payOrder,
  refusePayment,
  takeRefunds,
} from '../../db/calls.ts';
import { openSession } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';
import { PATIENCE } from './database.ts';
import { openShop } from './open-shop.ts';
import { openSale, order, stock } from './shop.ts';

const { database, worker, web, ops, sale } = await openShop();

/** Another amount than orders cost here. */
const MONEY = { amount: '1500', currency: 'JPY' };

const take = (prefix: string) => takeRefunds(worker, 'hot', prefix, 100);

/** Makes a payment that its order cannot take, and returns its reference. */
async function owed(prefix: string): Promise<string> {
  const orderNo = await order(worker, await stock(ops, sale, { units: 1 }), { userId: 'ann' });
  await cancelOrder(web, orderNo, 'ann');
  const reference = `${prefix}${uniqueName('pi')}`;
  expect(await payOrder(web, orderNo, reference)).toBe('refund_due');
  return reference;
}

async function refundsDue(): Promise<void> {
  await database.admin.query({ text: 'UPDATE hot.refund SET next_try_at = now()' });
}

describe('a payment reference', () => {
  it('pays one order, whichever sale and schema another order with it belongs to', async () => {
    const other = await openSale(ops);
    const mine = await order(worker, await stock(ops, sale, { units: 1 }));
    const same = await order(worker, await stock(ops, other, { units: 1 }));
    const regular = await stock(ops, other, { units: 1, schema: 'regular' });
    const far = await order(worker, regular, {}, 'regular');
    const reference = uniqueName('ref');
    expect(await payOrder(web, mine, reference)).toBe('paid');
    expect(await payOrder(web, same, reference)).toBe('reference_taken');
    expect(await payOrder(web, far, reference)).toBe('reference_taken');
    expect(await refusePayment(web, far, reference, MONEY)).toBe('reference_taken');
    expect(await payOrder(web, mine, reference)).toBe('paid');
  });

  it('pays one of two orders that it is recorded for at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const hot = await order(worker, await stock(ops, sale, { units: 1 }));
      const sku = await stock(ops, sale, { units: 1, schema: 'regular' });
      const regular = await order(worker, sku, {}, 'regular');
      const reference = uniqueName('ref');
      const said = await Promise.all([
        payOrder(web, hot, reference),
        payOrder(web, regular, reference),
      ]);
      expect(said.toSorted()).toEqual(['paid', 'reference_taken']);
    }
  });
});

describe('a payment of another amount', () => {
  it('is recorded as to be refunded, and the order stays unpaid', async () => {
    const orderNo = await order(worker, await stock(ops, sale, { units: 1 }));
    const reference = `wrong:${uniqueName('pi')}`;
    expect(await refusePayment(web, orderNo, reference, MONEY)).toBe('refund_due');
    expect(await refusePayment(web, orderNo, reference, MONEY)).toBe('refund_due');
    expect(await payOrder(web, orderNo, reference)).toBe('refund_due');
    expect(await orderDetails(web, orderNo)).toMatchObject({
      status: 'ordered',
      refund: { status: 'due', amount: '1500', currency: 'JPY', at: null },
    });
    expect(await payOrder(web, orderNo, uniqueName('ref'))).toBe('paid');
    expect(await refusePayment(web, '999999998', 'x', MONEY)).toBe('not_found');
    expect((await take('wrong:')).map(({ paymentRef }) => paymentRef)).toEqual([reference]);
  });
});

describe('a refund', () => {
  it('is taken by one worker at a time, tried again after a failure, and made once', async () => {
    const [first, second] = [await owed('a:'), await owed('a:')];
    await owed('other:');
    const hands = await Promise.all([take('a:'), take('a:'), take('a:')]);
    const taken = hands.flat().map(({ paymentRef }) => paymentRef);
    expect(taken.toSorted()).toEqual([first, second].toSorted());
    expect(await take('a:')).toEqual([]);
    expect(await endRefund(worker, 'hot', first, { error: 'no answer' })).toBe(true);
    expect(await endRefund(worker, 'hot', second, { refundRef: 're_2' })).toBe(true);
    expect(await take('a:')).toEqual([]);
    await refundsDue();
    expect(await take('a:')).toMatchObject([{ paymentRef: first, tries: 2 }]);
    const rows = await ops.home('hot').query({
      text: `SELECT payment_ref, state, tries, refund_ref, last_error FROM hot.refunds
             WHERE payment_ref LIKE 'a:%' ORDER BY state DESC`,
    });
    expect(rows).toEqual([
      { payment_ref: first, state: 'due', tries: 2, refund_ref: null, last_error: 'no answer' },
      { payment_ref: second, state: 'done', tries: 1, refund_ref: 're_2', last_error: null },
    ]);
    await endRefund(worker, 'hot', first, { refundRef: 're_1' });
    await endRefund(worker, 'hot', first, { error: 'too late' });
    await refundsDue();
    expect(await take('a:')).toEqual([]);
  });

  const isDue = async (reference: string) =>
    (await take(reference)).map(({ failedRef }) => failedRef ?? 'none');
  const failed = (reference: string, refundRef: string) =>
    failRefund(web, 'hot', reference, { refundRef, error: 'expired card' });

  it('that fails after it was made is due again, once, and the operator sees why', async () => {
    const reference = await owed('late:');
    await take('late:');
    await endRefund(worker, 'hot', reference, { refundRef: 're_1' });
    expect(await failed(reference, 're_1')).toBe('due');
    expect(await failed(reference, 're_1')).toBe('due');
    expect(await isDue(reference)).toEqual([]);
    const [row] = await ops.home('hot').query({
      text: `SELECT state, refund_ref, last_error, failed_refs FROM hot.refunds
             WHERE payment_ref = $1`,
      values: [reference],
    });
    expect(row).toEqual({
      state: 'due',
      refund_ref: null,
      last_error: 'expired card',
      failed_refs: ['re_1'],
    });
    await refundsDue();
    expect(await isDue(reference)).toEqual(['re_1']);
    await endRefund(worker, 'hot', reference, { refundRef: 're_2' });
    // A repeated or late failure of the first refund: the second one has returned the money.
    expect(await failed(reference, 're_1')).toBe('done');
    await refundsDue();
    expect(await isDue(reference)).toEqual([]);
    expect(await failed(reference, 're_2')).toBe('due');
    await refundsDue();
    expect(await isDue(reference)).toEqual(['re_2']);
    // In the end the operator returned the money by hand.
    await endRefund(ops, 'hot', reference, { refundRef: 'letter 8' });
    expect(await failed(reference, 're_2')).toBe('done');
    await refundsDue();
    expect(await isDue(reference)).toEqual([]);
  });

  it('causes an event when it becomes due, when it is made, and when it is due again', async () => {
    const orderNo = await order(worker, await stock(ops, sale, { units: 1 }));
    const reference = uniqueName('told');
    const money = { amount: '1.234', currency: 'KWD' };
    expect(await refusePayment(web, orderNo, reference, money)).toBe('refund_due');
    await endRefund(worker, 'hot', reference, { error: 'no answer' });
    await endRefund(worker, 'hot', reference, { refundRef: 're_1' });
    await endRefund(worker, 'hot', reference, { refundRef: 're_1' });
    await failed(reference, 're_1');
    await failed(reference, 're_1');
    await endRefund(ops, 'hot', reference, { refundRef: 're_2' });
    const events = (await outboxBatch(worker, 'hot', 'reader', 1_000))
      .filter((event) => event.orderNo === orderNo)
      .map((event) => cloudEvent('hot', event));
    expect(events.map(({ type }) => type)).toEqual([
      'order.placed',
      'order.refund_due',
      'order.refunded',
      'order.refund_due',
      'order.refunded',
    ]);
    expect(events[0]?.data).not.toHaveProperty('refund');
    for (const { data } of events.slice(1)) {
      expect(data).toMatchObject({ orderNo, amount: '9.95', refund: { reference, ...money } });
    }
    expect(await orderDetails(web, orderNo)).toMatchObject({
      refund: { status: 'done', ...money, at: expect.any(Date) },
    });
  });

  it("is not complete with a provider's refund that is known to have failed", async () => {
    const reference = await owed('quick:');
    expect(await failed(reference, 're_1')).toBe('due');
    await endRefund(worker, 'hot', reference, { refundRef: 're_1' });
    await refundsDue();
    expect(await isDue(reference)).toEqual(['re_1']);
    expect(await failed('quick:nobody', 're_1')).toBe('none');
  });

  it('can be recorded by an operator where no worker can make it', async () => {
    const reference = await owed('bank:');
    const waits = async () => {
      const [row] = await ops.home('hot').query<{ count: string }>({
        text: `SELECT count FROM hot.backlog WHERE waiting = 'payments to refund'`,
      });
      return Number(row?.count);
    };
    const before = await waits();
    expect(await endRefund(ops, 'hot', reference, { refundRef: 'letter 7' })).toBe(true);
    expect(await waits()).toBe(before - 1);
    expect(await endRefund(ops, 'hot', 'nothing', { refundRef: 'x' })).toBe(false);
  });
});

describe('many refunds', () => {
  it('cost a call no more than those that it takes, whatever else waits or is done', async () => {
    const session = await openSession(database.url, { applicationName: 'test', ...PATIENCE });
    const rowsRead = async () => {
      const [row] = await session.query<{ rows: string }>({
        text: `SELECT sum(seq_tup_read + idx_tup_fetch) AS rows FROM pg_stat_xact_user_tables
               WHERE schemaname = 'hot' AND relname ~ '^(payment|refund)'`,
      });
      return Number(row?.rows);
    };
    // The audit would miss the orders of these payments.
    await session.run('BEGIN');
    for (const provider of ['stripe', 'byhand', 'done']) {
      await session.query({
        text: `INSERT INTO hot.payment (payment_ref, sale, order_no, result)
               SELECT $1 || ':' || g, $2, g, 'refund_due' FROM generate_series(1, 3000) g`,
        values: [provider, sale],
      });
    }
    await session.run(`UPDATE hot.refund SET state = 'done', refund_ref = 'x'
                       WHERE payment_ref LIKE 'done:%'`);
    await session.run('ANALYZE hot.refund');
    const before = await rowsRead();
    const taken = await session.query({ text: `SELECT FROM hot.take_refunds('stripe:', 10)` });
    expect(taken).toHaveLength(10);
    expect((await rowsRead()) - before).toBeLessThan(200);
    await session.run('ROLLBACK');
    await session.close();
  });
});

describe('the oldest payment to be refunded', () => {
  it('is reported until it was refunded, whichever provider has it', async () => {
    const ages = async (reference: string) => {
      const at = new Date('2020-01-01T00:00:00Z');
      await database.admin.query({
        text: 'UPDATE hot.payment SET received_at = $2 WHERE payment_ref = $1',
        values: [reference, at],
      });
      expect(await oldestRefundDue(worker, 'hot')).toEqual(at);
    };
    for (const prefix of ['stripe:', 'byhand:']) {
      const reference = await owed(uniqueName(prefix));
      await ages(reference);
      await endRefund(ops, 'hot', reference, { error: 'no answer' });
      await ages(reference);
      await endRefund(ops, 'hot', reference, { refundRef: uniqueName('re') });
      const next = await oldestRefundDue(worker, 'hot');
      expect(next?.getUTCFullYear()).not.toBe(2020);
    }
    expect(await oldestRefundDue(worker, 'regular')).toBeUndefined();
  });
});
