import { createECDH } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { addNoticeContact, noticeContacts } from '../../db/calls.ts';
import { createPusher } from '../../worker/notices/push.ts';
import { openShop } from '../db/open-shop.ts';
import { order, stock } from '../db/shop.ts';
import { uniqueName } from '../servers.ts';
import { until } from '../until.ts';
import { publish, startSender } from './notice-sender.ts';
import { type Browser, startPushService } from './push-service.ts';

/** Web Push to browsers that decrypt what arrives. */

const { database, worker, web, ops, sale } = await openShop(8);
const sku = await stock(ops, sale, { units: 1_000, title: 'Ein Fernseher' });
const vapid = createECDH('prime256v1');
const publicKey = vapid.generateKeys('base64url');
const privateKey = vapid.getPrivateKey('base64url');
const config = { publicKey, privateKey, subject: 'mailto:shop@shop.example' };
const service = await startPushService(publicKey);
const sender = startSender(worker, [createPusher({ ...config, allowPrivate: true }, 4)]);
afterAll(async () => {
  await sender.end();
  await service.close();
});

async function subscribed(browser: Pick<Browser, 'endpoint' | 'keys'>, language = 'de') {
  const userId = uniqueName('user');
  const { endpoint: address, keys } = browser;
  const contact = {
    sale,
    userId,
    channel: 'push',
    address,
    keys,
    language,
    reminders: [],
  } as const;
  expect(await addNoticeContact(web, contact)).toBe('added');
  return userId;
}

async function buy(userId: string): Promise<string> {
  const orderNo = await order(worker, sku, { userId });
  await publish(worker);
  return orderNo;
}

async function stateOf(orderNo: string) {
  const rows = await database.admin.query<{ state: string; last_error: string; attempts: number }>({
    text: `SELECT state, last_error, attempts FROM catalog.notice WHERE order_no = $1 AND kind = 'ordered'`,
    values: [orderNo],
  });
  return rows[0];
}

test('a browser is told of an order, encrypted, signed, and with a topic that folds copies', async () => {
  const browser = service.subscribe();
  const orderNo = await buy(await subscribed(browser));
  const { headers, payload } = await until('it is told', () => browser.pushed[0]);
  expect(payload).toMatchObject({
    title: 'Bestellt: Ein Fernseher',
    path: `/sales/${sale}#orders`,
    lang: 'de',
    dir: 'ltr',
  });
  expect(payload.body).toContain(`Bestellnummer: ${orderNo}.`);
  expect(headers).toMatchObject({
    'content-encoding': 'aes128gcm',
    topic: payload.tag,
    urgency: 'high',
  });
  // No push service keeps it for longer than the order can be paid.
  expect(Number(headers['ttl'])).toBeGreaterThan(0);
  expect(Number(headers['ttl'])).toBeLessThanOrEqual(900);
});

test('a service that is busy is asked again later, and no copy has another topic', async () => {
  const browser = service.subscribe();
  browser.answer = () => (browser.attempts < 3 ? { status: 503 } : { status: 201 });
  const orderNo = await buy(await subscribed(browser));
  await until('it is told', () => browser.pushed[0]);
  await until('it is recorded', async () => (await stateOf(orderNo))?.state === 'sent');
  expect(browser.attempts).toBe(3);
  expect((await stateOf(orderNo))?.attempts).toBe(3);
});

test('Retry-After is honoured', async () => {
  const browser = service.subscribe();
  browser.answer = () => ({ status: 429, headers: { 'retry-after': '600' } });
  const orderNo = await buy(await subscribed(browser));
  await until('it is refused', () => browser.attempts > 0);
  const waitS = await until('it waits', async () => {
    const [row] = await database.admin.query<{ s: number }>({
      text: `SELECT extract(epoch FROM next_at - now())::float8 AS s FROM catalog.notice
             WHERE order_no = $1 AND kind = 'ordered' AND last_error IS NOT NULL`,
      values: [orderNo],
    });
    return row?.s;
  });
  expect(waitS).toBeGreaterThan(100);
});

test.each([404, 410])(
  'a subscription that is gone (%i) is removed with its notices',
  async (status) => {
    const browser = service.subscribe();
    browser.answer = () => ({ status });
    const userId = await subscribed(browser);
    const orderNo = await buy(userId);
    await until(
      'it is removed',
      async () => (await noticeContacts(web, sale, userId)).length === 0,
    );
    expect(await stateOf(orderNo)).toBeUndefined();
  },
);

test('a subscription that leads to an internal address is never called, and removed', async () => {
  const strict = await startPushService(publicKey);
  const browser = strict.subscribe();
  const keys = browser.keys;
  const guarded = createPusher({ ...config, allowPrivate: false }, 4);
  const notice = (address: string) => ({
    noticeNo: '1',
    contact: '00000000-0000-4000-8000-000000000001',
    orderNo: '1',
    kind: 'called_off' as const,
    eventNo: '0',
    copy: 0,
    attempt: 1,
    facts: undefined,
    untilAt: new Date(Date.now() + 60_000),
    sale,
    saleTitle: 'A',
    skuTitle: 'B',
    address,
    keys,
    language: 'en',
  });
  const message = {
    id: 'x'.repeat(32),
    language: 'en',
    direction: 'ltr',
    subject: 's',
    text: 't',
    html: 'h',
    body: 'b',
    url: 'https://shop.example/sales/a#orders',
    unsubscribeUrl: 'https://shop.example/u',
    usefulUntil: new Date(Date.now() + 60_000),
  } as const;
  const port = new URL(strict.url).port;
  for (const address of [
    browser.endpoint,
    `https://127.0.0.1:${port}/a`,
    `https://localhost:${port}/a`,
    `https://[::ffff:127.0.0.1]:${port}/a`,
  ]) {
    const result = await guarded.send(notice(address), message, AbortSignal.timeout(60_000));
    expect([address, result]).toMatchObject([address, { result: 'gone' }]);
  }
  expect(browser.attempts).toBe(0);
  guarded.close();
  await strict.close();
});
