import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installation } from '../../db/calls.ts';
import { audit } from '../../db/operations.ts';
import { dropSale } from '../../db/sale-changes.ts';
import { until } from '../until.ts';
import { openStripeShop, type StripeShop } from './stripe-shop.ts';

/**
 * Payments whose order does not exist, is another one, or was placed before sessions had an
 * identity.
 */

let shop: StripeShop;

beforeAll(async () => {
  shop = await openStripeShop({ webNodes: 1 });
});
afterAll(() => shop?.close());

const payments = async (intent: string) =>
  shop.system.databases.home('hot').query({
    text: 'SELECT result FROM hot.payment WHERE payment_ref = $1',
    values: [`stripe:${intent}`],
  });

const refundsOf = (intent: string) =>
  shop.double.calls.filter(
    ({ path, fields }) => path === '/v1/refunds' && fields.get('payment_intent') === intent,
  );

/** How many paid sessions the web node has ignored for this reason. */
async function strays(reason: string): Promise<number> {
  const text = await shop.system.metrics('web-1');
  const line = new RegExp(
    `^flashsale_stray_payments_total\\{.*?reason="${reason}".*?\\} (\\d+)`,
    'gm',
  );
  return [...text.matchAll(line)].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Closes the sale an hour ago, and waits until all its events are published. */
async function over(sale: string): Promise<void> {
  const hot = shop.system.databases.home('hot');
  await hot.query({
    text: `UPDATE catalog.sale SET opens_at = now() - interval '3 h', closes_at = now() - interval '1 h'
           WHERE sale = $1`,
    values: [sale],
  });
  await until('no event waits', async () => {
    const text = 'SELECT FROM hot.outbox x WHERE x.sale = $1';
    return (await hot.query({ text, values: [sale] })).length === 0;
  });
}

it('the session of an order that a restored database has lost never pays the next order with its number', async () => {
  const ben = shop.shopper();
  const orderNo = await shop.ordered(ben, await shop.onSale(1));
  await shop.checkout(ben, orderNo);
  const [session] = shop.double.sessionsOf(orderNo);
  expect(session?.metadata['flashsale_request']).toMatch(/^[0-9a-f-]{36}$/);
  const before = await strays('other_order');
  const ours = await installation(shop.system.databases, 'hot');
  for (const requestId of [randomUUID(), undefined]) {
    const intent = shop.intentOf(`lost_${requestId}`);
    const facts = { installation: ours, orderNo, session: 'cs_lost', intent };
    const lost = { ...facts, ...(requestId !== undefined && { requestId }) };
    // Also when Stripe repeats it.
    for (const _time of [1, 2]) {
      const { status, body } = await shop.anyoneSays(lost);
      expect([status, body]).toEqual([200, { status: 'refunded', reason: 'other_order' }]);
    }
    expect(shop.double.refunded.has(intent)).toBe(true);
    expect(await payments(intent)).toEqual([]);
  }
  expect(await shop.stateOf(ben, orderNo)).toBe('ordered');
  expect((await strays('other_order')) - before).toBe(4);
  expect((await shop.stripeSays({ orderNo, intent: shop.intentOf('ben') })).body.status).toBe(
    'paid',
  );
});

it('a payment for an unknown order is refunded at once, unless it is old', async () => {
  const gone = { orderNo: '999999998', intent: shop.intentOf('gone') };
  expect((await shop.stripeSays(gone)).body).toEqual({
    status: 'refunded',
    reason: 'no_such_order',
  });
  expect(refundsOf(gone.intent)).toHaveLength(1);
  // If the event was sent again by hand, the order may have been paid and delivered before its sale
  // was dropped.
  const old = { ...gone, intent: shop.intentOf('old'), ageS: 4 * 86_400 };
  expect((await shop.stripeSays(old)).body).toEqual({
    status: 'ignored',
    reason: 'no_such_order',
  });
  expect(refundsOf(old.intent)).toEqual([]);
  expect(await strays('no_such_order')).toBe(2);
});

it('a payment that was booked is not refunded when Stripe repeats its event after the sale was dropped', async () => {
  const ann = shop.shopper();
  const { sku, sale } = await shop.onSale(2);
  const orderNo = await shop.ordered(ann, { sku, sale });
  const requestId = (await ann.call('GET', `/api/v1/orders/${orderNo}`)).body.requestId;
  const event = { orderNo, requestId, intent: shop.intentOf('delivered') };
  expect((await shop.stripeSays(event)).body).toEqual({ orderNo, status: 'paid' });
  await over(sale);
  await dropSale(shop.system.databases, sale);
  for (const ageS of [0, 3_600, 4 * 86_400]) {
    const { status, body } = await shop.stripeSays({ ...event, ageS });
    expect([status, body]).toEqual([200, { status: 'ignored', reason: 'sale_dropped' }]);
  }
  expect(refundsOf(event.intent)).toEqual([]);
  // A second payment of the order was never booked, so it goes back.
  const second = { ...event, intent: shop.intentOf('second') };
  expect((await shop.stripeSays(second)).body.status).toBe('refunded');
});

it('a payment whose reference pays another order is counted, because nobody books it', async () => {
  const place = await shop.onSale(2);
  const [orderNo, other] = [
    await shop.ordered(shop.shopper(), place),
    await shop.ordered(shop.shopper(), place),
  ];
  const intent = shop.intentOf('once');
  const before = await strays('reference_taken');
  expect((await shop.stripeSays({ orderNo, intent })).body.status).toBe('paid');
  expect((await shop.stripeSays({ orderNo: other, intent })).body).toEqual({
    orderNo: other,
    status: 'reference_taken',
  });
  expect((await strays('reference_taken')) - before).toBe(1);
});

it('news of orders in a home that only another shop has are taken, so Stripe does not ask for ever', async () => {
  // The number is one of hot-1.
  const theirs = {
    orderNo: '1000000004',
    requestId: randomUUID(),
    intent: shop.intentOf('theirs'),
  };
  const foreign = { ...theirs, installation: randomUUID() };
  const over = { ...foreign, type: 'checkout.session.expired' };
  const before = await strays('other_installation');
  for (const said of [foreign, over]) {
    const { status, body } = await shop.anyoneSays(said);
    expect([status, body]).toEqual([200, { status: 'ignored', reason: 'other_installation' }]);
  }
  expect((await shop.anyoneSays(theirs)).body.reason).toBe('no_installation');
  expect((await strays('other_installation')) - before).toBe(1);
  // A home of this shop that the web node does not know yet may have the order: Stripe asks again.
  const { regular } = shop.system.databases;
  await regular.query({
    text: `INSERT INTO catalog.home (name, number, here) VALUES ('hot-1', 4, false)`,
  });
  for (const said of [foreign, over]) expect((await shop.anyoneSays(said)).status).toBe(503);
  await regular.query({ text: `DELETE FROM catalog.home WHERE name = 'hot-1'` });
});

it('a session without an identity pays an order that was placed before the upgrade', async () => {
  const ann = shop.shopper();
  const orderNo = await shop.ordered(ann, await shop.onSale(1));
  const legacy = { orderNo, intent: shop.intentOf('legacy') };
  const ignored = { status: 'ignored', reason: 'no_installation' };
  const before = await strays('no_installation');
  // A database that was created anew has no such orders.
  expect((await shop.anyoneSays(legacy)).body).toEqual(ignored);
  const hot = shop.system.databases.home('hot');
  const upgraded = `UPDATE catalog.installation SET legacy_before = now() + interval '1 h'`;
  await hot.query({ text: upgraded });
  expect((await shop.anyoneSays({ ...legacy, amount: 1 })).body).toEqual(ignored);
  expect((await strays('no_installation')) - before).toBe(2);
  expect((await shop.anyoneSays(legacy)).body).toEqual({ orderNo, status: 'paid' });
  const twice = { ...legacy, intent: shop.intentOf('legacy-twice') };
  expect((await shop.anyoneSays(twice)).body.status).toBe('refund_due');
  await shop.givenBack(twice.intent);
  await hot.query({ text: `UPDATE catalog.installation SET legacy_before = '-infinity'` });
});

it('a payment under way keeps its sale until Stripe reports its result', async () => {
  const eve = shop.shopper();
  const { sku, sale } = await shop.onSale(1);
  const orderNo = await shop.ordered(eve, { sku, sale });
  const { url } = (await shop.checkout(eve, orderNo)).body;
  const intent = shop.intentOf('sepa');
  shop.double.pay(url, intent, 'unpaid');
  const session = shop.double.sessionsOf(orderNo)[0]?.id ?? '';
  await shop.stripeSays({ orderNo, session, intent, paymentStatus: 'unpaid' });
  await shop.expired(eve, orderNo);
  const hot = shop.system.databases.home('hot');
  await until('the worker has asked Stripe', async () => {
    const [row] = await hot.query<{ state: string }>({
      text: 'SELECT state FROM hot.checkout WHERE order_no = $1',
      values: [orderNo],
    });
    return row?.state !== 'open' && row?.state !== 'ending';
  });
  await over(sale);
  const drop = { text: 'SELECT catalog.check_sale_over($1)', values: [sale] };
  await expect(hot.query(drop)).rejects.toMatchObject({ sqlstate: 'FS004' });
  const type = 'checkout.session.async_payment_succeeded';
  const said = await shop.stripeSays({ orderNo, session, intent, type });
  expect(['paid', 'refund_due']).toContain(said.body.status);
  if (said.body.status === 'refund_due') await shop.givenBack(intent);
  await over(sale);
  expect(await hot.query(drop)).toHaveLength(1);
});

it('the books are right afterwards', async () => {
  expect(await audit(shop.system.databases)).toEqual([]);
});
