import { afterEach, describe, expect, it } from 'vitest';
import { StandardProvider } from '../../payment/standard.ts';
import { signature } from '../stripe-double.ts';
import { SECRETS, STRIPE_ENVIRONMENT } from './secrets.ts';
import { openWebNode, type WebNode } from './web-node.ts';

/** A web node has the routes of the configured payment provider, and no others. */

let node: WebNode;
afterEach(() => node.close());

const STANDARD = '/api/v1/orders/41/payment';
const STRIPE = '/api/v1/payments/stripe';
const PAY = '/api/v1/demo/orders/41/pay';

async function statusOf(url: string, headers: Record<string, string> = {}, payload = '{}') {
  const content = { 'content-type': 'application/json', ...headers };
  return (await node.app.inject({ method: 'POST', url, headers: content, payload })).statusCode;
}

async function paths(): Promise<string[]> {
  const { paths } = (await node.app.inject('/openapi.json')).json();
  return Object.keys(paths).filter((path) => /pay/.test(path));
}

/** How many callbacks had the right signature, and how many had not. */
async function counted() {
  const text = await node.context.metrics.text(['flashsale_payment_callbacks_total']);
  const lines = text.matchAll(/result="(\w+)".*? (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, result, count]) => [result, Number(count)]));
}

it.each([
  ['Stripe', STRIPE_ENVIRONMENT, STRIPE],
  ['another provider', { ...SECRETS, DEMO: '0', PAYMENT_PROVIDER: 'standard' }, STANDARD],
])(
  'callbacks that are signed with another secret are counted, with %s',
  async (_name, environment, url) => {
    node = await openWebNode({ environment });
    // An alert needs a counter that is there before the first of them.
    expect(await counted()).toEqual({ signed: 0, forged: 0 });
    expect(await statusOf(url)).toBe(403);
    expect(await counted()).toEqual({ signed: 0, forged: 1 });
  },
);

it('a callback with the right signature is counted, whatever it says', async () => {
  node = await openWebNode();
  const secret = node.config.payment;
  if (!('webhookSecret' in secret)) throw new Error('the demo has a secret');
  const data = { orderNo: '41', reference: 'stripe:1', amount: '9.90', currency: 'EUR' };
  const { headers, payload } = new StandardProvider(secret.webhookSecret).sign(
    'msg_1',
    new Date(),
    data,
  );
  expect(await statusOf(STANDARD, headers, payload)).toBe(400);
  expect(await counted()).toEqual({ signed: 1, forged: 0 });
});

it('takes an event that is larger than a body of a shopper may be, up to 128 KiB', async () => {
  node = await openWebNode({ environment: STRIPE_ENVIRONMENT });
  const secret = STRIPE_ENVIRONMENT.STRIPE_WEBHOOK_SECRET;
  const event = (bytes: number) =>
    JSON.stringify({
      object: 'event',
      type: 'charge.succeeded',
      livemode: true,
      text: 'x'.repeat(bytes),
    });
  const say = (payload: string) =>
    statusOf(STRIPE, { 'stripe-signature': signature(payload, { secret }) }, payload);
  expect(await say(event(100_000))).toBe(200);
  expect(await say(event(140_000))).toBe(413);
  expect(await counted()).toEqual({ signed: 1, forged: 0 });
});

describe('the routes of a web node', () => {
  it('are only those of Stripe with Stripe, even for a correctly signed callback of another provider', async () => {
    node = await openWebNode({ environment: STRIPE_ENVIRONMENT });
    expect(await paths()).toEqual([STRIPE]);
    const secret = node.config.payment;
    expect(secret).not.toHaveProperty('webhookSecret');
    const forged = new StandardProvider(STRIPE_ENVIRONMENT.PAYMENT_WEBHOOK_SECRET);
    const data = { orderNo: '41', reference: 'free', amount: '9.90', currency: 'EUR' };
    const { headers, payload } = forged.sign('msg_1', new Date(), data);
    expect(await statusOf(STANDARD, headers, payload)).toBe(404);
    expect(await statusOf(PAY)).toBe(404);
    expect(await statusOf(STRIPE)).toBe(403);
  });

  it('are the callback and the pay button in the demo', async () => {
    node = await openWebNode();
    expect((await paths()).sort()).toEqual([
      '/api/v1/demo/orders/{orderNo}/pay',
      '/api/v1/orders/{orderNo}/payment',
    ]);
    expect(await statusOf(STRIPE)).toBe(404);
    expect(await statusOf(STANDARD)).toBe(403);
  });

  it('are only the callback when the shop takes payments elsewhere', async () => {
    const environment = { ...SECRETS, DEMO: '0', PAYMENT_PROVIDER: 'standard' };
    node = await openWebNode({ environment });
    expect(await paths()).toEqual(['/api/v1/orders/{orderNo}/payment']);
    expect(await statusOf(PAY)).toBe(404);
    expect(await statusOf(STANDARD)).toBe(403);
  });
});
