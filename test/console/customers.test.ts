import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrokerConnection } from '../../broker/connection.ts';
import { DEAD_HEADERS, ENVELOPE_SCHEMA, encode } from '../../contracts/messages.ts';
import { DEAD_EXCHANGE } from '../../contracts/topology.ts';
import { createLog } from '../../process/log.ts';
import { expectAccessible, expectFits, launch, visit } from '../page/browser.ts';
import { uniqueName } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { Caller, type Console, startConsole, type Who } from './place.ts';

/** Customer service in the console beside the whole system: its API, and its page in a browser. */

const PEOPLE = ['viewer', 'support', 'operator', 'merchant', 'boss'] as const;
const PICTURES = process.env['CONSOLE_PICTURES'];

let system: System;
let place: Console;
let browser: Browser;
let sale: string;
const sku = uniqueName('TV');
const people = {} as Record<Who, Caller>;

beforeAll(async () => {
  [system, browser] = await Promise.all([startSystem({ webNodes: 2 }), launch()]);
  sale = await system.createSale([{ sku, units: 20 }]);
  place = await startConsole(system, () => ({}));
  for (const who of PEOPLE) {
    people[who] = new Caller(place.url);
    expect((await people[who].signIn(place.tokens[who])).status).toBe(201);
  }
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

interface Part {
  readonly text?: string;
  readonly time?: string;
}
const spoken = (parts: readonly Part[]) => parts.map(({ text, time }) => text ?? time).join('');
/** A story as text: how it is now, and what happened. */
async function told(path: string): Promise<string> {
  const { status, json } = await support.get(path);
  expect(status).toBe(200);
  const moments = json.moments.map(({ says }: { says: Part[] }) => spoken(says));
  return [...json.now.map(spoken), ...moments].join('\n');
}

async function bought() {
  const buyer = new Shopper(system.url, system.jwtSecret);
  const { order } = (await buyer.buy(sale, sku)).body;
  return { buyer, orderNo: order.orderNo as string, requestId: order.requestId as string };
}

async function paid() {
  const one = await bought();
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
    expect(done).toMatchObject({
      json: { says: 'The shopper is blocked, on all 2 web nodes.' },
    });
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
    expect((await support.post('/api/notices/1/resend', { reason: 'lost' })).status).toBe(409);
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
      /No database has decided this request\.\n1 messages wait/.test(await told(path)),
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
    const url = system.environment['AMQP_URL'] ?? '';
    const log = createLog('test', 'silent');
    const broker = await BrokerConnection.open({ url, name: 'test', log });
    await broker.whenConnected();
    const channel = await broker.openChannel();
    const requests = [{ requestId, userId: 'cleo', units: 1 }];
    channel.publish(DEAD_EXCHANGE, 'hot', encode({ sku, node: 'web-9', requests }), {
      persistent: true,
      headers: { 'x-schema': ENVELOPE_SCHEMA, [DEAD_HEADERS.cause]: 'failed' },
    });
    await channel.waitForConfirms();
    await broker.close();
    const path = `/api/requests/${requestId}`;
    const words =
      /It was admitted by web node web-9 for \S+, and became the dead letter \w+ \(failed\)/;
    await until('the dead letter is counted', async () => words.test(await told(path)));
    expect((await support.get(path)).json.userId).toBe('cleo');

    const flashsale = async (...args: string[]) => {
      const options = { env: { ...system.environment } };
      return (await promisify(execFile)(process.execPath, ['ops/cli.ts', ...args], options)).stdout;
    };
    expect(await flashsale('orders', 'show', requestId)).toMatch(words);
    await flashsale('dead-letters', 'refuse', '--all', '--reason', 'wrong_price');
    expect(await told(path)).toMatch(
      /^Refused: an operator refused it \(wrong price\)[\s\S]*Web node web-9 admitted/,
    );
    expect(await flashsale('orders', 'find', requestId)).toMatch(
      /of user cleo: Refused: an operator/,
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

it('the page works with the keyboard alone, on a dark phone and a light desktop', async () => {
  const { orderNo, requestId, buyer } = await paid();
  for (const [name, width, height, colorScheme] of [
    ['phone', 360, 740, 'dark'],
    ['desktop', 1440, 900, 'light'],
  ] as const) {
    const options = { viewport: { width, height }, colorScheme };
    const { page, complaints, end } = await visit(browser, `${place.url}/customers`, options);
    const says = (selector: string, words: RegExp) =>
      until(`${selector} says ${words}`, async () => {
        const text = (await page.locator(selector).allInnerTexts()).join(' ');
        if (!words.test(text)) throw new Error(text);
        return true;
      });
    const look = async (what: string) => {
      await expectAccessible(page);
      await expectFits(page);
      const path = join(PICTURES ?? '', `customers-${what}-${name}.png`);
      if (PICTURES) await page.screenshot({ path, fullPage: true });
    };
    await page.locator('#token').fill(place.tokens.support);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${place.url}/customers`);
    await look('empty');
    await page.locator('#text').focus();
    await page.keyboard.type('nobody');
    await page.keyboard.press('Enter');
    await says('#note', /Nothing was found/);
    await page.locator('#text').fill(name === 'phone' ? requestId : buyer.userId);
    await page.keyboard.press('Enter');
    // One hit opens at once, and the keyboard is there.
    await says('#story-heading', new RegExp(`Order ${orderNo}`));
    if (name === 'phone') {
      await says('#now', /^Paid\./);
      await look('paid');
      await page.keyboard.press('Tab');
      await page.keyboard.type('arrived broken');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await says('#confirm-question', new RegExp(`Refund order ${orderNo}\\?`));
      await look('confirm');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await says('#result', /The order is cancelled, and its payment goes back/);
    }
    await says('#now', /^Cancelled by the shop/);
    await says('#moments', /support cancelled the paid order.*: arrived broken/);
    await look('refunded');
    expect(complaints).toEqual([]);
    await end();
  }
});
