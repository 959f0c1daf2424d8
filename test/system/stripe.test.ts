import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../db/operations.ts';
import { type Answer, Shopper } from '../shopper.ts';
import {
  type RefundFacts,
  refundEvent,
  refusal,
  type SessionFacts,
  STRIPE_KEY,
  STRIPE_WEBHOOK_SECRET,
  type StripeDouble,
  sessionEvent,
  signature,
  startStripeDouble,
} from '../stripe-double.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/**
 * Payment by Stripe with all processes. Stripe's API is a double of ours, since it cannot be reached;
 * its webhooks are signed by its own code.
 */

const WEBHOOK = '/api/v1/payments/stripe';

describe('payment by Stripe', () => {
  let system: System;
  let double: StripeDouble;

  beforeAll(async () => {
    double = await startStripeDouble();
    system = await startSystem({
      environment: {
        PAYMENT_PROVIDER: 'stripe',
        STRIPE_SECRET_KEY: STRIPE_KEY,
        STRIPE_WEBHOOK_SECRET,
        STRIPE_API_URL: double.url,
        SHOP_URL: 'https://shop.example',
        LOG_LEVEL: 'trace',
      },
    });
    await system.databases.hot.query({ text: `SELECT catalog.set_tunable('refund_retry_s', 1)` });
  });
  afterAll(async () => {
    await system?.stop();
    await double.close();
  });

  const shopper = () => new Shopper(system.url, system.jwtSecret);
  const verdict = ({ status, body }: Answer) => [status, body.verdict];
  let sales = 0;

  async function onSale(units: number) {
    sales += 1;
    const sku = `Card${sales}`;
    return { sku, sale: await system.createSale([{ sku, units }]) };
  }

  /** Lets the time to pay be over: a worker expires it. */
  async function expired(who: Shopper, orderNo: string): Promise<void> {
    await system.databases.hot.query({
      text: 'UPDATE hot.orders SET pay_before = now() WHERE order_no = $1',
      values: [orderNo],
    });
    await until('it expires', async () => (await stateOf(who, orderNo)) === 'expired');
  }

  async function ordered(who: Shopper, { sale, sku }: { sale: string; sku: string }) {
    const { body } = await who.buy(sale, sku);
    expect(body.status).toBe('ordered');
    return body.order.orderNo as string;
  }

  const stateOf = async (who: Shopper, orderNo: string) =>
    (await who.call('GET', `/api/v1/orders/${orderNo}`)).body.status;

  /** As Stripe calls. */
  function stripeSays(facts: SessionFacts, header?: string): Promise<Answer> {
    const payload = sessionEvent(facts);
    const headers = { 'stripe-signature': header ?? signature(payload) };
    return shopper().call('POST', WEBHOOK, payload, headers);
  }

  function refundFailed(facts: RefundFacts): Promise<Answer> {
    const payload = refundEvent(facts);
    return shopper().call('POST', WEBHOOK, payload, { 'stripe-signature': signature(payload) });
  }

  const intentOf = (name: string) => `pi_${name}_${sales}`;
  const givenBack = (intent: string) =>
    until(`${intent} is given back`, async () => {
      const [row] = await system.databases.hot.query<{ state: string; refund_ref: string }>({
        text: 'SELECT state, refund_ref FROM hot.refunds WHERE payment_ref = $1',
        values: [`stripe:${intent}`],
      });
      return row?.state === 'done' && double.refunded.has(intent);
    });

  it('leads to one session for each order, and nobody pays by a press', async () => {
    const [ann, ben] = [shopper(), shopper()];
    const orderNo = await ordered(ann, await onSale(2));
    const path = `/api/v1/orders/${orderNo}/checkout`;
    const [first, second] = [await ann.call('POST', path), await ann.call('POST', path)];
    expect(first.body).toEqual({ method: 'GET', url: expect.stringContaining('stripe.com') });
    expect(second.body).toEqual(first.body);
    expect(verdict(await ben.call('POST', path))).toEqual([404, 'not_found']);
    const pressed = await ann.call('POST', `/api/v1/demo/orders/${orderNo}/pay`);
    expect(verdict(pressed)).toEqual([404, 'not_found']);
    double.failures.push(refusal(500, 'down'), refusal(500, 'down'), refusal(500, 'down'));
    expect(verdict(await ann.call('POST', path))).toEqual([503, 'overloaded']);

    expect((await stripeSays({ orderNo, intent: intentOf('a') })).body.status).toBe('paid');
    expect(verdict(await ann.call('POST', path))).toEqual([409, 'not_allowed_now']);
  });

  it('takes events twice, in any order, and before anybody asked for a session', async () => {
    const ann = shopper();
    const orderNo = await ordered(ann, await onSale(1));
    const ended = { orderNo, type: 'checkout.session.expired', paymentStatus: 'unpaid' };
    expect((await stripeSays(ended)).body.status).toBe('ignored');
    expect((await stripeSays({ orderNo, paymentStatus: 'unpaid' })).body.status).toBe('ignored');
    expect(await stateOf(ann, orderNo)).toBe('ordered');
    const said = await Promise.all(
      [1, 2, 3, 4].map(() => stripeSays({ orderNo, intent: intentOf('b') })),
    );
    for (const { status, body } of said) {
      // Two at the same moment: one of them may be asked to call again.
      if (status === 200) expect(body).toEqual({ orderNo, status: 'paid' });
      else expect(status).toBe(503);
    }
    const again = await stripeSays({ orderNo, intent: intentOf('b') });
    expect(again.body).toEqual({ orderNo, status: 'paid' });
    expect((await stripeSays(ended)).body.status).toBe('ignored');
    expect(await stateOf(ann, orderNo)).toBe('paid');
    expect((await stripeSays({ orderNo: '999999998' })).body.status).toBe('ignored');
  });

  it('refuses what is forged or old, and nothing changes', async () => {
    const ann = shopper();
    const orderNo = await ordered(ann, await onSale(1));
    const payload = sessionEvent({ orderNo });
    const stale = signature(payload, { ageS: 600 });
    const forged = signature(payload, { secret: `${STRIPE_WEBHOOK_SECRET}Else` });
    for (const header of [stale, forged, 't=1,v1=00', '']) {
      expect((await stripeSays({ orderNo }, header)).status).toBe(403);
    }
    expect(await stateOf(ann, orderNo)).toBe('ordered');
  });

  it('gives back a second payment, another amount and another currency; the order goes on', async () => {
    const ann = shopper();
    const place = await onSale(2);
    const orderNo = await ordered(ann, place);
    const less = { orderNo, intent: intentOf('less'), amount: 1 };
    expect((await stripeSays(less)).body.status).toBe('refund_due');
    const yen = { orderNo, intent: intentOf('yen'), currency: 'jpy' };
    expect((await stripeSays(yen)).body.status).toBe('refund_due');
    expect(await stateOf(ann, orderNo)).toBe('ordered');
    const right = { orderNo, intent: intentOf('right') };
    expect((await stripeSays(right)).body.status).toBe('paid');
    const twice = { orderNo, intent: intentOf('twice') };
    expect((await stripeSays(twice)).body.status).toBe('refund_due');
    const other = await ordered(shopper(), place);
    const taken = await stripeSays({ orderNo: other, intent: intentOf('right') });
    expect(taken.body.status).toBe('reference_taken');
    await Promise.all([less, yen, twice].map(({ intent }) => givenBack(intent)));
    expect(double.refunded.has(right.intent)).toBe(false);
  });

  it('after the order expired takes a unit again, or gives the money back, however often it takes', async () => {
    const place = await onSale(1);
    const [late, quick] = [shopper(), shopper()];
    const orderNo = await ordered(late, place);
    await expired(late, orderNo);
    expect((await stripeSays({ orderNo, intent: intentOf('again') })).body.status).toBe('paid');

    const next = await onSale(1);
    const lost = await ordered(late, next);
    await expired(late, lost);
    const won = await ordered(quick, next);
    expect((await stripeSays({ orderNo: won, intent: intentOf('won') })).body.status).toBe('paid');
    double.failures.push(refusal(400, 'balance_insufficient'));
    const money = { orderNo: lost, intent: intentOf('lost') };
    expect((await stripeSays(money)).body.status).toBe('refund_due');
    expect((await stripeSays(money)).body.status).toBe('refund_due');
    await givenBack(money.intent);
    const [row] = await system.databases.hot.query<{ tries: number }>({
      text: 'SELECT tries FROM hot.refunds WHERE payment_ref = $1',
      values: [`stripe:${money.intent}`],
    });
    expect(row?.tries).toBeGreaterThan(1);
    const calls = double.calls.filter(
      ({ fields }) => fields.get('payment_intent') === money.intent,
    );
    expect(new Set(calls.map(({ key }) => key)).size).toBe(1);
  });

  it('gives money back again when the refund fails days later', async () => {
    const place = await onSale(1);
    const ann = shopper();
    const orderNo = await ordered(ann, place);
    await stripeSays({ orderNo, intent: intentOf('right') });
    const intent = intentOf('twice');
    expect((await stripeSays({ orderNo, intent })).body.status).toBe('refund_due');
    await givenBack(intent);
    const refund = double.refunded.get(intent) ?? '';
    double.refunded.delete(intent);
    const payload = refundEvent({ intent, refund });
    const forged = { 'stripe-signature': signature(payload, { ageS: 600 }) };
    expect((await ann.call('POST', WEBHOOK, payload, forged)).status).toBe(403);
    expect((await refundFailed({ intent, refund })).body).toEqual({ status: 'refund_due' });
    await givenBack(intent);
    expect(double.refunded.get(intent)).not.toBe(refund);
    // The same news again, of another kind; news of a payment that is nobody's refund.
    const again = { intent, refund, type: 'charge.refund.updated' };
    expect((await refundFailed(again)).body).toEqual({ status: 'refund_due' });
    await givenBack(intent);
    const other = await refundFailed({ intent: intentOf('right'), refund: 're_x' });
    expect(other.body).toMatchObject({ status: 'ignored' });
    expect(await stateOf(ann, orderNo)).toBe('paid');
  });

  it('describes its callback, and takes no body that is too large or of another type', async () => {
    const who = shopper();
    const { paths } = (await who.call('GET', '/openapi.json')).body;
    const { requestBody, responses } = paths[WEBHOOK].post;
    const { schema } = requestBody.content['application/json'];
    expect(Object.keys(schema.properties)).toEqual(['type', 'data']);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['200', '403', '413', '415']));
    const send = (body: string, type: string) =>
      who.call('POST', WEBHOOK, body, { 'content-type': type });
    expect((await send('{}', 'text/plain')).status).toBe(415);
    expect((await send(`"${'x'.repeat(20_000)}"`, 'application/json')).status).toBe(413);
    expect((await send('{}', 'application/json')).status).toBe(403);
  });

  it('leaves the books right, and no secret in any log', async () => {
    expect(await audit(system.databases)).toEqual([]);
    for (const name of ['web-1', 'web-2', 'worker-1']) {
      expect(system.log(name)).not.toMatch(/sk_test_|whsec_/);
    }
  });
});
