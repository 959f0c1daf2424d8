import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CALLS, type CallName } from '../../../ops/load/client/calls.ts';
import { readPlan } from '../../../ops/load/plan/read.ts';

/** The script for k6, which is not installed here: its types, and its flow against a made-up shop. */

const ROOT = join(import.meta.dirname, '..', '..', '..');
const SCRIPT = readFileSync(join(ROOT, 'ops/load/k6.js'), 'utf8');

it('the script for k6 is free of type errors', () => {
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  const project = join(import.meta.dirname, 'k6.tsconfig.json');
  const run = spawnSync(tsc, ['--noEmit', '-p', project], { encoding: 'utf8' });
  expect(`${run.error?.message ?? ''}${run.stdout}`).toBe('');
  expect(run.status).toBe(0);
});

interface Sent {
  readonly name: CallName;
  readonly method: string;
  readonly path: string;
}

/** The script with k6's modules given, because Node has none of them. */
function load(given: Record<string, unknown>) {
  const body = SCRIPT.replace(/^import .*$/gm, '')
    .replace('export { options };', '')
    .replace('export default function', 'return { options, shopper };\nfunction');
  const names = Object.keys(given);
  return new Function(...names, body)(...Object.values(given)) as {
    options: { scenarios: { crowd: { stages: object[]; maxVUs: number } } };
    shopper: () => void;
  };
}

it('the script for k6 plays a plan with the calls of a shopper', () => {
  const plan = readPlan(
    'sale: spring\nseed: 1\narrivals: [{ for: 10s, rate: 2, to: 5 }]\nbehaviours: { buys: 1 }\n',
    'x.yaml',
  );
  const text = JSON.stringify(plan, (_, value) =>
    value instanceof Map ? Object.fromEntries(value) : value,
  );
  const now = new Date().toISOString();
  const skus = [{ sku: 'TV', availability: 'plenty' }];
  const status = '/api/v1/requests/r~receipt';
  const answers: Record<string, [number, object]> = {
    '/api/v1/sales/spring': [200, { state: 'open', opensAt: now, serverTime: now, skus }],
    '/api/v1/demo/guest': [201, { token: 't' }],
    '/api/v1/orders': [200, { orders: [] }],
    '/api/v1/sales/spring/tickets': [201, { purchaseUrl: '/api/v1/buy/x' }],
    '/api/v1/buy/x': [202, { statusUrl: status }],
    [`${status}?wait=10`]: [200, { status: 'ordered', order: { orderNo: '7' } }],
    '/api/v1/orders/7/checkout': [200, { method: 'POST', url: '/api/v1/demo/orders/7/pay' }],
    '/api/v1/demo/orders/7/pay': [200, { status: 'paid' }],
    '/api/v1/orders/7': [200, { orderNo: '7', status: 'paid' }],
  };
  const sent: Sent[] = [];
  class Metric {
    add() {}
  }
  const { options, shopper } = load({
    ...{ check: () => {}, sleep: () => {}, Counter: Metric, Trend: Metric },
    ...{ open: () => text, __ENV: { SHOP_URL: 'http://shop.example/' } },
    http: {
      request(method: string, url: string, _: string, { tags }: { tags: { name: CallName } }) {
        const path = url.replace('http://shop.example', '');
        sent.push({ name: tags.name, method, path });
        const [status, body] = answers[path] ?? [200, undefined];
        return { status, headers: {}, json: () => body };
      },
    },
  });
  expect(options.scenarios.crowd).toMatchObject({
    maxVUs: plan.aliveMax,
    stages: [
      { target: 120, duration: '0s' },
      { target: 300, duration: '10000ms' },
    ],
  });
  shopper();
  expect(sent.map(({ name }) => name)).toEqual([
    ...['page', 'sale', 'guest', 'orders', 'sale', 'ticket', 'buy'],
    ...['long-poll', 'checkout', 'pay', 'order'],
  ]);
  for (const { name, method, path } of sent) {
    const pattern = `^${CALLS[name][1].replaceAll(/\{\w+\}/g, '[^/?]+')}(\\?wait=10)?$`;
    expect([name, method, path]).toEqual([name, CALLS[name][0], expect.stringMatching(pattern)]);
  }
});
