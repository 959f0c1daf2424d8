import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromMinorUnits, toMinorUnits } from '../../payment/money.ts';
import { ForgedCallback, PaymentError, UnknownCallback } from '../../payment/provider.ts';
import { sessionEndMs } from '../../payment/session-end.ts';
import { StripeProvider } from '../../payment/stripe.ts';
import fc from '../properties.ts';
import {
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

let double: StripeDouble;
let stripe: StripeProvider;

beforeAll(async () => {
  double = await startStripeDouble();
  stripe = providerWith(STRIPE_KEY);
});
afterAll(() => double.close());

function providerWith(secretKey: string) {
  const shopUrl = 'https://shop.example';
  const webhookSecret = STRIPE_WEBHOOK_SECRET;
  return new StripeProvider({ secretKey, webhookSecret, shopUrl, apiUrl: double.url });
}

const INSTALLATION = '5a1f6a52-3d7c-4d0e-9a77-2f40f1f0a111';
const REQUEST = '0d9b5d0e-3d7c-4d0e-9a77-2f40f1f0a333';
const OTHER = '00000000-3d7c-4d0e-9a77-2f40f1f0a222';

const order = (orderNo: string) => ({
  orderNo,
  installation: INSTALLATION,
  requestId: REQUEST,
  attempt: 1,
  sale: 'demo',
  title: 'A television',
  units: 2,
  amount: '19.80',
  currency: 'EUR',
  payBefore: new Date(Date.now() + 3_600_000),
});

describe('a Checkout session', () => {
  it('is created for the order, once however often it is requested', async () => {
    const mine = order('41');
    const first = await stripe.begin(mine);
    expect(first).toEqual({
      method: 'GET',
      url: expect.stringMatching(/^https:\/\/checkout\.stripe\.com\//),
      session: {
        ref: expect.stringMatching(/^stripe:cs_/),
        url: first.url,
        endsAt: new Date(Math.ceil(mine.payBefore.getTime() / 1_000) * 1_000),
      },
    });
    expect(await stripe.begin(mine)).toEqual(first);
    expect(await stripe.begin(order('43'))).not.toEqual(first);
    // Another attempt for the order, a changed title, and the same order number of another shop.
    const others = [{ attempt: 2 }, { title: 'The TV' }, { installation: OTHER }];
    for (const other of [...others, { requestId: OTHER }]) {
      expect(await stripe.begin({ ...mine, ...other })).not.toEqual(first);
    }
    for (const { key, fields } of double.calls) {
      expect(key).toContain(fields.get('metadata[flashsale_request]'));
      expect(key).toContain(fields.get('metadata[flashsale_installation]'));
    }
    const { fields, path } = double.calls[0] ?? { fields: new URLSearchParams(), path: '' };
    expect(path).toBe('/v1/checkout/sessions');
    expect(Object.fromEntries(fields)).toMatchObject({
      mode: 'payment',
      client_reference_id: '41',
      'metadata[flashsale_order]': '41',
      'metadata[flashsale_installation]': INSTALLATION,
      'metadata[flashsale_request]': REQUEST,
      'payment_intent_data[metadata][flashsale_installation]': INSTALLATION,
      'payment_intent_data[metadata][flashsale_order]': '41',
      'line_items[0][price_data][unit_amount]': '1980',
      'line_items[0][price_data][currency]': 'eur',
      'line_items[0][price_data][product_data][name]': '2 × A television',
      'line_items[0][quantity]': '1',
      success_url: 'https://shop.example/sales/demo#orders',
      cancel_url: 'https://shop.example/sales/demo#orders',
      expires_at: String(Math.ceil(mine.payBefore.getTime() / 1_000)),
    });
  });

  it('reports a failure without any part of the key', async () => {
    double.failures.push(refusal(402, 'weather'), refusal(402, 'card_declined'));
    const failed = await stripe.begin(order('45')).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(PaymentError);
    expect(failed).toMatchObject({ isTransient: false, message: 'Stripe: card_declined (402)' });
    const stranger = await providerWith(`${STRIPE_KEY}Wrong`)
      .begin(order('45'))
      .catch((e) => e);
    expect(stranger).toBeInstanceOf(PaymentError);
    expect(inspect([failed, stranger], { depth: 9 })).not.toMatch(/sk_test|whsec/);
    // An amount of 9.90 yen does not exist.
    const odd = stripe.begin({ ...order('45'), amount: '9.90', currency: 'JPY' });
    await expect(odd).rejects.toBeInstanceOf(PaymentError);
  });

  it('is requested with a new key after a failure, which Stripe would repeat for a day', async () => {
    const failing = [1, 2].map(() => refusal(500, 'down'));
    double.failures.push(...failing);
    await expect(stripe.begin(order('47'))).rejects.toMatchObject({ isTransient: true });
    double.failures.length = 0;
    expect(await stripe.begin(order('47'))).toMatchObject({ method: 'GET' });
  });

  it('ends with the order, or as soon after it as Stripe allows', () => {
    const minute = 60_000;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 * 24 * 30 }),
        fc.integer({ min: 0 }),
        (left, now) => {
          const payBefore = now + left * minute;
          const end = sessionEndMs(payBefore, now);
          if (end === undefined) return left >= 24 * 60 - 1;
          const lives = end - now;
          return end >= payBefore && lives >= 30 * minute && lives <= 24 * 60 * minute;
        },
      ),
    );
  });
});

