import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../db/operations.ts';
import { freePort } from '../../ops/stack/ports.ts';
import type { ServerName } from '../../ops/stack/servers.ts';
import { StandardProvider } from '../../payment/standard.ts';
import { type Edge, startEdge } from '../edge.ts';
import { type Answer, Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { type BreakableServers, startBreakableServers } from './breakable.ts';

/**
 * Each server is stopped and frozen, as shoppers see it through the edge, a real nginx: the nodes stay
 * behind it, and every call gets the promised answer in limited time. Prints a table of all
 * answers.
 */

const SKU = 'TV';
/** Longer than every timeout of a node, and shorter than those of the edge. */
const ANSWER_MS_MAX = 45_000;
const WEB = ['web-1', 'web-2'];
const NEEDED_BY: Record<ServerName, readonly string[]> = {
  postgres: [...WEB, 'worker-1', 'keeper-1'],
  rabbitmq: [...WEB, 'worker-1', 'keeper-1'],
  zookeeper: [...WEB, 'keeper-1'],
};
const WELL: Readonly<Record<string, string>> = {
  page: '200',
  sales: '200',
  sale: '200',
  ticket: '201',
  buy: '202 queued',
  request: '200 ordered',
  orders: '200',
  order: '200 ordered',
  callback: '200 paid',
  cancel: '200 cancelled',
  readyz: '200 ready',
};
const overloaded = '503 overloaded';
/** The calls that fail without the server. All other calls still work. */
const LOST: Record<ServerName, Readonly<Record<string, string>>> = {
  postgres: {
    request: '503 status_unavailable',
    orders: overloaded,
    order: overloaded,
    callback: overloaded,
    cancel: overloaded,
  },
  rabbitmq: { buy: overloaded },
  zookeeper: { buy: '503 quota_unavailable' },
};

let servers: BreakableServers;
let system: System;
let edge: Edge;
let sale: string;

beforeAll(async () => {
  servers = await startBreakableServers();
  system = await startSystem({
    webNodes: 0,
    databaseServerUrl: servers.databaseUrl,
    amqpUrl: servers.amqpUrl,
    zookeeper: servers.zookeeper,
    environment: { TRUST_PROXY: '127.0.0.1/32', TRUST_PROXY_HOPS: '1' },
  });
  const ports = [await freePort(), await freePort()];
  await Promise.all(
    WEB.map((name, at) => system.run(name, 'server/main.ts', { PORT: String(ports[at]) })),
  );
  edge = await startEdge(ports);
  sale = await system.createSale([{ sku: SKU, units: 1_000 }]);
});
afterAll(async () => {
  await edge?.close();
  await system?.stop();
  await servers?.remove();
});

const shopper = () => new Shopper(edge.url, system.jwtSecret);

async function order(who: Shopper): Promise<{ orderNo: string; requestId: string }> {
  const { body } = await who.buy(sale, SKU);
  expect(body).toMatchObject({ status: 'ordered' });
  return body.order;
}

function callback(who: Shopper, orderNo: string): Promise<Answer> {
  const { environment } = system;
  const provider = new StandardProvider(environment['PAYMENT_WEBHOOK_SECRET'] ?? '');
  const payment = { orderNo, reference: `ref-${orderNo}`, amount: '9.90', currency: 'EUR' };
  const { payload, headers } = provider.sign(randomUUID(), new Date(), payment);
  return who.call('POST', `/api/v1/orders/${orderNo}/payment`, payload, headers);
}

/** Every call of the API, for shoppers who have orders to read, to pay and to cancel. */
async function callsOf() {
  const [reader, payer, leaver] = [shopper(), shopper(), shopper()];
  const [kept, paid, cancelled] = await Promise.all([order(reader), order(payer), order(leaver)]);
  const get = (path: string) => () => reader.call('GET', path);
  const ticketPath = `/api/v1/sales/${sale}/tickets`;
  const calls: Record<string, () => Promise<Answer>> = {
    page: get(`/sales/${sale}`),
    sales: get('/api/v1/sales'),
    sale: get(`/api/v1/sales/${sale}`),
    ticket: () => shopper().call('POST', ticketPath, { sku: SKU }),
    buy: () => shopper().press(sale, SKU),
    request: get(`/api/v1/requests/${kept.requestId}`),
    // Not the first page, which is cached.
    orders: get('/api/v1/orders?limit=3'),
    order: get(`/api/v1/orders/${kept.orderNo}`),
    callback: () => callback(payer, paid.orderNo),
    cancel: () => leaver.call('POST', `/api/v1/orders/${cancelled.orderNo}/cancel`),
    readyz: get('/readyz'),
  };
  return { calls, payer, paid };
}

const verdictOf = ({ status, body }: Answer) =>
  [status, body?.verdict ?? body?.status].filter((part) => part !== undefined).join(' ');

async function answersOf(calls: Record<string, () => Promise<Answer>>) {
  const answers = Object.entries(calls).map(async ([name, call]) => {
    const startedAt = performance.now();
    const answer = await call();
    return { name, ...answer, verdict: verdictOf(answer), ms: performance.now() - startedAt };
  });
  return Promise.all(answers);
}

/** Waits until every process reports whether it can use the server. */
async function untilSeen(server: ServerName, isUp: boolean): Promise<void> {
  const gauge = new RegExp(`^flashsale_dependency_up\\{dependency="${server}".*\\} (\\d)$`, 'm');
  for (const name of NEEDED_BY[server]) {
    await until(`${name} sees ${server} ${isUp ? 'up' : 'down'}`, async () => {
      const { degraded } = JSON.parse(await system.readiness(name));
      const isNamed = degraded.some((each: string) => each.startsWith(`${server}: `));
      const value = gauge.exec(await system.metrics(name))?.[1];
      if (isNamed !== isUp && value === (isUp ? '1' : '0')) return true;
      throw new Error(JSON.stringify({ degraded, value }));
    });
  }
}

describe.each(['postgres', 'rabbitmq', 'zookeeper'] as const)('while %s is', (server) => {
  it.each(['stopped', 'frozen'] as const)('%s, only the calls that need it fail', async (how) => {
    const { calls, payer, paid } = await until('orders are taken and decided', callsOf);
    const brokenAt = performance.now();
    if (how === 'frozen') servers.freeze(server);
    else await servers.stop(server);
    await untilSeen(server, false);
    const seenMs = performance.now() - brokenAt;
    const answers = await answersOf(calls);

    const mendedAt = performance.now();
    if (how === 'frozen') servers.thaw(server);
    else await servers.start(server);
    const startedMs = performance.now() - mendedAt;
    await order(shopper());
    expect(verdictOf(await callback(payer, paid.orderNo))).toBe(WELL['callback']);
    await untilSeen(server, true);
    const wellMs = performance.now() - mendedAt;

    const seconds = (ms: number) => (ms / 1_000).toFixed(1);
    console.log(
      [
        `${server} ${how}: seen by all after ${seconds(seenMs)} s; well ${seconds(wellMs)} s after its return began (the server itself: ${seconds(startedMs)} s)`,
        ...answers.map(
          ({ name, verdict, retryAfter, ms }) =>
            `  ${name.padEnd(9)} ${verdict.padEnd(22)} ${seconds(ms)} s  Retry-After ${retryAfter ?? '-'}`,
        ),
      ].join('\n'),
    );
    const seen = Object.fromEntries(answers.map(({ name, verdict }) => [name, verdict]));
    expect(seen).toEqual({ ...WELL, ...LOST[server] });
    for (const { name, status, contentType, retryAfter, ms } of answers) {
      expect(ms, name).toBeLessThan(ANSWER_MS_MAX);
      if (status < 400) continue;
      expect(contentType, name).toMatch(/^application\/problem\+json/);
      expect(Number(retryAfter), name).toBeGreaterThan(0);
    }
    expect(await audit(system.databases)).toEqual([]);
  });
});

describe('the edge', () => {
  it('answers as a web node would after the last one has died', async () => {
    const { calls } = await until('orders are taken and decided', callsOf);
    await answersOf(calls);
    await Promise.all(WEB.map((name) => system.kill(name)));
    const buy = () => shopper().press(sale, SKU, { ticket: 'any' });
    const answers = await answersOf({ ...calls, buy });
    // The last copies of what is the same for everybody.
    const kept = answers.filter(({ name }) => ['page', 'sales', 'sale'].includes(name));
    expect(kept.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const { name, status, contentType, retryAfter, body } of answers) {
      if (kept.some((each) => each.name === name)) continue;
      expect(contentType, name).toBe('application/problem+json');
      expect(body).toMatchObject({ status, detail: expect.any(String), type: 'about:blank' });
      expect(Number(retryAfter), name).toBeGreaterThan(0);
    }
    // An idle connection to a dead node may have taken the first call. Nothing is sent after that.
    for (const { status, body } of await answersOf({ ...calls, buy })) {
      if (status !== 200) expect(verdictOf({ status, body } as Answer)).toBe('503 overloaded');
    }
  });
});
