import type { Browser, Locator, Page, Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { expectAccessible, expectFits, launch, type Visit, visit } from './browser.ts';
import { type Shop, startShop } from './shop.ts';

/** The sale page in a real browser against the real system, as shoppers meet it. */

let shop: Shop;
let browser: Browser;
let visits: Visit[] = [];

beforeAll(async () => {
  [shop, browser] = await Promise.all([startShop(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await shop?.stop();
});

afterEach(async () => {
  const ended = visits;
  visits = [];
  await Promise.all(ended.map((each) => each.end()));
  expect(ended.flatMap(({ complaints }) => complaints)).toEqual([]);
});

async function open(path: string, options?: Parameters<typeof visit>[2]): Promise<Page> {
  const started = await visit(browser, shop.url + path, options);
  visits.push(started);
  return started.page;
}

const tileOf = (page: Page, sku: string): Locator => page.locator(`[data-sku="${sku}"]`);
const buyOf = (page: Page, sku: string): Locator => tileOf(page, sku).locator('.buy');
const labelOf = (page: Page, sku: string): Promise<string | null> =>
  buyOf(page, sku).locator('.label').textContent();

/** The text as it is seen: what is hidden does not count. */
async function seen(place: Locator): Promise<string> {
  return (await place.allInnerTexts()).join(' ').replaceAll(/\s+/g, ' ');
}

/** Waits until the tile says so; the tile's text is in the error otherwise. */
async function says(page: Page, sku: string, text: string | RegExp): Promise<void> {
  await until(`the tile says ${text}`, async () => {
    const words = await seen(tileOf(page, sku));
    if (!(typeof text === 'string' ? words.includes(text) : text.test(words)))
      throw new Error(words);
    return true;
  });
}

const isOn = async (button: Locator): Promise<boolean> =>
  (await button.getAttribute('aria-disabled')) !== 'true';

/** Presses as people do: again, whenever the page says that one can. */
async function buy(page: Page, sku: string): Promise<void> {
  await until(
    'it is bought',
    async () => {
      if (await isOn(buyOf(page, sku))) await buyOf(page, sku).click();
      const words = await seen(tileOf(page, sku));
      if (!words.includes('It is yours')) throw new Error(words);
      return true;
    },
    { deadlineMs: 45_000, pollMs: 100 },
  );
}

describe('a shopper', () => {
  it('sees the countdown reach zero, buys without a reload, and pays', async () => {
    const { sale, skus } = await shop.createSale({ opensInMs: 6_000, skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await open(`/sales/${sale}`);
    let loads = 0;
    page.on('load', () => {
      loads += 1;
    });
    const presses: Request[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().includes('/buy/')) presses.push(request);
    });

    await says(page, sku, /Opens in 00:0\d/);
    expect(await isOn(buyOf(page, sku))).toBe(false);
    await buyOf(page, sku).click({ force: true });
    expect(presses).toEqual([]);
    await expectAccessible(page);
    const digits = page.locator('[data-unit="seconds"]');
    const first = Number(await digits.textContent());
    await until('the digits run', async () => Number(await digits.textContent()) < first);

    await until('the button goes on by itself', () => isOn(buyOf(page, sku)));
    expect(await page.locator('#pill').textContent()).toBe('On sale now');
    expect(await page.locator('#announcer').textContent()).toBe('The sale is open.');
    await expectAccessible(page);

    await buy(page, sku);
    expect(presses).toHaveLength(1);
    expect(await labelOf(page, sku)).toBe('Reserved for you');
    const order = page.locator('.order');
    await until('the order has time left', async () => /Pay within \d/.test(await seen(order)));
    await expectAccessible(page);
    await order.locator('.pay').click();
    await until('the order is paid', async () => /Thank you/.test(await seen(order)));
    await says(page, sku, 'Paid');
    expect(await labelOf(page, sku)).toBe('It is yours');
    expect(loads).toBe(0);
  });

  it('gives an order back, and the next one gets it', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const [first, second] = [await open(`/sales/${sale}`), await open(`/sales/${sale}`)];
    await buy(first, sku);

    await says(second, sku, 'Maybe: units may come back');
    await says(second, sku, 'not paid for yet');
    await until('the button is on', () => isOn(buyOf(second, sku)));
    await buyOf(second, sku).click();
    await until('it rests', async () => (await labelOf(second, sku)) === 'Again in');
    await says(second, sku, /Try again in \d+ s/);
    expect(await seen(tileOf(second, sku))).not.toMatch(/Sold out/);

    await first.locator('.order .cancel').click();
    await first.getByRole('button', { name: 'Keep it' }).click();
    expect(await seen(first.locator('.order'))).toMatch(/Pay within/);
    await first.locator('.order .cancel').click();
    await expectAccessible(first);
    await first.getByRole('button', { name: 'Cancel order', exact: true }).click();
    await until('the order is cancelled', async () =>
      /Order cancelled/.test(await seen(first.locator('.order'))),
    );
    await says(first, sku, 'Order cancelled');

    await buy(second, sku);
  });

  it('is told "sold out" once the last unit is paid for', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const [first, second] = [await open(`/sales/${sale}`), await open(`/sales/${sale}`)];
    await buy(first, sku);
    await says(second, sku, 'Maybe');
    await first.locator('.order .pay').click();
    await until('the page says so', async () => (await labelOf(second, sku)) === 'Sold out');
    expect(await isOn(buyOf(second, sku))).toBe(false);
    expect(await second.locator('#pill').textContent()).toBe('Sold out');
    await expectAccessible(second);
  });

  it('sees a pause and its end', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await open(`/sales/${sale}`);
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await shop.setState(sku, 'paused');
    await until('it is paused', async () => (await labelOf(page, sku)) === 'Paused');
    await expectAccessible(page);
    await shop.setState(sku, 'open');
    await buy(page, sku);
  });

  it('has an order expire and may buy again', async () => {
    const { sale, skus } = await shop.createSale({ payWindowSeconds: 3, skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const page = await open(`/sales/${sale}`);
    await buy(page, sku);
    await until(
      'the order expires',
      async () => /Order expired/.test(await seen(page.locator('.order'))),
      { deadlineMs: 30_000 },
    );
    await buy(page, sku);
  });

  it('waits in the line, also over a reload, and pays for the unit that comes back', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const [owner, waiting] = [await open(`/sales/${sale}`), await open(`/sales/${sale}`)];
    await buy(owner, sku);
    const wait = tileOf(waiting, sku).locator('.wait');
    await until('the line is offered', () => wait.isVisible());
    expect(await wait.textContent()).toBe('Wait for a unit that comes back');
    await expectAccessible(waiting);
    await wait.click();
    await says(waiting, sku, 'You are next');
    expect(await wait.textContent()).toBe('Leave the line');
    await expectAccessible(waiting);
    await expectFits(waiting);
    await wait.click();
    await until('it is left', async () => /^Wait for/.test((await wait.textContent()) ?? ''));
    await wait.click();
    await says(waiting, sku, 'You are next');
    await waiting.reload();
    await says(waiting, sku, 'You are next');

    await owner.locator('.order .cancel').click();
    await owner.getByRole('button', { name: 'Cancel order', exact: true }).click();
    await says(waiting, sku, /A unit is held for you Until .*\d. Pay now to keep it/);
    await expectAccessible(waiting);
    expect(await labelOf(waiting, sku)).toBe('Reserved for you');
    const order = waiting.locator('.order');
    await order.locator('.pay').click();
    await until('the order is paid', async () => /Thank you/.test(await seen(order)));
    expect(await seen(tileOf(waiting, sku))).not.toMatch(/held for you/);
  });

  it('is led to the page of a payment provider that has one', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 1 }] });
    const page = await open(`/sales/${sale}`);
    await buy(page, skus[0] ?? '');
    const url = `${shop.url}/?paying`;
    await page.route('**/api/v1/orders/*/checkout', (route) =>
      route.fulfill({
        contentType: 'application/json',
        body: JSON.stringify({ method: 'GET', url }),
      }),
    );
    await page.locator('.order .pay').click();
    await page.waitForURL(url);
  });

  it.each([
    ['cooldown', 429, 'Your last request still counts', /Try again in \d s/],
    ['quota_unavailable', 503, 'The counter is being set up again', /Try again in \d s/],
    ['blocked', 403, 'This account cannot take part', /support can tell you why/],
  ])('is told why and until when: %s', async (verdict, status, title, when) => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await open(`/sales/${sale}`);
    await page.route('**/api/v1/buy/**', (route) =>
      route.fulfill({
        status,
        contentType: 'application/problem+json',
        headers: status === 403 ? {} : { 'retry-after': '7' },
        body: JSON.stringify({ type: 'about:blank', status, verdict }),
      }),
    );
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await buyOf(page, sku).click();
    await says(page, sku, title);
    await says(page, sku, when);
    expect(await isOn(buyOf(page, sku))).toBe(false);
    await expectAccessible(page);
  });
});