describe('ending a Checkout session', () => {
  const begun = async (orderNo: string) => {
    const { session } = await stripe.begin(order(orderNo));
    return session ?? { ref: '', url: '' };
  };

  it('expires it, once however often it is requested', async () => {
    const { ref, url } = await begun('51');
    expect(await stripe.end(ref)).toBe('expired');
    expect(await stripe.end(ref)).toBe('expired');
    expect(double.pay(url, 'pi_51')).toBe(false);
  });

  it('reports when the shopper was faster and has completed it', async () => {
    for (const payment of ['paid', 'unpaid'] as const) {
      const { ref, url } = await begun(payment === 'paid' ? '53' : '55');
      expect(double.pay(url, 'pi_53', payment)).toBe(true);
      expect(await stripe.end(ref)).toBe('complete');
    }
  });

  it('fails, and is tried again, when Stripe does not tell the state of the session', async () => {
    const { ref } = await begun('57');
    double.failures.push(refusal(400, 'weather'));
    await expect(stripe.end(ref)).rejects.toMatchObject({ message: 'Stripe: weather (400)' });
    const missing = { message: 'Stripe: resource_missing (404)', isTransient: false };
    await expect(stripe.end('stripe:cs_nobody')).rejects.toMatchObject(missing);
    expect(await stripe.end(ref)).toBe('expired');
  });
});

describe('the conversion of money', () => {
  it.each([
    ['9.90', 'EUR', 990],
    ['0.05', 'USD', 5],
    ['1200', 'JPY', 1_200],
    ['1200.00', 'JPY', 1_200],
    ['1.5', 'KWD', 1_500],
  ])('turns %s %s into %i of the smallest unit', (amount, currency, units) => {
    expect(toMinorUnits(amount, currency)).toBe(units);
    expect(Number(fromMinorUnits(units, currency))).toBe(Number(amount));
  });

  it('and back gives the same amount', () => {
    const units = fc.integer({ min: 0, max: 1e12 });
    fc.assert(
      fc.property(units, fc.constantFrom('EUR', 'JPY', 'KWD'), (amount, currency) => {
        return toMinorUnits(fromMinorUnits(amount, currency), currency) === amount;
      }),
    );
  });
});

