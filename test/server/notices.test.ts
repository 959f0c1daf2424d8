import { createECDH, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noticeToken } from '../../contracts/notice-links.ts';
import { noticeContacts, takeNotices } from '../../db/calls.ts';
import { openShop } from '../db/open-shop.ts';
import { order, stock } from '../db/shop.ts';
import { uniqueName } from '../servers.ts';
import { openWebNode, rowOnSale, type WebNode } from './web-node.ts';

/** The calls with which shoppers say where they want to be told. */

const { database, worker, web, ops, sale } = await openShop();
const secret = randomBytes(32).toString('base64url');
const vapid = createECDH('prime256v1');
const pushKey = vapid.generateKeys('base64url');
let node: WebNode;
let silent: WebNode;

beforeAll(async () => {
  const environment = {
    MAIL_FROM: 'shop@shop.example',
    VAPID_PUBLIC_KEY: pushKey,
    NOTICE_SECRET: secret,
  };
  node = await openWebNode({ databases: web, environment });
  silent = await openWebNode({ databases: web });
  for (const each of [node, silent]) {
    each.world.row = rowOnSale({ sale });
    await each.refresh();
  }
});
afterAll(async () => {
  await node.close();
  await silent.close();
});

const PATH = `/api/v1/sales/${sale}/notices`;
type Method = 'GET' | 'POST' | 'DELETE';

async function call(method: Method, url: string, userId?: string, payload?: object, on = node) {
  const answer = await on.app.inject({
    method,
    url,
    ...(userId !== undefined && { headers: { authorization: `Bearer ${on.tokenOf(userId)}` } }),
    ...(payload !== undefined && { payload }),
  });
  const isJson = /json/.test(String(answer.headers['content-type']));
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: isJson ? answer.json() : null,
  };
}

const email = (address: string) => ({ language: 'de', email: address });
function subscription(endpoint: string) {
  const keys = createECDH('prime256v1');
  return {
    endpoint,
    expirationTime: null,
    keys: { p256dh: keys.generateKeys('base64url'), auth: randomBytes(16).toString('base64url') },
  };
}
const newUser = () => uniqueName('user');

test('a shop without mail server and keys offers nothing, and has no calls to opt in', async () => {
  expect((await call('GET', '/api/v1/notices', undefined, undefined, silent)).body).toMatchObject({
    email: false,
  });
  const answer = await call('POST', PATH, newUser(), email('ann@mail.example'), silent);
  expect(answer.status).toBe(404);
  const offered = await call('GET', '/api/v1/notices');
  expect(offered.body).toMatchObject({
    email: true,
    pushKey,
    languages: expect.arrayContaining(['ja']),
  });
  expect(offered.headers['cache-control']).toBe('public, max-age=60');
});

test('a shopper opts in, sees their own contacts with the address hidden, and nobody else does', async () => {
  const ann = newUser();
  expect((await call('POST', PATH, undefined, email('a@mail.example'))).status).toBe(401);
  const push = subscription('https://push.example/abc');
  const added = await call('POST', PATH, ann, { ...email('Ann.Lee@Mail.Example'), push });
  expect(added.status).toBe(201);
  const contacts = [
    { channel: 'email', address: 'A…@mail.example', status: 'unconfirmed', language: 'de' },
    { channel: 'push', status: 'confirmed' },
  ];
  expect(added.body).toMatchObject({ sale, contacts });
  const shown = await call('GET', PATH, ann);
  expect(shown.body).toEqual(added.body);
  expect(JSON.stringify(shown.body)).not.toMatch(/push\.example|Lee|p256dh/);
  expect(shown.headers['cache-control']).toBe('no-store');
  expect((await call('GET', PATH, newUser())).body).toEqual({ sale, contacts: [] });
  await call('DELETE', PATH, newUser());
  expect((await call('GET', PATH, ann)).body.contacts).toHaveLength(2);
  expect((await call('DELETE', PATH, ann)).status).toBe(204);
  expect((await call('GET', PATH, ann)).body.contacts).toEqual([]);
});

test.each([
  ['ann@mail.example\r\nBcc: bob@mail.example'],
  ['ann@mail.example, bob@mail.example'],
  ['Ann <ann@mail.example>'],
  ['"a b"@mail.example'],
  ['ann@localhost'],
  ['ann@mail.internal'],
  ['ann@127.0.0.1'],
  ['ann@[127.0.0.1]'],
  ['ann@mail.example\u0000'],
  ['ann@ma\nil.example'],
  [`${'x'.repeat(65)}@mail.example`],
  ['ann'],
])('%j is refused as an e-mail address', async (address) => {
  const answer = await call('POST', PATH, newUser(), email(address));
  expect(answer).toMatchObject({ status: 400, body: { verdict: 'bad_request' } });
});

