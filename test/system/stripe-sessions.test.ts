import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../db/operations.ts';
import type { Shopper } from '../shopper.ts';
import { refusal } from '../stripe-double.ts';
import { until } from '../until.ts';
import { openStripeShop, type StripeShop } from './stripe-shop.ts';

/**
 * Each order has one session of Stripe, which ends with the order. Sessions of other installations
 * are ignored.
 */

const OTHER = '00000000-0000-4000-8000-000000000000';
let shop: StripeShop;

beforeAll(async () => {
  shop = await openStripeShop({ webNodes: 2 });
});
afterAll(() => shop?.close());

const statuses = (orderNo: string) => shop.double.sessionsOf(orderNo).map(({ status }) => status);
const isOver = (orderNo: string, end = 'ended') =>
  until(`the session of ${orderNo} is ${end}`, async () => {
    const [row] = await shop.system.databases.home('hot').query<{ state: string }>({
      text: 'SELECT state FROM hot.checkout WHERE order_no = $1',
      values: [orderNo],
    });
    return row?.state === end;
  });

/** Places an order whose shopper starts a payment, and returns the URL to pay at. */
async function pressed(who: Shopper, place?: { sale: string; sku: string }) {
  const orderNo = await shop.ordered(who, place ?? (await shop.onSale(1)));
  const { url } = (await shop.checkout(who, orderNo)).body;
  return { orderNo, url };
}

const session = (orderNo: string) => shop.double.sessionsOf(orderNo).at(-1)?.id ?? '';

async function ignored(): Promise<Record<string, number>> {
  const texts = await Promise.all(['web-1', 'web-2'].map((name) => shop.system.metrics(name)));
  const counts: Record<string, number> = {};
  const line =
    /^flashsale_(?:payment_callbacks_ignored|stray_payments)_total\{.*?reason="(\w+)".*?\} (\d+)/gm;
  for (const [, reason = '', count] of texts.join('\n').matchAll(line)) {
    counts[reason] = (counts[reason] ?? 0) + Number(count);
  }
  return counts;
}

describe('the payment session of an order', () => {
  it('is the same for any number of concurrent presses', async () => {
    const ann = shop.shopper();
    const orderNo = await shop.ordered(ann, await shop.onSale(1));
    const presses = await Promise.all([1, 2, 3, 4].map(() => shop.checkout(ann, orderNo)));
    expect(new Set(presses.map(({ body }) => body.url)).size).toBe(1);
    expect(presses[0]?.status).toBe(200);
    expect((await shop.checkout(ann, orderNo)).body).toEqual(presses[0]?.body);
    expect(statuses(orderNo)).toEqual(['open']);
  });

  it('ends with an order that is cancelled, expires or is paid, also after failures', async () => {
    const [ann, ben, eve] = [shop.shopper(), shop.shopper(), shop.shopper()];
    const cancelled = await pressed(ann);
    shop.double.failures.push(...[1, 2, 3].map(() => refusal(500, 'down')), refusal(400, 'odd'));
    await ann.call('POST', `/api/v1/orders/${cancelled.orderNo}/cancel`);
    await isOver(cancelled.orderNo);
    shop.double.failures.length = 0;
    expect(statuses(cancelled.orderNo)).toEqual(['expired']);
    expect(shop.double.pay(cancelled.url, 'pi_late')).toBe(false);

    const late = await pressed(ben);
    await shop.expired(ben, late.orderNo);
    await isOver(late.orderNo);
    expect(statuses(late.orderNo)).toEqual(['expired']);

    const paid = await pressed(eve);
    const other = { orderNo: paid.orderNo, intent: shop.intentOf('other') };
    expect((await shop.stripeSays(other)).body.status).toBe('paid');
    await isOver(paid.orderNo);
    expect(statuses(paid.orderNo)).toEqual(['expired']);
  });

  it('that was paid after its order ended is a late payment', async () => {
    const ann = shop.shopper();
    const { orderNo, url } = await pressed(ann);
    const intent = shop.intentOf('quick');
    expect(shop.double.pay(url, intent)).toBe(true);
    await ann.call('POST', `/api/v1/orders/${orderNo}/cancel`);
    await isOver(orderNo, 'paying');
    expect(statuses(orderNo)).toEqual(['complete']);
    const said = await shop.stripeSays({ orderNo, intent, session: session(orderNo) });
    expect(said.body).toMatchObject({ orderNo, status: 'refund_due', refund: { status: 'due' } });
    await isOver(orderNo);
    await shop.givenBack(intent);
    expect(await shop.stateOf(ann, orderNo)).toBe('cancelled');
  });

  it('is replaced by a new one only when its payment has failed', async () => {
    const ann = shop.shopper();
    const { orderNo, url } = await pressed(ann);
    shop.double.pay(url, shop.intentOf('slow'), 'unpaid');
    const first = session(orderNo);
    await shop.stripeSays({ orderNo, session: first, paymentStatus: 'unpaid' });
    expect((await shop.checkout(ann, orderNo)).body.url).toBe(url);
    const failed = { orderNo, session: first, type: 'checkout.session.async_payment_failed' };
    expect((await shop.stripeSays(failed)).body).toEqual({
      status: 'ignored',
      reason: 'session_over',
    });
    const next = (await shop.checkout(ann, orderNo)).body.url;
    expect(next).not.toBe(url);
    expect(statuses(orderNo)).toEqual(['complete', 'open']);
    const intent = shop.intentOf('right');
    shop.double.pay(next, intent);
    const paid = await shop.stripeSays({ orderNo, intent, session: session(orderNo) });
    expect(paid.body.status).toBe('paid');
    await isOver(orderNo);
  });
});

