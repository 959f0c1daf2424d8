import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromMinorUnits, toMinorUnits } from '../../payment/money.ts';
import { ForgedCallback, PaymentError, UnknownCallback } from '../../payment/provider.ts';
import { StripeProvider, sessionEndMs } from '../../payment/stripe.ts';
import fc from '../properties.ts';
import {
  refundEvent,
  refusal,
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

const order = (orderNo: string) => ({
  orderNo,
  sale: 'demo',
  title: 'A television',
  units: 2,
  amount: '19.80',
  currency: 'EUR',
  payBefore: new Date(Date.now() + 3_600_000),
});

describe('a Checkout session', () => {
  it('is made for the order, once however often it is asked for', async () => {
    const mine = order('41');
    const first = await stripe.begin(mine);
    expect(first).toEqual({
      method: 'GET',
      url: expect.stringMatching(/^https:\/\/checkout\.stripe\.com\//),
    });
    expect(await stripe.begin(mine)).toEqual(first);
    expect(await stripe.begin(order('43'))).not.toEqual(first);
    const { fields, path } = double.calls[0] ?? { fields: new URLSearchParams(), path: '' };
    expect(path).toBe('/v1/checkout/sessions');
    expect(Object.fromEntries(fields)).toMatchObject({
      mode: 'payment',
      client_reference_id: '41',
      'metadata[flashsale_order]': '41',
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

  it('says what went wrong without a word of the key', async () => {
    double.failures.push(refusal(402, 'card_declined'));
    const failed = await stripe.begin(order('45')).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(PaymentError);
    expect(failed).toMatchObject({ isTransient: false, message: 'Stripe: card_declined (402)' });
    const stranger = await providerWith(`${STRIPE_KEY}Wrong`)
      .begin(order('45'))
      .catch((e) => e);
    expect(stranger).toBeInstanceOf(PaymentError);
    expect(inspect([failed, stranger], { depth: 9 })).not.toMatch(/sk_test|whsec/);
    // 9.90 yen do not exist.
    const odd = stripe.begin({ ...order('45'), amount: '9.90', currency: 'JPY' });
    await expect(odd).rejects.toBeInstanceOf(PaymentError);
  });

  it('ends with the order, or as soon after as Stripe allows', () => {
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

describe('money', () => {
  it.each([
    ['9.90', 'EUR', 990],
    ['0.05', 'USD', 5],
    ['1200', 'JPY', 1_200],
    ['1200.00', 'JPY', 1_200],
    ['1.5', 'KWD', 1_500],
  ])('%s %s is %i of the smallest unit', (amount, currency, units) => {
    expect(toMinorUnits(amount, currency)).toBe(units);
    expect(Number(fromMinorUnits(units, currency))).toBe(Number(amount));
  });

  it('comes back as it went', () => {
    const units = fc.integer({ min: 0, max: 1e12 });
    fc.assert(
      fc.property(units, fc.constantFrom('EUR', 'JPY', 'KWD'), (amount, currency) => {
        return toMinorUnits(fromMinorUnits(amount, currency), currency) === amount;
      }),
    );
  });
});

describe('a callback', () => {
  const verify = (payload: string, header = signature(payload)) =>
    stripe.verify(payload, { 'stripe-signature': header });

  it('tells of money for an order', () => {
    expect(verify(sessionEvent({ orderNo: '7', intent: 'pi_9' }))).toEqual({
      kind: 'paid',
      orderNo: '7',
      reference: 'stripe:pi_9',
      amount: '9.90',
      currency: 'EUR',
    });
    const later = 'checkout.session.async_payment_succeeded';
    expect(verify(sessionEvent({ orderNo: '7', type: later }))).toMatchObject({ kind: 'paid' });
  });

  it.each([
    ['a session that ended unpaid', { orderNo: '7', type: 'checkout.session.expired' }],
    ['a payment that failed', { orderNo: '7', type: 'checkout.session.async_payment_failed' }],
    ['a payment under way', { orderNo: '7', paymentStatus: 'unpaid' }],
    ['another shop on the same account', {}],
    ['another kind of event', { orderNo: '7', type: 'charge.updated' }],
  ])('changes nothing: %s', (_name, facts) => {
    expect(verify(sessionEvent(facts))).toMatchObject({ kind: 'ignored' });
  });

  it.each([
    ['refund.failed', 'failed'],
    ['refund.updated', 'failed'],
    ['charge.refund.updated', 'failed'],
    ['refund.updated', 'canceled'],
  ])('tells that a refund came to nothing: %s, %s', (type, status) => {
    expect(verify(refundEvent({ intent: 'pi_9', refund: 're_9', type, status }))).toEqual({
      kind: 'refund_failed',
      reference: 'stripe:pi_9',
      refundRef: 're_9',
      reason: status === 'failed' ? 'expired_or_canceled_card' : 'canceled',
    });
  });

  it.each([
    ['refund.updated', 'succeeded'],
    ['refund.created', 'pending'],
    ['charge.refund.updated', 'pending'],
  ])('changes nothing of a refund: %s, %s', (type, status) => {
    const event = refundEvent({ intent: 'pi_9', refund: 're_9', type, status });
    expect(verify(event)).toMatchObject({ kind: 'ignored' });
  });

  it('is refused when it is forged, changed, old or nonsense', () => {
    const payload = sessionEvent({ orderNo: '7' });
    const header = signature(payload);
    expect(() => verify(payload, '')).toThrow(ForgedCallback);
    expect(() => verify(payload.replace('"7"', '"8"'), header)).toThrow(ForgedCallback);
    expect(() => verify(` ${payload}`, header)).toThrow(ForgedCallback);
    const other = signature(payload, { secret: `${STRIPE_WEBHOOK_SECRET}Else` });
    expect(() => verify(payload, other)).toThrow(ForgedCallback);
    expect(() => verify(payload, signature(payload, { ageS: 301 }))).toThrow(ForgedCallback);
    expect(verify(payload, signature(payload, { ageS: 290 }))).toMatchObject({ kind: 'paid' });
    expect(() => verify('{', signature('{'))).toThrow(UnknownCallback);
    const bad = sessionEvent({ orderNo: "7'; DROP" });
    expect(() => verify(bad)).toThrow(UnknownCallback);
  });
});

describe('a refund', () => {
  it('is given once, and is the same when it was given before', async () => {
    const first = await stripe.refund('stripe:pi_77');
    expect(first).toMatch(/^re_/);
    expect(await stripe.refund('stripe:pi_77')).toBe(first);
    double.refunded.set('pi_78', 're_by_hand');
    expect(await stripe.refund('stripe:pi_78')).toBe('re_by_hand');
    double.failures.push(refusal(400, 'balance_insufficient'));
    await expect(stripe.refund('stripe:pi_79')).rejects.toMatchObject({ isTransient: false });
    expect(await stripe.refund('stripe:pi_79')).toMatch(/^re_/);
  });

  it('that failed is followed by one more, once however often it is asked for', async () => {
    const failed = await stripe.refund('stripe:pi_80');
    double.refunded.delete('pi_80');
    const second = await stripe.refund('stripe:pi_80', failed);
    expect(second).not.toBe(failed);
    expect(await stripe.refund('stripe:pi_80', failed)).toBe(second);
  });

  it('that fails at once is an error that names it', async () => {
    const body = { id: 're_bad', object: 'refund', status: 'failed', failure_reason: 'unknown' };
    double.failures.push({ status: 200, body });
    await expect(stripe.refund('stripe:pi_81')).rejects.toMatchObject({
      message: 'the refund failed: unknown',
      refundRef: 're_bad',
    });
  });
});
