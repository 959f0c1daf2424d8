import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refundOrder } from '../../db/calls.ts';
import { audit } from '../../db/operations.ts';
import type { Answer } from '../shopper.ts';
import { refundEvent, refusal, STRIPE_WEBHOOK_SECRET, signature } from '../stripe-double.ts';
import { openStripeShop, type StripeShop, WEBHOOK } from './stripe-shop.ts';

/** Payment by Stripe with all processes: its callbacks and refunds. */

describe('payment by Stripe', () => {
  let shop: StripeShop;

  beforeAll(async () => {
    shop = await openStripeShop({ webNodes: 1 });
  });
  afterAll(() => shop?.close());

  const verdict = ({ status, body }: Answer) => [status, body.verdict];

  it('uses one session for each order, and a press alone pays nothing', async () => {
    const [ann, ben] = [shop.shopper(), shop.shopper()];
    const place = await shop.onSale(2);
    const orderNo = await shop.ordered(ann, place);
    const first = await shop.checkout(ann, orderNo);
    const second = await shop.checkout(ann, orderNo);
    expect(first.body).toEqual({ method: 'GET', url: expect.stringContaining('stripe.com') });
    expect(second.body).toEqual(first.body);
    expect(verdict(await shop.checkout(ben, orderNo))).toEqual([404, 'not_found']);
    const pressed = await ann.call('POST', `/api/v1/demo/orders/${orderNo}/pay`);
    expect(verdict(pressed)).toEqual([404, 'not_found']);
    shop.double.failures.push(refusal(500, 'down'), refusal(500, 'down'));
    const next = await shop.ordered(ben, place);
    expect(verdict(await shop.checkout(ben, next))).toEqual([503, 'overloaded']);
    expect((await shop.checkout(ben, next)).status).toBe(200);

    expect((await shop.stripeSays({ orderNo, intent: shop.intentOf('a') })).body.status).toBe(
      'paid',
    );
    expect(verdict(await shop.checkout(ann, orderNo))).toEqual([409, 'not_allowed_now']);
  });

  it('begins no session for a rehearsal', async () => {
    const ann = shop.shopper();
    const orderNo = await shop.ordered(ann, await shop.rehearsed(1));
    expect(verdict(await shop.checkout(ann, orderNo))).toEqual([404, 'not_found']);
    const kept = await shop.system.databases.home('hot').query({
      text: 'SELECT FROM hot.checkout WHERE order_no = $1',
      values: [orderNo],
    });
    expect(kept).toEqual([]);
    expect(await shop.stateOf(ann, orderNo)).toBe('ordered');
  });

  it('accepts events twice, in any order, and before anybody asked for a session', async () => {
    const ann = shop.shopper();
    const orderNo = await shop.ordered(ann, await shop.onSale(1));
    const ended = { orderNo, type: 'checkout.session.expired', paymentStatus: 'unpaid' };
    expect((await shop.stripeSays(ended)).body.status).toBe('ignored');
    expect((await shop.stripeSays({ orderNo, paymentStatus: 'unpaid' })).body.status).toBe(
      'ignored',
    );
    expect(await shop.stateOf(ann, orderNo)).toBe('ordered');
    const said = await Promise.all(
      [1, 2, 3, 4].map(() => shop.stripeSays({ orderNo, intent: shop.intentOf('b') })),
    );
    for (const { status, body } of said) {
      // Of two at the same moment, one may be asked to call again.
      if (status === 200) expect(body).toEqual({ orderNo, status: 'paid' });
      else expect(status).toBe(503);
    }
    const again = await shop.stripeSays({ orderNo, intent: shop.intentOf('b') });
    expect(again.body).toEqual({ orderNo, status: 'paid' });
    expect((await shop.stripeSays(ended)).body.status).toBe('ignored');
    expect(await shop.stateOf(ann, orderNo)).toBe('paid');
  });

  it('refuses forged and old events, which change nothing', async () => {
    const ann = shop.shopper();
    const orderNo = await shop.ordered(ann, await shop.onSale(1));
    const stale = (payload: string) => signature(payload, { ageS: 600 });
    const secret = `${STRIPE_WEBHOOK_SECRET}Else`;
    const forged = (payload: string) => signature(payload, { secret });
    for (const header of [stale, forged, () => 't=1,v1=00', () => '']) {
      expect((await shop.stripeSays({ orderNo }, header)).status).toBe(403);
    }
    expect(await shop.stateOf(ann, orderNo)).toBe('ordered');
  });

  it('refunds a second payment, another amount and another currency, and the order continues', async () => {
    const ann = shop.shopper();
    const place = await shop.onSale(2);
    const orderNo = await shop.ordered(ann, place);
    const less = { orderNo, intent: shop.intentOf('less'), amount: 1 };
    expect((await shop.stripeSays(less)).body.status).toBe('refund_due');
    const yen = { orderNo, intent: shop.intentOf('yen'), currency: 'jpy' };
    expect((await shop.stripeSays(yen)).body.status).toBe('refund_due');
    expect(await shop.stateOf(ann, orderNo)).toBe('ordered');
    const right = { orderNo, intent: shop.intentOf('right') };
    expect((await shop.stripeSays(right)).body.status).toBe('paid');
    const twice = { orderNo, intent: shop.intentOf('twice') };
    expect((await shop.stripeSays(twice)).body.status).toBe('refund_due');
    const other = await shop.ordered(shop.shopper(), place);
    const taken = await shop.stripeSays({ orderNo: other, intent: shop.intentOf('right') });
    expect(taken.body.status).toBe('reference_taken');
    await Promise.all([less, yen, twice].map(({ intent }) => shop.givenBack(intent)));
    expect(shop.double.refunded.has(right.intent)).toBe(false);
  });

  it('takes a unit for a late payment, or refunds it, however many attempts that takes', async () => {
    const place = await shop.onSale(1);
    const [late, quick] = [shop.shopper(), shop.shopper()];
    const orderNo = await shop.ordered(late, place);
    await shop.expired(late, orderNo);
    expect((await shop.stripeSays({ orderNo, intent: shop.intentOf('again') })).body.status).toBe(
      'paid',
    );

    const next = await shop.onSale(1);
    const lost = await shop.ordered(late, next);
    await shop.expired(late, lost);
    const won = await shop.ordered(quick, next);
    expect(
      (await shop.stripeSays({ orderNo: won, intent: shop.intentOf('won') })).body.status,
    ).toBe('paid');
    // The failures of one try: Stripe stores a failure for its key, so the next try uses a new key.
    const poor = refusal(400, 'balance_insufficient');
    shop.double.failures.push(poor, poor);
    const money = { orderNo: lost, intent: shop.intentOf('lost') };
    expect((await shop.stripeSays(money)).body.status).toBe('refund_due');
    expect((await shop.stripeSays(money)).body.status).toBe('refund_due');
    await shop.givenBack(money.intent);
    const [row] = await shop.system.databases.home('hot').query<{ tries: number }>({
      text: 'SELECT tries FROM hot.refunds WHERE payment_ref = $1',
      values: [`stripe:${money.intent}`],
    });
    expect(row?.tries).toBeGreaterThan(1);
    const calls = shop.double.calls.filter(
      ({ fields }) => fields.get('payment_intent') === money.intent,
    );
    // The failures, the first of which was repeated with the same key, and the refund.
    const [first = { key: '' }] = calls;
    expect(first.key).toContain(money.intent);
    expect(calls.filter(({ key }) => key === first.key)).toHaveLength(2);
    expect(new Set(calls.map(({ key }) => key)).size).toBe(3);
  });

  it('refunds a payment again when the refund fails days later', async () => {
    const place = await shop.onSale(1);
    const ann = shop.shopper();
    const orderNo = await shop.ordered(ann, place);
    await shop.stripeSays({ orderNo, intent: shop.intentOf('right') });
    const intent = shop.intentOf('twice');
    expect((await shop.stripeSays({ orderNo, intent })).body.status).toBe('refund_due');
    await shop.givenBack(intent);
    const refund = shop.double.refunded.get(intent) ?? '';
    shop.double.refunded.delete(intent);
    const payload = refundEvent({ intent, refund });
    const forged = { 'stripe-signature': signature(payload, { ageS: 600 }) };
    expect((await ann.call('POST', WEBHOOK, payload, forged)).status).toBe(403);
    expect((await shop.refundFailed({ intent, refund })).body).toEqual({ status: 'refund_due' });
    await shop.givenBack(intent);
    expect(shop.double.refunded.get(intent)).not.toBe(refund);
    // The same event again, of another type, and an event about a payment without a refund.
    const again = { intent, refund, type: 'charge.refund.updated' };
    const known = { status: 'ignored', reason: 'refund_not_due' };
    expect((await shop.refundFailed(again)).body).toEqual(known);
    const other = await shop.refundFailed({ intent: shop.intentOf('right'), refund: 're_x' });
    expect(other.body).toMatchObject({ status: 'ignored' });
    expect(await shop.stateOf(ann, orderNo)).toBe('paid');
  });

  it('gives the payment of an order back, once, when the shop ends the order', async () => {
    const ann = shop.shopper();
    const orderNo = await shop.ordered(ann, await shop.onSale(1));
    const intent = shop.intentOf('ended');
    await shop.stripeSays({ orderNo, intent });
    const actor = { by: 'sue@support', reason: 'a test' };
    const databases = shop.system.databases;
    const said = await Promise.all([1, 2].map(() => refundOrder(databases, orderNo, actor)));
    expect(said).toEqual(['refund_due', 'refund_due']);
    await shop.givenBack(intent);
    const asked = shop.double.calls.filter(({ fields }) => fields.get('payment_intent') === intent);
    expect(asked).toHaveLength(1);
    const { body } = await ann.call('GET', `/api/v1/orders/${orderNo}`);
    expect(body).toMatchObject({ status: 'cancelled', reason: 'by_shop' });
  });

  it('describes its callback, and refuses a body that is too large or of another type', async () => {
    const who = shop.shopper();
    const { paths } = (await who.call('GET', '/openapi.json')).body;
    const { requestBody, responses } = paths[WEBHOOK].post;
    const { schema } = requestBody.content['application/json'];
    expect(Object.keys(schema.properties)).toEqual(['type', 'data']);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['200', '403', '413', '415']));
    const send = (body: string, type: string) =>
      who.call('POST', WEBHOOK, body, { 'content-type': type });
    expect((await send('{}', 'text/plain')).status).toBe(415);
    expect((await send(`"${'x'.repeat(140_000)}"`, 'application/json')).status).toBe(413);
    expect((await send('{}', 'application/json')).status).toBe(403);
  });

  it('leaves the books right, and no secret in any log', async () => {
    expect(await audit(shop.system.databases)).toEqual([]);
    for (const name of ['web-1', 'worker-1']) {
      expect(shop.system.log(name)).not.toMatch(/sk_test_|whsec_/);
    }
  });
});
