import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it, test } from 'vitest';
import { type CloudEvent, cloudEvent } from '../../contracts/events.ts';
import { checkUrl, isPublicAddress } from '../../contracts/public-url.ts';
import { guardedLookup } from '../../worker/webhooks/addresses.ts';
import { createWebhookClient, signed, type WebhookClient } from '../../worker/webhooks/deliver.ts';
import { WEBHOOK_LIMITS, webhookRetryMs } from '../../worker/webhooks/retry.ts';

const STRICT = { allowHttp: false, allowPrivate: false };
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OLD_SECRET = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const at = new Date(0);
const event: CloudEvent = cloudEvent('hot', {
  eventNo: '3',
  kind: 'paid',
  happenedAt: at,
  orderNo: '8',
  requestId: 'r',
  sale: 's',
  sku: 'TV',
  userId: 'u',
  units: 2,
  amount: '19.80',
  currency: 'EUR',
  createdAt: at,
  payBefore: at,
});

test('an event has the attributes of CloudEvents 1.0 and a unique id', () => {
  expect(event).toMatchObject({
    specversion: '1.0',
    id: 'hot.3.8',
    source: '/flashsale/hot',
    type: 'order.paid',
    subject: '8',
    time: '1970-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    data: { orderNo: '8', quantity: 2, amount: '19.80' },
  });
});

test('a signature is valid for the new secret and, during the overlap, for the old one', () => {
  const now = new Date();
  const { headers, body } = signed(event, [SECRET, OLD_SECRET], now);
  const given = { ...headers, 'content-length': '' } as Record<string, string>;
  for (const secret of [SECRET, OLD_SECRET]) {
    expect(new Webhook(secret).verify(body, given)).toEqual(event);
  }
  const other = new Webhook(`whsec_${Buffer.alloc(32, 9).toString('base64')}`);
  expect(() => other.verify(body, given)).toThrow();
  expect(() => new Webhook(SECRET).verify(body.replace('19.80', '0.01'), given)).toThrow();
});

describe('the address', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.20.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:db8::1',
    'ff02::1',
  ])('%s is not public', (address) => expect(isPublicAddress(address)).toBe(false));

  it.each(['1.1.1.1', '93.184.216.34', '2606:4700::1111', '2a00:1450::1'])(
    '%s is public',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  it.each([
    'http://example.com/',
    'ftp://example.com/',
    'https://user:secret@example.com/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://2130706433/', // 127.0.0.1 as one number
    'https://0x7f.1/',
    'nothing',
  ])('%s is refused before anything is sent', (url) => {
    expect(() => checkUrl(url, STRICT)).toThrow();
  });

  it('of a name that leads to this machine is refused when it is resolved', async () => {
    const resolve = (rules: typeof STRICT) =>
      new Promise((done) => guardedLookup(rules)('localhost', {}, (error) => done(error?.name)));
    expect(await resolve(STRICT)).toBe('AddressRefused');
    expect(await resolve({ ...STRICT, allowPrivate: true })).toBeUndefined();
  });
});

test('many attempts at one name use one thread, however slow its name server is', async () => {
  const resolve = guardedLookup({ allowHttp: true, allowPrivate: true });
  const lookups = () =>
    process.getActiveResourcesInfo().filter((one) => one === 'GetAddrInfoReqWrap').length;
  const before = lookups();
  const answers = Array.from({ length: 16 }, () => Promise.withResolvers<unknown>());
  for (const { resolve: done } of answers)
    resolve('localhost', { all: true }, (_, all) => done(all));
  expect(lookups() - before).toBe(1);
  for (const { promise } of answers) expect(await promise).not.toEqual([]);
});

test('many names are looked up in turns, and none is refused for that', async () => {
  const resolve = guardedLookup({ allowHttp: true, allowPrivate: true });
  const names = Array.from({ length: 20 }, (_, n) => `127.0.0.${n + 1}`);
  const answers = names.map(
    (name) =>
      new Promise((done) => {
        resolve(name, {}, (error, address) => done(error?.message ?? address));
      }),
  );
  expect(await Promise.all(answers)).toEqual(names);
});

test('retries have growing delays over days, and end', () => {
  const delays: number[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const delay = webhookRetryMs(attempt, 1, WEBHOOK_LIMITS);
    if (delay === undefined) break;
    expect(webhookRetryMs(attempt, 0, WEBHOOK_LIMITS)).toBe(delay / 2);
    delays.push(delay);
  }
  expect(delays.slice(0, 3)).toEqual([5_000, 10_000, 20_000]);
  expect(delays.at(-1)).toBe(WEBHOOK_LIMITS.retryDelayMaxMs);
  const hours = delays.reduce((sum, delay) => sum + delay, 0) / 3_600_000;
  expect(hours).toBeGreaterThan(60);
  expect(hours).toBeLessThan(90);
});

describe('a delivery attempt', () => {
  let server: Server | undefined;
  let client: WebhookClient | undefined;
  afterEach(() => {
    client?.close();
    server?.closeAllConnections();
    server?.close();
  });

  async function answer(handler: Parameters<typeof createServer>[1], rules = {}) {
    const listening = createServer(handler ?? (() => {}));
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const url = `http://localhost:${(listening.address() as AddressInfo).port}/hook`;
    const all = { allowHttp: true, allowPrivate: true, ...rules };
    client = createWebhookClient(url, all, { connectionsMax: 1, timeoutMs: 2_000 });
    return client.deliver(event, [SECRET]);
  }

  it('does not follow a redirect', async () => {
    const seen: (string | undefined)[] = [];
    const result = await answer((request, response) => {
      seen.push(request.url);
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(result).toEqual({ status: 302 });
    expect(seen).toEqual(['/hook']);
  });

  it('ends without an answer after its timeout', async () => {
    expect(await answer(() => {})).toEqual({ error: 'no answer within 2000 ms' });
  });

  it('fails when the endpoint asks for another protocol', async () => {
    const result = await answer((request) => {
      request.socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      );
    });
    expect(result).toEqual({ error: 'the connection was closed without an answer' });
  });

  it('reads no more of an answer than it must', async () => {
    const closed = Promise.withResolvers<void>();
    const result = await answer((_request, response) => {
      response.writeHead(200);
      const flood = () => {
        while (response.writable && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', flood).on('close', () => closed.resolve());
      flood();
    });
    expect(result).toEqual({ status: 200 });
    await closed.promise;
  });

  it('sends nothing to an address that is not allowed', async () => {
    let asked = 0;
    const result = await answer(
      () => {
        asked += 1;
      },
      { allowPrivate: false },
    );
    expect(result).toEqual({ error: 'localhost has no public address' });
    expect(asked).toBe(0);
  });
});