describe('a callback', () => {
  const event = (facts: SessionFacts) =>
    sessionEvent({ installation: INSTALLATION, requestId: REQUEST, ...facts });
  const verify = (payload: string, header = signature(payload)) =>
    stripe.verify(payload, { 'stripe-signature': header });

  it('reports a payment for an order', () => {
    expect(verify(event({ orderNo: '7', intent: 'pi_9', session: 'cs_5' }))).toEqual({
      kind: 'paid',
      installation: INSTALLATION,
      requestId: REQUEST,
      sessionRef: 'stripe:cs_5',
      orderNo: '7',
      reference: 'stripe:pi_9',
      amount: '9.90',
      currency: 'EUR',
      paidAt: expect.any(Date),
    });
    const later = 'checkout.session.async_payment_succeeded';
    expect(verify(event({ orderNo: '7', type: later }))).toMatchObject({ kind: 'paid' });
  });

  it.each(['checkout.session.expired', 'checkout.session.async_payment_failed'])(
    'reports a session that can no longer be paid: %s',
    (type) => {
      expect(verify(event({ orderNo: '7', session: 'cs_5', type }))).toEqual({
        kind: 'session_over',
        installation: INSTALLATION,
        requestId: REQUEST,
        orderNo: '7',
        sessionRef: 'stripe:cs_5',
      });
    },
  );

  it.each([
    ['a payment under way', { orderNo: '7', paymentStatus: 'unpaid' }, 'not_paid'],
    ['another kind of event', { orderNo: '7', type: 'charge.updated' }, 'other_event'],
    ['another event of a session', { orderNo: '7', type: 'checkout.session.x' }, 'other_event'],
  ])('changes nothing: %s', (_name, facts, reason) => {
    expect(verify(event(facts))).toEqual({ kind: 'ignored', reason });
  });

  it('of the other mode than the key is ignored, also when it reports a payment', () => {
    const ignored = { kind: 'ignored', reason: 'other_mode' };
    const live = providerWith(`rk_${'live'}_51ThisIsNoRealKeyAtAll`);
    for (const livemode of [true, false]) {
      const paid = event({ orderNo: '7', livemode });
      const refund = refundEvent({ intent: 'pi_9', refund: 're_9', livemode });
      for (const [payload, kind] of [
        [paid, 'paid'],
        [refund, 'refund_failed'],
      ] as const) {
        const headers = { 'stripe-signature': signature(payload) };
        const [right, wrong] = livemode ? [live, stripe] : [stripe, live];
        expect(right.verify(payload, headers)).toMatchObject({ kind });
        expect(wrong.verify(payload, headers)).toEqual(ignored);
      }
    }
  });

  it('without an installation may report a payment for an order, and nothing else', () => {
    const ignored = { kind: 'ignored', reason: 'no_installation' };
    expect(verify(sessionEvent({}))).toEqual(ignored);
    const legacy = { kind: 'paid', orderNo: '7', installation: undefined, requestId: undefined };
    expect(verify(sessionEvent({ orderNo: '7' }))).toMatchObject(legacy);
    const expired = sessionEvent({ orderNo: '7', type: 'checkout.session.expired' });
    expect(verify(expired)).toEqual(ignored);
  });

  it.each([
    ['refund.failed', 'failed'],
    ['refund.updated', 'failed'],
    ['charge.refund.updated', 'failed'],
    ['refund.updated', 'canceled'],
  ])('reports a failed refund: %s, %s', (type, status) => {
    expect(verify(refundEvent({ intent: 'pi_9', refund: 're_9', type, status }))).toEqual({
      kind: 'refund_failed',
      installation: undefined,
      reference: 'stripe:pi_9',
      refundRef: 're_9',
      reason: status === 'failed' ? 'expired_or_canceled_card' : 'canceled',
    });
  });

  it('names the installation that requested a failed refund', () => {
    const news = refundEvent({ intent: 'pi_9', refund: 're_9', installation: OTHER });
    expect(verify(news)).toMatchObject({ kind: 'refund_failed', installation: OTHER });
  });

  it.each([
    ['refund.updated', 'succeeded'],
    ['refund.created', 'pending'],
    ['charge.refund.updated', 'pending'],
  ])('changes nothing when a refund is under way or done: %s, %s', (type, status) => {
    const event = refundEvent({ intent: 'pi_9', refund: 're_9', type, status });
    expect(verify(event)).toMatchObject({ kind: 'ignored' });
  });

  it('is refused when it is forged, changed, old or malformed', () => {
    const payload = event({ orderNo: '7' });
    const header = signature(payload);
    expect(() => verify(payload, '')).toThrow(ForgedCallback);
    expect(() => verify(payload.replace('"7"', '"8"'), header)).toThrow(ForgedCallback);
    expect(() => verify(` ${payload}`, header)).toThrow(ForgedCallback);
    const other = signature(payload, { secret: `${STRIPE_WEBHOOK_SECRET}Else` });
    expect(() => verify(payload, other)).toThrow(ForgedCallback);
    expect(() => verify(payload, signature(payload, { ageS: 301 }))).toThrow(ForgedCallback);
    expect(verify(payload, signature(payload, { ageS: 290 }))).toMatchObject({ kind: 'paid' });
    expect(() => verify('{', signature('{'))).toThrow(UnknownCallback);
    const bad = event({ orderNo: "7'; DROP" });
    expect(() => verify(bad)).toThrow(UnknownCallback);
  });
});

describe('a refund', () => {
  const giveBack = (reference: string, after?: string) =>
    stripe.refund(reference, INSTALLATION, after);

  it('is made once, and repeated calls return it', async () => {
    const first = await giveBack('stripe:pi_77');
    expect(first).toMatch(/^re_/);
    expect(await giveBack('stripe:pi_77')).toBe(first);
    double.refunded.set('pi_78', 're_by_hand');
    expect(await giveBack('stripe:pi_78')).toBe('re_by_hand');
    double.failures.push(refusal(400, 'weather'), refusal(400, 'balance_insufficient'));
    await expect(giveBack('stripe:pi_79')).rejects.toMatchObject({ isTransient: false });
    expect(await giveBack('stripe:pi_79')).toMatch(/^re_/);
  });

  it('has the installation in its metadata and in its idempotency key', async () => {
    await giveBack('stripe:pi_76');
    const { key, fields } = double.calls.at(-1) ?? { key: '', fields: new URLSearchParams() };
    expect(key).toContain(INSTALLATION);
    expect(fields.get('metadata[flashsale_installation]')).toBe(INSTALLATION);
  });

  it('that failed is followed by one more, once however often it is requested', async () => {
    const failed = await giveBack('stripe:pi_80');
    double.refunded.delete('pi_80');
    const second = await giveBack('stripe:pi_80', failed);
    expect(second).not.toBe(failed);
    expect(await giveBack('stripe:pi_80', failed)).toBe(second);
  });

  it('that fails at once is an error with the id of the refund', async () => {
    const body = { id: 're_bad', object: 'refund', status: 'failed', failure_reason: 'unknown' };
    double.failures.push({ status: 200, body });
    await expect(giveBack('stripe:pi_81')).rejects.toMatchObject({
      message: 'the refund failed: unknown',
      refundRef: 're_bad',
    });
  });
});