describe('a bad connection', () => {
  it('does not make one press two orders', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 5, limit: 3 }] });
    const sku = skus[0] ?? '';
    const page = await open(`/sales/${sale}`);
    const keys: (string | undefined)[] = [];
    await page.route('**/api/v1/buy/**', async (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      // The shop gets it; its answer gets lost.
      const response = await route.fetch();
      if (keys.length === 1) await route.abort();
      else await route.fulfill({ response });
    });
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await buyOf(page, sku).click();
    await says(page, sku, 'counts once');
    await says(page, sku, 'It is yours');
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    await page.reload();
    await until('the order is listed', async () => (await page.locator('.order').count()) === 1);
  });

  it('does not lose a request over a reload', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await open(`/sales/${sale}`);
    await page.route('**/api/v1/requests/**', (route) => route.abort());
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await buyOf(page, sku).click();
    await says(page, sku, 'the shop has your request');
    await page.reload();
    await says(page, sku, 'the queue');
    await page.unroute('**/api/v1/requests/**');
    await says(page, sku, 'It is yours');
  });

  it('is explained, and mends itself', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await open(`/sales/${sale}`);
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await page.context().setOffline(true);
    const network = page.locator('#network');
    await until('it says so', async () =>
      /No connection/.test((await network.textContent()) ?? ''),
    );
    await buyOf(page, sku).click();
    await says(page, sku, 'Nothing has been handed in yet');
    await page.context().setOffline(false);
    await says(page, sku, 'It is yours');
    await until('the notice goes', async () => (await network.textContent()) === '');
  });
});