test.each([
  ['http://push.example/a', 'it must be https'],
  ['https://127.0.0.1/a', 'not a public address'],
  ['https://[::1]/a', 'not a public address'],
  ['https://169.254.169.254/latest', 'not a public address'],
  ['https://me:pw@push.example/a', 'no login'],
  ['no URL at all', 'not a URL'],
])('a push subscription at %s is refused', async (endpoint, why) => {
  const answer = await call('POST', PATH, newUser(), {
    language: 'en',
    push: subscription(endpoint),
  });
  expect(answer.status).toBe(400);
  expect(answer.body.detail).toContain(why);
});

test('a key that is no point of the curve, an unknown language, and nothing at all are refused', async () => {
  const push = subscription('https://push.example/a');
  const keys = { ...push.keys, p256dh: Buffer.alloc(65, 4).toString('base64url') };
  for (const [body, why] of [
    [{ language: 'en', push: { ...push, keys } }, 'p256dh'],
    [{ language: 'tlh', email: 'ann@mail.example' }, 'language'],
    [{ language: 'en' }, 'email or push'],
  ] as const) {
    const answer = await call('POST', PATH, newUser(), body);
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toContain(why);
  }
  const elsewhere = await call(
    'POST',
    '/api/v1/sales/none/notices',
    newUser(),
    email('a@mail.example'),
  );
  expect(elsewhere.status).toBe(404);
});

test('an address gets a few questions a day, whoever asks; a user asks a few', async () => {
  const address = `${uniqueName('victim')}@mail.example`;
  const statuses = [];
  for (let n = 0; n < 5; n += 1) {
    const spelled = n % 2 === 0 ? address : address.toUpperCase();
    statuses.push((await call('POST', PATH, newUser(), email(spelled))).status);
  }
  expect(statuses).toEqual([201, 201, 201, 429, 429]);
  const bob = newUser();
  const own = [];
  for (let n = 0; n < 5; n += 1) {
    own.push((await call('POST', PATH, bob, email(`${uniqueName('a')}@mail.example`))).status);
  }
  expect(own).toEqual([201, 201, 201, 429, 429]);
  // The last accepted address replaced the earlier ones.
  expect((await call('GET', PATH, bob)).body.contacts).toHaveLength(1);
});

test('links work without a login and only as signed: a visit changes nothing, a press does', async () => {
  const [ann, address] = [newUser(), `${uniqueName('ann')}@mail.example`];
  await call('POST', PATH, ann, email(address));
  const [contact] = await noticeContacts(web, sale, ann);
  const id = contact?.contact ?? '';
  const confirmToken = noticeToken(secret, 'confirm', id);
  const leaveToken = noticeToken(secret, 'unsubscribe', id);
  const forged = noticeToken(secret.toUpperCase(), 'confirm', id);
  for (const token of [forged, leaveToken, '', 'x'.repeat(54)]) {
    expect((await call('POST', '/api/v1/notices/confirm', undefined, { token })).status).toBe(404);
  }
  const status = async () => (await call('GET', PATH, ann)).body.contacts[0]?.status;
  expect(await status()).toBe('unconfirmed');
  for (let n = 0; n < 2; n += 1) {
    const done = await call('POST', '/api/v1/notices/confirm', undefined, { token: confirmToken });
    expect(done).toMatchObject({ status: 200, body: { sale } });
  }
  expect(await status()).toBe('confirmed');

  const url = `/api/v1/notices/unsubscribe/${leaveToken}`;
  const visited = await call('GET', url);
  expect(visited.status).toBe(303);
  expect(visited.headers.location).toBe(`/notices#unsubscribe=${leaveToken}`);
  expect(await status()).toBe('confirmed');
  const wrong = await call('POST', `/api/v1/notices/unsubscribe/${confirmToken}`);
  expect(wrong.status).toBe(404);
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const answer = await node.app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': type },
      payload: 'List-Unsubscribe=One-Click',
    });
    expect(answer.statusCode).toBe(204);
  }
  expect(await status()).toBeUndefined();
});

test('who opts in with an unpaid order is reminded of it; who asks again is not asked twice as much', async () => {
  const sku = await stock(ops, sale, { units: 1 });
  const ann = newUser();
  const orderNo = await order(worker, sku, { userId: ann });
  const push = subscription('https://push.example/ann');
  for (let n = 0; n < 2; n += 1) {
    expect((await call('POST', PATH, ann, { language: 'fr', push })).status).toBe(201);
  }
  await database.admin.query({ text: 'UPDATE catalog.notice SET next_at = now()' });
  const due = await takeNotices(worker, 'push', { noticesMax: 100, leaseMs: 1_000 });
  const mine = due.filter((notice) => notice.orderNo === orderNo);
  expect(mine).toMatchObject([{ kind: 'expiring', language: 'fr', address: push.endpoint }]);
});

test('a user has a few push subscriptions; a new one replaces the oldest', async () => {
  const ann = newUser();
  for (let n = 0; n < 7; n += 1) {
    await call('POST', PATH, ann, {
      language: 'en',
      push: subscription(`https://push.example/${n}`),
    });
  }
  const kept = (await noticeContacts(web, sale, ann)).map(({ address }) => address.slice(-1));
  expect(kept.sort()).toEqual(['2', '3', '4', '5', '6']);
});
