import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../db/operations.ts';
import { dropSale } from '../../db/sale-changes.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem, type TestSku } from '../system.ts';
import { until } from '../until.ts';

/**
 * Payments with all processes: late payments and the quota, the answers to late payers, and every
 * currency.
 */

const WEBHOOK_SECRET = `whsec_${randomBytes(32).toString('base64')}`;

describe('a payment', () => {
  let system: System;

  beforeAll(async () => {
    system = await startSystem({
      webNodes: 1,
      environment: { PAYMENT_WEBHOOK_SECRET: WEBHOOK_SECRET },
    });
  });
  afterAll(() => system?.stop());

  const shopper = () => new Shopper(system.url, system.jwtSecret);

  async function ordered(who: Shopper, sale: string, sku: string) {
    const { body } = await who.buy(sale, sku);
    expect(body.status).toBe('ordered');
    return body.order.orderNo as string;
  }

  const orderOf = async (who: Shopper, orderNo: string) =>
    (await who.call('GET', `/api/v1/orders/${orderNo}`)).body;

  /** Places an order and lets it expire. */
  async function expired(who: Shopper, sale: string, sku: string): Promise<string> {
    const orderNo = await ordered(who, sale, sku);
    await system.databases.home('hot').query({
      text: 'UPDATE hot.orders SET pay_before = now() WHERE order_no = $1',
      values: [orderNo],
    });
    const status = async () => (await orderOf(who, orderNo)).status;
    await until('it expires', async () => (await status()) === 'expired');
    return orderNo;
  }

  function paid(order: { orderNo: string; amount: string; currency: string; reference: string }) {
    const payload = JSON.stringify({ type: 'payment.succeeded', data: order });
    const sentAt = new Date();
    return shopper().call('POST', `/api/v1/orders/${order.orderNo}/payment`, payload, {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
      'webhook-signature': new Webhook(WEBHOOK_SECRET).sign('msg_1', sentAt, payload),
    });
  }

  const paidIn = (orderNo: string, amount: string, currency = 'EUR') =>
    paid({ orderNo, amount, currency, reference: `ref-${orderNo}` });

  let skus = 0;
  async function onSale(plan: Omit<TestSku, 'sku'>) {
    skus += 1;
    const sku = `Money${skus}`;
    return { sku, sale: await system.createSale([{ sku, ...plan }]) };
  }

  it('that is late takes the last unit of the quota, which then nobody else gets', async () => {
    const { sale, sku } = await onSale({ units: 2, quota: 1 });
    const late = shopper();
    const orderNo = await expired(late, sale, sku);
    expect((await paidIn(orderNo, '9.90')).body).toEqual({ orderNo, status: 'paid' });
    expect((await orderOf(late, orderNo)).status).toBe('paid');
    const others = await Promise.all([1, 2, 3, 4].map(() => shopper().press(sale, sku)));
    expect(new Set(others.map(({ body }) => body.verdict))).toEqual(new Set(['quota_spent']));
  });

  it('that is too late is refunded, and its payer is told so wherever the order is shown', async () => {
    const { sale, sku } = await onSale({ units: 2, quota: 1 });
    const [late, quick] = [shopper(), shopper()];
    const orderNo = await expired(late, sale, sku);
    const won = await ordered(quick, sale, sku);
    expect((await paidIn(won, '9.90')).body.status).toBe('paid');
    const refund = { status: 'due', amount: '9.90' };
    const answer = { orderNo, status: 'refund_due', refund };
    expect((await paidIn(orderNo, '9.90')).body).toEqual(answer);
    expect((await paidIn(orderNo, '9.90')).body).toEqual(answer);
    const order = await orderOf(late, orderNo);
    expect(order).toMatchObject({ status: 'expired', refund });
    const told = async () => {
      const list = await late.call('GET', '/api/v1/orders');
      const request = await late.call('GET', `/api/v1/requests/${order.requestId}?wait=1`);
      return [list.body.orders[0].refund, request.body.order.refund, request.body.status];
    };
    expect(await told()).toEqual([refund, refund, 'expired']);

    await system.databases.home('hot').query({
      text: 'SELECT hot.end_refund($1, $2, NULL)',
      values: [`ref-${orderNo}`, 'letter 7'],
    });
    const done = { ...refund, status: 'done', at: expect.stringMatching(/Z$/) };
    await until('the first page is read again', async () => (await told())[0]?.status === 'done');
    expect(await told()).toEqual([done, done, 'expired']);
    expect(await orderOf(late, orderNo)).toMatchObject({ status: 'expired', refund: done });
  });

  it('that is late for a SKU that operators have closed is refunded', async () => {
    const { sale, sku } = await onSale({ units: 2 });
    const orderNo = await expired(shopper(), sale, sku);
    await system.set(system.paths.sku(sku).state, 'closed');
    await until('the keeper has told the database', async () => {
      const [row] = await system.databases.home('hot').query<{ line_open: boolean }>({
        text: 'SELECT line_open FROM catalog.sku WHERE sku = $1',
        values: [sku],
      });
      return row?.line_open === false;
    });
    expect((await paidIn(orderNo, '9.90')).body.status).toBe('refund_due');
  });

  it('that was booked is known when its callback is repeated after the sale was dropped', async () => {
    const { sale, sku } = await onSale({ units: 1 });
    const orderNo = await ordered(shopper(), sale, sku);
    expect((await paidIn(orderNo, '9.90')).body.status).toBe('paid');
    const hot = system.databases.home('hot');
    await hot.query({
      text: `UPDATE catalog.sale SET opens_at = now() - interval '3 h', closes_at = now() - interval '1 h'
             WHERE sale = $1`,
      values: [sale],
    });
    await until('no event waits', async () => {
      const text = 'SELECT FROM hot.outbox x WHERE x.sale = $1';
      return (await hot.query({ text, values: [sale] })).length === 0;
    });
    await dropSale(system.databases, sale);
    const { status, body } = await paidIn(orderNo, '9.90');
    expect([status, body]).toEqual([200, { status: 'ignored', reason: 'sale_dropped' }]);
    const other = { orderNo, amount: '9.90', currency: 'EUR', reference: 'never-booked' };
    expect((await paid(other)).status).toBe(404);
  });

  it.each([
    ['KWD', '1.23', '1.230', '1.23'],
    ['KWD', '4.5', '4.500', '4.5000'],
    ['JPY', '980.00', '980', '980.00'],
    ['VND', '49999999', '49999999', '49999999'],
  ])(
    'in %s has the digits of its currency: %s is shown as %s, and may be paid as %s',
    async (currency, price, told, said) => {
      const { sale, sku } = await onSale({ units: 2, price, currency });
      const who = shopper();
      const board = (await who.call('GET', `/api/v1/sales/${sale}`)).body;
      expect(board.skus[0]).toMatchObject({ price: told, currency });
      const { body } = await who.buy(sale, sku);
      expect(body.order).toMatchObject({ amount: told, currency });
      const { orderNo } = body.order;
      expect(await orderOf(who, orderNo)).toMatchObject({ amount: told, currency });
      expect((await paidIn(orderNo, `${told}1`.replace('.', ''), currency)).status).toBe(400);
      expect((await paidIn(orderNo, said, currency)).body).toEqual({ orderNo, status: 'paid' });
    },
  );

  it('is not asked for an order of price 0, which is paid at once', async () => {
    const { sale, sku } = await onSale({ units: 1, price: '0.00' });
    const who = shopper();
    const { body } = await who.buy(sale, sku);
    expect(body).toMatchObject({ status: 'paid', order: { status: 'paid', amount: '0.00' } });
    const { orderNo } = body.order;
    expect((await who.call('POST', `/api/v1/orders/${orderNo}/checkout`)).status).toBe(409);
    expect((await who.call('POST', `/api/v1/orders/${orderNo}/cancel`)).status).toBe(409);
    expect((await who.call('POST', `/api/v1/demo/orders/${orderNo}/pay`)).body.status).toBe('paid');
    expect(await orderOf(who, orderNo)).not.toHaveProperty('refund');
    await until('it is sold out', async () => {
      const { skus: rows } = (await who.call('GET', `/api/v1/sales/${sale}`)).body;
      return rows[0].availability === 'sold_out';
    });
  });

  it('leaves the books right', async () => {
    expect(await audit(system.databases)).toEqual([]);
  });
});
