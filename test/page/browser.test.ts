import type { Page, Request, Response } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { readDoorCode } from '../../contracts/door-code.ts';
import { until } from '../until.ts';
import { expectAccessible, expectFits } from './browser.ts';
import { scan } from './scanner.ts';
import { buy, buyOf, isOn, labelOf, refused, says, seen, tileOf, visits } from './visits.ts';

/** The sale page in a real browser against the real system, as shoppers meet it. */

/** Before the opening, until the test has seen what there is to see. */
const FIVE_MINUTES_MS = 300_000;

const at = visits();

describe('a shopper', () => {
  it('sees the countdown reach zero, buys without a reload, and pays', async () => {
    const { sale, skus } = await at.shop.createSale({
      opensInMs: FIVE_MINUTES_MS,
      skus: [{ units: 5 }],
    });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    let loads = 0;
    page.on('load', () => {
      loads += 1;
    });
    const presses: Request[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().includes('/buy/')) presses.push(request);
    });

    await says(page, sku, /Opens in 0\d:\d\d/);
    expect(await isOn(buyOf(page, sku))).toBe(false);
    await buyOf(page, sku).click({ force: true });
    expect(presses).toEqual([]);
    await expectAccessible(page);
    const digits = page.locator('[data-unit="seconds"]');
    const first = Number(await digits.textContent());
    await until('the digits run', async () => Number(await digits.textContent()) !== first);

    await at.shop.openIn(sale, 12_000);
    await until('the page, which is used, sees the new time', async () => {
      await page.keyboard.press('Shift');
      return /Opens in 00:\d\d/.test(await seen(buyOf(page, sku)));
    });
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

  it('is served in the language of the browser, and then in the one that was chosen', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const size = { viewport: { width: 360, height: 740 } };
    const page = await at.open(`/sales/${sale}/`, { ...size, locale: 'de-AT' });
    await until('the button is on', () => isOn(buyOf(page, sku)));
    const root = page.locator('html');
    expect(await root.getAttribute('lang')).toBe('de');
    expect(await seen(page.locator('#when'))).toMatch(
      /^Ende: \w+tag, \d+\. \p{L}+ 20\d\d um \d+:\d\d Uhr \(Ihre Ortszeit\)$/u,
    );
    expect(await labelOf(page, sku)).toBe('Jetzt kaufen');
    await page.route('**/api/v1/buy/**', (route) => {
      const problem = { status: 429, verdict: 'cooldown', detail: 'Wait a moment.' };
      const headers = { 'retry-after': '50', 'content-type': 'application/problem+json' };
      return route.fulfill({ status: 429, headers, body: JSON.stringify(problem) });
    });
    await buyOf(page, sku).click();
    await says(page, sku, /Bitte warten Sie .* Versuchen Sie es in \d+ Sekunden noch einmal/);
    expect(await seen(page.locator('body'))).not.toMatch(/Wait a moment/);

    const choice = page.locator('#language');
    expect(await page.getByLabel('Sprache').count()).toBe(1);
    await choice.focus();
    await choice.selectOption('ar');
    await says(page, sku, /حاول مرة أخرى .خلال/);
    expect(await root.getAttribute('lang')).toBe('ar');
    expect(await root.getAttribute('dir')).toBe('rtl');
    expect(await page.evaluate("document.activeElement?.id ?? ''")).toBe('language');
    expect(await page.locator('#announcer').textContent()).toBe('هذه الصفحة الآن بالعربية.');
    await expectFits(page);
    await expectAccessible(page);
    await page.reload();
    await until('the choice is remembered', async () => (await choice.inputValue()) === 'ar');
    expect(await labelOf(page, sku)).toBe('اشترِ الآن');
  });

  it('sees the tickets of paid seats on a phone, and a scanner reads them', async () => {
    const title = 'Stalls';
    const section = { seats: [{ row: '7', from: 1, to: 8 }], singles: 'avoid' as const };
    const wish = { units: 8, limit: 2, title, section };
    const { sale, skus } = await at.shop.createSale({ skus: [wish] });
    const sku = skus[0] ?? '';
    const size = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
    const page = await at.open(`/sales/${sale}`, size);
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await page.locator('.quantity select').selectOption('2');
    await buy(page, sku);
    const order = page.locator('.order');
    expect(await order.locator('.show-tickets').isVisible()).toBe(false);
    await order.locator('.pay').click();
    await order.locator('.show-tickets').click();
    await order.locator('.door-ticket').nth(1).waitFor();
    await until('they say whose they are', async () =>
      /Launch day Stalls Row 7, seat 2 Order \d+$/.test(await seen(order)),
    );
    await expectFits(page);
    await expectAccessible(page);
    const codes = order.locator('.door-ticket svg');
    const read: string[] = [];
    for (const code of await codes.all()) read.push(await scan(code));
    const number = await order.getAttribute('data-order-no');
    expect(read.map(readDoorCode)).toMatchObject(
      [1, 2].map((position) => ({ orderNo: number, position })),
    );
    await page.emulateMedia({ media: 'print' });
    expect(
      await page
        .locator('.hero, .rules, .order-facts, .ticket-actions')
        .filter({ visible: true })
        .count(),
    ).toBe(0);
    expect(await seen(page.locator('body'))).toMatch(
      /^Launch day Stalls Row 7, seat 1 Order \d+ Launch/,
    );
  });

  it('sees the orders from before the newest ones', async () => {
    const wishes = [{ units: 5 }, { units: 5 }, { units: 5 }];
    const { sale, skus } = await at.shop.createSale({ skus: wishes });
    const page = await at.open(`/sales/${sale}`);
    for (const sku of skus) await buy(page, sku);
    // A page of the list has one order instead of 20.
    await page.route('**/api/v1/orders', (route) =>
      route.continue({ url: `${route.request().url()}?limit=1` }),
    );
    await page.reload();
    const orders = page.locator('.order');
    const older = page.locator('#orders-older button');
    await older.waitFor();
    expect(await orders.count()).toBe(1);
    await expectAccessible(page);
    let lost = 0;
    await page.route('**/api/v1/orders?*', (route) => {
      lost += 1;
      return lost === 1 ? route.abort() : route.continue();
    });
    await older.click();
    await until('it is told', async () =>
      /No answer .* try again/.test(await seen(page.locator('#orders-older'))),
    );
    await older.click();
    await until('there is one more', async () => (await orders.count()) === 2);
    await older.click();
    await until('all are there', async () => (await orders.count()) === 3);
    expect(await older.isVisible()).toBe(false);
    // The list is read again meanwhile, and begins with the newest one.
    await page.reload();
    await until('the newest one is there', async () => (await orders.count()) === 1);
  });

  it('chooses seats on a plan with the keyboard, and is told when somebody else was faster', async () => {
    const rows = Array.from({ length: 6 }, (_, at) => ({ row: `${at + 1}`, from: 1, to: 10 }));
    const section = { seats: rows, singles: 'avoid' as const };
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 60, limit: 4, section }] });
    const sku = skus[0] ?? '';
    const [ada, bob] = [await at.open(`/sales/${sale}`), await at.open(`/sales/${sale}`)];
    const plan = ada.locator('#plan');
    const seat = (page: Page, name: string) => page.getByRole('gridcell', { name });
    const openPlan = async (page: Page) => {
      await until('the button is on', () => isOn(buyOf(page, sku)));
      await tileOf(page, sku).locator('.plan-open').click();
      await until(
        'it is drawn',
        async () => (await seat(page, 'Row 6, seat 10, free').count()) > 0,
      );
    };
    await openPlan(ada);
    await openPlan(bob);
    // Seat 2 alone would leave seat 1 single.
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', ' ']) await ada.keyboard.press(key);
    expect(await seat(ada, 'Row 3, seat 2, chosen').getAttribute('aria-selected')).toBe('true');
    expect(await seen(plan.locator('.plan-said'))).toMatch(/A single place would be left/);
    expect(await isOn(plan.locator('.plan-take'))).toBe(false);
    for (const key of ['ArrowLeft', 'Enter']) await ada.keyboard.press(key);
    expect(await seen(plan.locator('.plan-said'))).toBe('Chosen: Row 3, seat 1; Row 3, seat 2.');
    expect(await seen(plan.locator('.plan-unit'))).toBe('Row 3, seat 1, chosen');
    await expectAccessible(ada);

    for (const name of ['Row 3, seat 1, free', 'Row 3, seat 2, free'])
      await seat(bob, name).click();
    const units = (answer: Response) => answer.url().endsWith('/units');
    await bob.route('**/units', (route) => route.abort());
    await plan.locator('.plan-take').click();
    await says(ada, sku, 'It is yours');
    await until('the order says so', async () =>
      /Row 3, seat 1; Row 3, seat 2/.test(await seen(ada.locator('.order'))),
    );
    // The page of Bob does not know yet.
    await bob.locator('.plan-take').click();
    await says(bob, sku, 'Someone else was faster');
    await bob.unroute('**/units');
    await Promise.all([bob.waitForResponse(units), tileOf(bob, sku).locator('.plan-open').click()]);
    await until('it is told which', async () =>
      /faster: Row 3, seat 1; Row 3, seat 2/.test(await seen(bob.locator('.plan-said'))),
    );
    expect(await seat(bob, 'Row 3, seat 1, taken').getAttribute('aria-disabled')).toBe('true');
    await expectAccessible(bob);
    await bob.keyboard.press('Escape');
    expect(await bob.evaluate("document.activeElement?.className ?? ''")).toContain('plan-open');
  });

  it('gives an order back, and the next one gets it', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const [first, second] = [await at.open(`/sales/${sale}`), await at.open(`/sales/${sale}`)];
    await buy(first, sku);

    await says(second, sku, 'Maybe: units may come back');
    await says(second, sku, 'not paid for in time');
    await refused(second, sku, 'Again in', /Try again in \d+ s/);

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
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const [first, second] = [await at.open(`/sales/${sale}`), await at.open(`/sales/${sale}`)];
    await buy(first, sku);
    await says(second, sku, 'Maybe');
    await first.locator('.order .pay').click();
    await until('the page says so', async () => (await labelOf(second, sku)) === 'Sold out');
    expect(await isOn(buyOf(second, sku))).toBe(false);
    expect(await second.locator('#pill').textContent()).toBe('Sold out');
    await expectAccessible(second);
  });

  it('sees a pause and its end', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await at.shop.setState(sku, 'paused');
    await until('it is paused', async () => (await labelOf(page, sku)) === 'Paused');
    await expectAccessible(page);
    await at.shop.setState(sku, 'open');
    await buy(page, sku);
  });

  it('has an order expire and may buy again', async () => {
    const { sale, skus } = await at.shop.createSale({ payWindowSeconds: 10, skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    await buy(page, sku);
    await until('the order expires', async () =>
      /Order expired/.test(await seen(page.locator('.order'))),
    );
    await buy(page, sku);
  });

  it('is led to the page of a payment provider that has one', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const page = await at.open(`/sales/${sale}`);
    await buy(page, skus[0] ?? '');
    const url = `${at.shop.url}/?paying`;
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
    ['cooldown', 429, 'Please wait before your next request', /Try again in \d+ s/],
    ['quota_unavailable', 503, 'This part of the shop cannot sell right now', /Try again in \d+ s/],
    ['blocked', 403, 'This account cannot take part', /support can tell you why/],
  ])('is told why and until when: %s', async (verdict, status, title, when) => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    await page.route('**/api/v1/buy/**', (route) =>
      route.fulfill({
        status,
        contentType: 'application/problem+json',
        headers: status === 403 ? {} : { 'retry-after': '50' },
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

describe('everyone can use it', () => {
  it('with the keyboard alone', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
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
    const { sale, skus } = await at.shop.createSale({
      opensInMs: FIVE_MINUTES_MS,
      skus: [{ units: 5, limit: 3, title: 'Television with an extraordinarily long name' }],
    });
    const sku = skus[0] ?? '';
    const size = { viewport: { width: 320, height: 640 }, colorScheme };
    const page = await at.open(`/sales/${sale}`, size);
    await says(page, sku, 'Opens in');
    await expectFits(page);
    await expectAccessible(page);
    await at.shop.openIn(sale, 0);
    await until('the button is on', async () => {
      await page.keyboard.press('Shift');
      return isOn(buyOf(page, sku));
    });
    await page.locator('.quantity select').selectOption('2');
    await buy(page, sku);
    await until('two are ordered', async () => /2 × /.test(await seen(page.locator('.order'))));
    await expectFits(page);
    await expectAccessible(page);
    const list = await at.open('/', size);
    await list.locator('.sale').first().waitFor();
    await expectFits(list);
    await expectAccessible(list);
  });

  it('from the list of sales', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const page = await at.open('/');
    await page.locator(`a[href="/sales/${sale}"]`).click();
    await until('the button is on', () => isOn(buyOf(page, skus[0] ?? '')));
  });
});
