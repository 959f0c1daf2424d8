import { readFileSync } from 'node:fs';
import type { Browser, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launch, type Visit, visit } from '../page/browser.ts';
import { until } from '../until.ts';

/** Pages of the console whose answers come in another order than the questions. The test is the console. */

const ORIGIN = 'http://127.0.0.1:9';
const PUBLIC = new URL('../../console/public/', import.meta.url);
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html' };
const SESSION = { login: 'zoe', roles: ['support', 'merchant', 'operator'], csrf: 'c', endsAt: '' };

const read = (file: string) => readFileSync(new URL(file, PUBLIC), 'utf8');
const bar = read('bar.html');
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

/** Opens a page. Its calls wait in `asked` until the test answers them. */
async function open(name: string) {
  const asked: { readonly what: string; answer(json: object): Promise<void> }[] = [];
  const serve = async (route: Route) => {
    const request = route.request();
    const { pathname } = new URL(request.url());
    if (pathname === '/api/session') return route.fulfill({ json: SESSION });
    if (pathname.startsWith('/api/')) {
      const what = `${pathname} ${request.postData() ?? ''}`.trim();
      asked.push({ what, answer: (json) => route.fulfill({ json }) });
      return;
    }
    const file = pathname.includes('.') ? pathname : `${pathname}.html`;
    const contentType = TYPES[file.split('.').at(-1) as keyof typeof TYPES];
    await route.fulfill({ body: read(`.${file}`).replace('<!-- bar -->', bar), contentType });
  };
  const started: Visit = await visit(browser, 'about:blank');
  const { page } = started;
  await page.route('**/*', serve);
  await page.goto(`${ORIGIN}/${name}`);
  return {
    page,
    text: (selector: string) => page.locator(selector).innerText(),
    /** The call that was made as the nth one of this kind. */
    call: (path: string, nth: number) =>
      until(`${path} is asked for the ${nth}. time`, () => {
        return asked.filter(({ what }) => what.startsWith(path))[nth - 1];
      }),
    end: () => started.end(),
  };
}

const order = (orderNo: string) => ({
  ...{ orderNo, sku: 'TV', units: 1, amount: '9.95', currency: 'EUR', status: 'paid' },
  ...{ userId: `user of ${orderNo}`, sale: 'spring', createdAt: '2026-11-28T12:00:00Z' },
});
const found = (...orders: readonly string[]) => ({
  ...{ orders: orders.map(order), hasMore: false, refused: [], hint: '', undecided: null },
  ...{ receipt: null, places: [], missing: [] },
});
const story = (orderNo: string) => ({
  ...{ order: order(orderNo), requestId: '1', userId: 'user', now: [], moments: [], notices: [] },
  isBlocked: null,
});

it('customer service sees what it asked for last, and types a reason anew for each shopper', async () => {
  const { page, text, call, end } = await open('customers');
  await page.locator('#text').fill('first');
  await page.keyboard.press('Enter');
  const first = await call('/api/customers/find', 1);
  await page.locator('#text').fill('second');
  await page.keyboard.press('Enter');
  await (await call('/api/customers/find', 2)).answer(found('21', '22'));
  await until('both are shown', async () => (await text('#note')) === '2 found.');
  await first.answer(found('11', '12', '13'));

  const press = (orderNo: string) =>
    page.getByRole('button', { name: `Story of order ${orderNo}` }).click();
  await press('21');
  const late = await call('/api/orders/21', 1);
  await press('22');
  await (await call('/api/orders/22', 1)).answer(story('22'));
  await until('it is told', async () => (await text('#story-heading')).startsWith('Order 22'));
  await late.answer(story('21'));
  await page.locator('#reason').fill('arrived broken');
  expect(await text('#note')).toBe('2 found.');
  expect(await text('#story-heading')).toMatch(/^Order 22/);
  await press('21');
  await (await call('/api/orders/21', 2)).answer(story('21'));
  await until('the other is told', async () =>
    (await text('#story-heading')).startsWith('Order 21'),
  );
  expect(await page.locator('#reason').inputValue()).toBe('');
  await end();
});

it('the history and the list of sales are those that were asked for last', async () => {
  const entry = { at: '2026-11-28T12:00:00Z', who: 'olga', action: 'edit', target: 'x' };
  const history = (count: number) => ({
    entries: Array.from({ length: count }, () => ({ ...entry, from: null, to: null, why: null })),
    missing: [],
  });
  const spring = { sale: 'spring', title: 'Spring', isCalledOff: false, skus: [] };
  const sales = (count: number) => ({
    ...{ serverTime: entry.at, shopUrl: null, missing: [] },
    sales: count === 3 ? [] : [{ ...spring, opensAt: entry.at, closesAt: entry.at }],
  });
  for (const [name, answerOf, last] of [
    ['history', history, '3 entries, the newest first.'],
    ['sales', sales, 'There are no sales yet.'],
  ] as const) {
    const { page, text, call, end } = await open(name);
    await (await call(`/api/${name}`, 1)).answer(answerOf(1));
    await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
    await page.locator('#reload').click();
    const late = await call(`/api/${name}`, 2);
    await page.locator('#reload').click();
    await (await call(`/api/${name}`, 3)).answer(answerOf(3));
    await until('the last is shown', async () => (await text('#note')) === last);
    await late.answer(answerOf(2));
    await page.locator('#main').click();
    expect(await text('#note')).toBe(last);
    await end();
  }
});