describe('a session near its end, about which Stripe has reported nothing', () => {
  const atItsEnd = async (orderNo: string) => {
    await shop.system.databases.home('hot').query({
      text: `UPDATE hot.checkout SET ends_at = now() + interval '10 s' WHERE order_no = $1`,
      values: [orderNo],
    });
  };

  it('is offered for payment only while Stripe says that it is open', async () => {
    const ann = shop.shopper();
    const { orderNo, url } = await pressed(ann);
    await atItsEnd(orderNo);
    expect((await shop.checkout(ann, orderNo)).body.url).toBe(url);
    shop.double.failures.push(...[1, 2, 3].map(() => refusal(500, 'down')));
    expect((await shop.checkout(ann, orderNo)).status).toBe(503);
    shop.double.failures.length = 0;
    shop.double.expire(session(orderNo));
    const presses = await Promise.all([1, 2, 3].map(() => shop.checkout(ann, orderNo)));
    const urls = new Set(presses.map(({ body }) => body.url));
    expect([urls.size, urls.has(url)]).toEqual([1, false]);
    expect(statuses(orderNo)).toEqual(['expired', 'open']);
  });

  it('is not offered for a second payment while its payment is being recorded', async () => {
    const ben = shop.shopper();
    const { orderNo, url } = await pressed(ben);
    await atItsEnd(orderNo);
    const intent = shop.intentOf('unheard');
    expect(shop.double.pay(url, intent)).toBe(true);
    const { status, body } = await shop.checkout(ben, orderNo);
    expect([status, body.verdict]).toEqual([409, 'not_allowed_now']);
    expect(body.detail).toContain('is being booked');
    const paid = await shop.stripeSays({ orderNo, intent, session: session(orderNo) });
    expect(paid.body.status).toBe('paid');
  });
});

describe('a payment for another installation', () => {
  it('is neither recorded nor refunded, and is counted', async () => {
    const ann = shop.shopper();
    const { orderNo } = await pressed(ann);
    const before = await ignored();
    const intent = shop.intentOf('theirs');
    const ignoredFor = (reason: string) => ({ status: 'ignored', reason });
    const theirs = { orderNo, intent, installation: OTHER };
    expect((await shop.stripeSays(theirs)).body).toEqual(ignoredFor('other_installation'));
    const cheap = { ...theirs, amount: 1 };
    expect((await shop.stripeSays(cheap)).body).toEqual(ignoredFor('other_installation'));
    const over = { ...theirs, session: session(orderNo), type: 'checkout.session.expired' };
    expect((await shop.stripeSays(over)).body).toEqual(ignoredFor('other_installation'));
    const after = await ignored();
    expect((after['other_installation'] ?? 0) - (before['other_installation'] ?? 0)).toBe(3);
    expect(await shop.stateOf(ann, orderNo)).toBe('ordered');
    const rows = await shop.system.databases.home('hot').query({
      text: `SELECT FROM hot.payment WHERE payment_ref = $1`,
      values: [`stripe:${intent}`],
    });
    expect(rows).toEqual([]);
    expect(statuses(orderNo)).toEqual(['open']);
  });

  it('may have a failed refund there, which is ignored although this shop has the same payment', async () => {
    const ann = shop.shopper();
    const { orderNo } = await pressed(ann);
    const intent = shop.intentOf('back');
    const wrong = { orderNo, intent, amount: 1 };
    expect((await shop.stripeSays(wrong)).body.status).toBe('refund_due');
    await shop.givenBack(intent);
    const refund = shop.double.refunded.get(intent) ?? '';
    const news = await shop.refundFailed({ intent, refund, installation: OTHER });
    expect(news.body).toEqual({ status: 'ignored', reason: 'other_installation' });
  });

  it('includes payments from before this database was created anew', async () => {
    const ann = shop.shopper();
    const { orderNo } = await pressed(ann);
    const [old] = shop.double.sessionsOf(orderNo);
    const installation = old?.metadata['flashsale_installation'] ?? '';
    await shop.system.databases.home('hot').query({
      text: 'UPDATE catalog.installation SET id = gen_random_uuid()',
    });
    const said = await shop.stripeSays({ orderNo, intent: shop.intentOf('old'), installation });
    expect(said.body).toEqual({ status: 'ignored', reason: 'other_installation' });
    expect(await shop.stateOf(ann, orderNo)).toBe('ordered');
  });

  it('leaves the books right', async () => {
    expect(await audit(shop.system.databases)).toEqual([]);
  });
});