describe('everyone can use it', () => {
  it('with the keyboard alone', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await open(`/sales/${sale}`);
    await until('the button is on', () => isOn(buyOf(page, sku)));
    const focused = () => page.evaluate<string>("document.activeElement?.className ?? ''");
    const tabTo = (name: string) =>
      until(`Tab reaches ${name}`, async () => {
        await page.keyboard.press('Tab');
        return (await focused()).split(' ').includes(name);
      });
    await tabTo('skip');
    await page.keyboard.press('Enter');
    await tabTo('buy');
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).toBe('solid');
    await page.keyboard.press('Enter');
    await says(page, sku, 'It is yours');
    expect(await focused()).toBe('buy');
    await tabTo('to-orders');
    await page.keyboard.press('Enter');
    await tabTo('cancel');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Shift+Tab');
    expect(await focused()).toBe('pay');
    await page.keyboard.press('Space');
    await until('the order is paid', async () =>
      /Thank you/.test(await seen(page.locator('.order'))),
    );
    await until('the focus stays with the order', async () => (await focused()) === 'order');
  });

  it.each(['light', 'dark'] as const)('on a small phone, %s', async (colorScheme) => {
    const { sale, skus } = await shop.createSale({
      opensInMs: 4_000,
      skus: [{ units: 5, limit: 3, title: 'Television with an extraordinarily long name' }],
    });
    const sku = skus[0] ?? '';
    const size = { viewport: { width: 320, height: 640 }, colorScheme };
    const page = await open(`/sales/${sale}`, size);
    await says(page, sku, 'Opens in');
    await expectFits(page);
    await expectAccessible(page);
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await page.locator('select').selectOption('2');
    await buy(page, sku);
    await until('two are ordered', async () => /2 × /.test(await seen(page.locator('.order'))));
    await expectFits(page);
    await expectAccessible(page);
    const list = await open('/', size);
    await list.locator('.sale').first().waitFor();
    await expectFits(list);
    await expectAccessible(list);
  });

  it('from the list of sales', async () => {
    const { sale, skus } = await shop.createSale({ skus: [{ units: 5 }] });
    const page = await open('/');
    await page.locator(`a[href="/sales/${sale}"]`).click();
    await until('the button is on', () => isOn(buyOf(page, skus[0] ?? '')));
  });
});
