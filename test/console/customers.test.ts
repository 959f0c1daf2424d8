import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch } from '../page/browser.ts';
import { uniqueName } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { openCustomers, storyText } from './customers-page.ts';
import { publishDeadLetter } from './dead-letter.ts';
import { agree, planUpTo } from './notices.ts';
import { Caller, type Console, PEOPLE, signInAll, startConsole, type Who } from './place.ts';

/** Customer service in the console beside the whole system: its API, and its page in a browser. */

let system: System;
let place: Console;
let browser: Browser;
let sale: string;
const [sku, phone] = [uniqueName('TV'), uniqueName('Phone')];
let people: Record<Who, Caller>;

beforeAll(async () => {
  [system, browser] = await Promise.all([startSystem({ webNodes: 2 }), launch()]);
  sale = await system.createSale([
    { sku, units: 20 },
    { sku: phone, units: 5 },
  ]);
  place = await startConsole(system, () => ({}));
  people = await signInAll(place);
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

const support = {
  get: (path: string) => people.support.call('GET', path),
  post: (path: string, body: object) => people.support.call('POST', path, body),
  find: async (text: string) => (await support.post('/api/customers/find', { text })).json,
};

/** A story as text: how it is now, and what happened. */
async function told(path: string): Promise<string> {
  const { status, json } = await support.get(path);
  expect(status).toBe(200);
  return storyText(json);
}

async function bought(buyer = new Shopper(system.url, system.jwtSecret), what = sku) {
  const { order } = (await buyer.buy(sale, what)).body;
  return { buyer, orderNo: order.orderNo as string, requestId: order.requestId as string };
}

async function paid(buyer?: Shopper) {
  const one = await bought(buyer);
  const path = `/api/v1/demo/orders/${one.orderNo}/pay`;
  await until('it is paid', async () => (await one.buyer.call('POST', path)).status < 300);
  return one;
}

describe('an order', () => {
  it('is found by what its shopper knows, told from the node that admitted it, and cancelled', async () => {
    const { buyer, orderNo, requestId } = await bought();
    for (const text of [orderNo, requestId.toUpperCase(), buyer.userId]) {
      const found = await support.find(text);
      expect(found).toMatchObject({ orders: [{ orderNo, userId: buyer.userId }], missing: [] });
    }
    const at = `/api/orders/${orderNo}`;
    const nodes = await system.session.children(system.paths.nodes);
    const names = nodes.ok ? nodes.value.join('|') : '';
    const before = await told(at);
    expect(before).toMatch(/^Unpaid\. It is to be paid by 2\d{3}-\S+Z\./);
    expect(before).toMatch(new RegExp(`Web node (${names}) admitted the request`));
    expect(before).toContain(`Decided: order ${orderNo}, 1 × ${sku} for 9.90 EUR`);

    expect(await support.post(`${at}/refund`, { reason: 'asked' })).toMatchObject({
      status: 409,
      json: { verdict: 'refused', detail: 'The order is unpaid: cancel it.' },
    });
    for (const reason of [undefined, '', ' \n', 'a\0b', 'x'.repeat(1_001)]) {
      expect((await support.post(`${at}/cancel`, { reason })).status).toBe(400);
    }
    const reason = 'wrong colour';
    expect(await support.post(`${at}/cancel`, { reason })).toMatchObject({
      status: 200,
      json: { says: 'The order is cancelled.' },
    });
    const remark = await people.merchant.call('POST', `${at}/note`, { reason: 'called twice' });
    expect(remark.status).toBe(200);
    expect(await told(at)).toMatch(
      /^Cancelled by the shop[\s\S]*support cancelled the order for the shopper: wrong colour\nmerchant noted: called twice$/,
    );
    expect((await buyer.call('GET', `/api/v1/orders/${orderNo}`)).body.status).toBe('cancelled');
    const { entries } = (await people.merchant.call('GET', '/api/history')).json;
    for (const action of [
      { who: 'support', action: 'cancel', target: `${orderNo} of ${sale}`, why: reason },
      { who: 'merchant', action: 'note', target: `${orderNo} of ${sale}`, why: 'called twice' },
    ]) {
      expect(entries).toContainEqual(expect.objectContaining(action));
    }
    expect((await support.get('/api/orders/999999998')).status).toBe(404);
    expect((await support.post('/api/orders/999999998/note', { reason })).status).toBe(404);
    expect(system.log('console')).not.toContain(buyer.userId);
  });

  it('is found by its payment and refunded', async () => {
    const { orderNo } = await paid();
    const at = `/api/orders/${orderNo}`;
    const [, reference = ''] = /came in: payment (\S+)\. It paid/.exec(await told(at)) ?? [];
    expect((await support.find(reference)).orders).toMatchObject([{ orderNo, status: 'paid' }]);
    const early = await support.post(`${at}/cancel`, { reason: 'broken' });
    expect(early.json.detail).toBe('The order is paid: refund it.');
    const body = { reason: 'broken' };
    expect(await support.post(`${at}/refund`, body)).toMatchObject({
      status: 200,
      json: { says: 'The order is cancelled, and its payment goes back.' },
    });
    expect(await told(at)).toContain(`9.90 EUR of payment ${reference} has to go back.`);
  });

  it('of a shopper who is blocked says so, and the block is lifted again', async () => {
    const { buyer, orderNo } = await bought();
    const { userId } = buyer;
    const body = { userId, reason: 'resells' };
    const path = `/api/orders/${orderNo}`;
    const done = await support.post('/api/customers/block', body);
    expect(done.json).toEqual({ says: 'The shopper is blocked, on all 2 web nodes.' });
    expect((await support.get(path)).json.isBlocked).toBe(true);
    expect(await told(path)).toContain('The shopper is blocked');
    await expect(buyer.ticket(sale, sku)).rejects.toThrow('"blocked"');
    const { entries } = (await support.get('/api/history')).json;
    const edit = { who: 'support', target: `${system.root}/lists/block/users`, why: 'resells' };
    expect(entries).toContainEqual(expect.objectContaining(edit));
    expect((await support.post('/api/customers/unblock', body)).status).toBe(200);
    expect((await support.get(path)).json.isBlocked).toBe(false);
    const again = await support.post('/api/customers/unblock', body);
    expect(again).toMatchObject({ status: 409, json: { verdict: 'refused' } });
  });

  it('is told again to its shopper, at an address that customer service does not see', async () => {
    const buyer = new Shopper(system.url, system.jwtSecret);
    const address = `${uniqueName('ann')}@mail.example`;
    await agree(system.databases, sale, buyer.userId, address);
    const { orderNo } = await bought(buyer);
    await planUpTo(system.databases, orderNo);
    const at = `/api/orders/${orderNo}`;
    const { json, text } = await support.get(at);
    const mail = { channel: 'email', state: 'due' };
    expect(json.notices).toHaveLength(2);
    for (const kind of ['ordered', 'expiring']) {
      expect(json.notices).toContainEqual(expect.objectContaining({ kind, ...mail }));
    }
    expect(text).toContain('by e-mail at a…@mail.example');
    expect(text).not.toContain(address);
    const again = `/api/notices/${json.notices[0].noticeNo}/resend`;
    expect((await support.post(again, { reason: 'lost' })).json.says).toMatch(/is sent again/);
    expect(await told(at)).toContain('support had a notice sent again: lost');
    const gone = await support.post('/api/notices/999999/resend', { reason: 'lost' });
    expect(gone).toMatchObject({ status: 409, json: { verdict: 'refused' } });
    expect(system.log('console')).not.toContain(address);
  });
});

describe('a request that is not decided', () => {
  it('waits in a queue, and is told when it is decided', async () => {
    await system.end('worker-1');
    const buyer = new Shopper(system.url, system.jwtSecret);
    const pressed = await buyer.press(sale, sku);
    expect(pressed.status).toBe(202);
    const { requestId, statusUrl } = pressed.body;
    const found = await support.find(`${system.url}${statusUrl}`);
    expect(found).toMatchObject({ orders: [], undecided: requestId });
    expect(found.receipt).toContain(`a receipt of the sale ${sale}`);
    const path = `/api/requests/${requestId}`;
    await until('the queue is counted', async () =>
      /No database has decided this request\.\n1 message waits/.test(await told(path)),
    );
    await system.restart('worker-1');
    await buyer.outcome(statusUrl);
    expect(await told(path)).toContain('Decided: order ');
  });

  it('is unknown if the shop never took it', async () => {
    const path = `/api/requests/${randomUUID()}`;
    expect(await told(path)).toContain('The shop has not taken it');
    expect((await support.get(path)).json).toMatchObject({ userId: null, order: null });
  });

  it('is a dead letter, which the command tells as well, and then refused', async () => {
    const requestId = randomUUID();
    const requests = [{ requestId, userId: 'cleo', units: 1 }];
    const letter = { sku, node: 'web-9', requests };
    await publishDeadLetter(system.environment['AMQP_URL'] ?? '', letter);
    const path = `/api/requests/${requestId}`;
    const words =
      /It was admitted by web node web-9 for \S+, and became the dead letter \w+ \(failed\)/;
    await until('the dead letter is counted', async () => words.test(await told(path)));
    expect((await support.get(path)).json.userId).toBe('cleo');

    const run = promisify(execFile);
    const flashsale = async (...args: string[]) =>
      (await run(process.execPath, ['ops/cli.ts', ...args], { env: system.environment })).stdout;
    expect(await flashsale('orders', 'show', requestId)).toMatch(words);
    await flashsale('dead-letters', 'refuse', '--all', '--reason', 'wrong_price');
    expect(await told(path)).toMatch(
      /^Refused: an operator refused it \(wrong price\)[\s\S]*Web node web-9 admitted/,
    );
    expect(await flashsale('orders', 'find', requestId)).toMatch(
      /of user cleo for \S+: Refused: an operator/,
    );
  });
});

describe('roles', () => {
  it.each([
    ['POST', '/api/customers/find'],
    ['GET', '/api/orders/1'],
    ['GET', '/api/requests/00000000-0000-4000-8000-000000000000'],
    ...['cancel', 'refund', 'note'].map((name) => ['POST', `/api/orders/1/${name}`] as const),
    ['POST', '/api/notices/1/resend'],
    ['POST', '/api/customers/block'],
    ['POST', '/api/customers/unblock'],
  ] as const)('%s %s is for support and merchants', async (method, path) => {
    const body = method === 'POST' ? { nonsense: true } : undefined;
    const verdicts = await Promise.all(
      PEOPLE.map(async (who) => (await people[who].call(method, path, body)).json.verdict),
    );
    expect(verdicts.map((verdict) => verdict === 'forbidden')).toEqual([
      ...[true, false, true, false, false],
    ]);
    expect((await new Caller(place.url).call(method, path, body)).status).toBe(401);
  });
});

describe('the page', () => {
  const open = (name: string, options: BrowserContextOptions) =>
    openCustomers(browser, place, name, options);

  it('on a dark phone, with the keyboard alone: one hit opens, and its order is refunded', async () => {
    const { orderNo, requestId } = await paid();
    const viewport = { width: 360, height: 740 };
    const on = await open('phone', { viewport, colorScheme: 'dark' });
    await on.look('empty');
    await on.find('nobody');
    await on.says('#note', /Nothing was found\..*Purchases that were never taken/);
    await on.find(requestId);
    await on.says('#story-heading', new RegExp(`Order ${orderNo}`));
    await on.says('#now', /^Paid\./);
    await on.look('paid');
    await on.press('Tab');
    await on.page.keyboard.type('arrived broken');
    await on.press('Tab', 'Enter');
    await on.says('#confirm-question', new RegExp(`Refund order ${orderNo}\\?`));
    await on.look('confirm');
    await on.press('Escape');
    await on.page.locator('#act:not([aria-busy])').waitFor();
    await on.press('Enter', 'Tab', 'Enter');
    await on.says('#result', /The order is cancelled, and its payment goes back/);
    await on.says('#now', /^Cancelled by the shop/);
    await on.says('#moments', /support cancelled the paid order.*: arrived broken/);
    await on.look('refunded');
    expect(on.complaints).toEqual([]);
    await on.end();
  });

  it('on a light desktop: one of two hits, a remark that is written once, and a block', async () => {
    const buyer = new Shopper(system.url, system.jwtSecret);
    await agree(system.databases, sale, buyer.userId, 'zoe@mail.example');
    const { orderNo } = await bought(buyer);
    await bought(buyer, phone);
    await planUpTo(system.databases, orderNo);
    const on = await open('desktop', { viewport: { width: 1440, height: 900 } });
    await on.find(buyer.userId);
    await on.says('#note', /2 found\./);
    await on.look('found');
    await on.page.getByRole('button', { name: `Story of order ${orderNo}` }).focus();
    await on.press('Enter');
    await on.says('#story-heading', new RegExp(`Order ${orderNo}`));
    await on.press('Tab');
    await on.page.keyboard.type('asks for an invoice');
    await on.page.getByRole('button', { name: 'Write the remark' }).focus();
    await on.press('Enter', 'Enter');
    await on.says('#moments', /support noted: asks for an invoice/);
    await on.press('Tab');
    await on.page.keyboard.type('resells');
    await on.page.getByRole('button', { name: 'Block the shopper' }).focus();
    await on.press('Enter', 'Tab', 'Enter');
    await on.says('#result', /The shopper is blocked, on all 2 web nodes/);
    await on.says('#now', /The shopper is blocked/);
    await on.look('blocked');
    const { json } = await support.get(`/api/orders/${orderNo}`);
    expect(JSON.stringify(json.moments).split('asks for an invoice')).toHaveLength(2);
    expect(on.complaints).toEqual([]);
    await on.end();
  });
});
