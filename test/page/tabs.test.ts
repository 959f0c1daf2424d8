import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { buy, buyOf, isOn, says, seen, visits } from './visits.ts';

/** A browser with several tabs, and pages to which a shopper comes back. */
const at = visits();

const who = (page: Page) => page.locator('#who').textContent();
const originOf = (page: Page) => new URL(page.url()).origin;

/** A page of the shop that has its storage and runs nothing of the sale. */
async function anotherTab(page: Page): Promise<Page> {
  const other = await page.context().newPage();
  await other.goto(`${originOf(page)}/notices`);
  return other;
}

describe('a page to which its shopper comes back', () => {
  it('shows nothing of the shopper before, if another one came in the same tab', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const page = await at.open(`/sales/${sale}`);
    await buy(page, skus[0] ?? '');
    const before = await who(page);
    // A page that stands still in the browser's memory hears of nothing, as it does not of its own doings here.
    await page.evaluate(`(async () => {
      const guest = await (await fetch('/api/v1/demo/guest', { method: 'POST' })).json();
      localStorage.setItem('flashsale.guest', guest.user);
      localStorage.setItem('flashsale.token', guest.token);
    })()`);
    expect(await page.locator('.order').count()).toBe(1);
    await page.locator('.order .cancel').click();
    await page.locator('#cancel-dialog').waitFor();
    await page.evaluate(
      "window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
    );
    await until('the orders are gone', async () => (await page.locator('.order').count()) === 0);
    await until('it is somebody else', async () => (await who(page)) !== before);
    expect(await page.locator('#cancel-dialog').isVisible()).toBe(false);
  });

  it('knows a shopper who has signed in meanwhile', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const first = await at.open(`/sales/${sale}`);
    await buy(first, skus[0] ?? '');
    const token = await first.evaluate<string>("localStorage.getItem('flashsale.token')");
    const page = await at.open('/notices');
    // A shop without guests.
    await page.route('**/api/v1/demo/guest', (route) => route.fulfill({ status: 404, json: {} }));
    await page.goto(`${originOf(page)}/sales/${sale}`);
    await until('it asks to sign in', async () => /Sign in/.test((await who(page)) ?? ''));
    const other = await anotherTab(page);
    await other.evaluate(`localStorage.setItem('flashsale.token', '${token}')`);
    await until('it knows', async () => /Signed in/.test((await who(page)) ?? ''));
    await until('the order is there', () => page.locator('.order').isVisible());
  });

  it('asks with the token that the shop has renewed', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const page = await at.open(`/sales/${sale}`);
    await buy(page, skus[0] ?? '');
    const asked: string[] = [];
    // An unpaid order is read again and again.
    await page.route('**/api/v1/orders/**', (route) => {
      asked.push(route.request().headers()['authorization'] ?? '');
      return route.continue();
    });
    const other = await anotherTab(page);
    await other.evaluate("localStorage.setItem('flashsale.token', 'renewed')");
    await until('it asks with it', () => asked.at(-1) === 'Bearer renewed');
  });
});

describe('a press in another tab', () => {
  it.for([
    { step: 'ticket', url: '**/tickets' },
    { step: 'purchase', url: '**/api/v1/buy/**' },
  ])(
    'whose $step is refused does not make the browser forget the request of this one',
    async ({ url }) => {
      const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
      const sku = skus[0] ?? '';
      const page = await at.open(`/sales/${sale}`);
      const other = await page.context().newPage();
      await other.goto(page.url());
      await until('this one may buy', () => isOn(buyOf(page, sku)));
      await until('so may the other', () => isOn(buyOf(other, sku)));
      await page.context().route('**/api/v1/requests/**', (route) => route.abort());
      // The order is not there yet when the page is loaded anew.
      await page
        .context()
        .route('**/api/v1/orders', (route) => route.fulfill({ json: { orders: [] } }));
      await buyOf(page, sku).click();
      await says(page, sku, 'the shop has your request');
      await other.route(url, (route) =>
        route.fulfill({ status: 429, json: { verdict: 'cooldown' } }),
      );
      await buyOf(other, sku).click();
      await says(other, sku, 'Please wait before your next request');
      await page.reload();
      await says(page, sku, 'the queue');
      await page.context().unroute('**/api/v1/requests/**');
      await says(page, sku, 'It is yours');
      await until('the order is there', () => page.locator('.order').isVisible());
    },
  );

  it('that is not decided yet is followed as well', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5, limit: 2 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await until('so may the other', () => isOn(buyOf(other, sku)));
    await page.context().route('**/api/v1/requests/**', (route) => route.abort());
    await page
      .context()
      .route('**/api/v1/orders', (route) => route.fulfill({ json: { orders: [] } }));
    await until('it is taken', async () => {
      if (await isOn(buyOf(page, sku))) await buyOf(page, sku).click();
      return /the shop has your request/.test(await seen(page.locator('.status')));
    });
    await until('both are taken', async () => {
      if (await isOn(buyOf(other, sku))) await buyOf(other, sku).click();
      return /the shop has your request/.test(await seen(other.locator('.status')));
    });
    await page.reload();
    await says(page, sku, 'the queue');
    await page.context().unroute('**/api/v1/requests/**');
    await until('both orders are there', async () => (await page.locator('.order').count()) === 2);
  });
});

describe('a request of a sale that was removed since', () => {
  it('does not keep its shopper from buying for good', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    await page.route('**/api/v1/requests/**', (route) => route.abort());
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await buyOf(page, sku).click();
    await says(page, sku, 'the shop has your request');
    await page.unroute('**/api/v1/requests/**');
    // The sale of today has the same name.
    await page.route('**/api/v1/requests/**', (route) =>
      route.fulfill({ status: 404, json: { verdict: 'not_found' } }),
    );
    await page.route('**/api/v1/orders', (route) => route.fulfill({ json: { orders: [] } }));
    await page.clock.install();
    await page.reload();
    await says(page, sku, 'the queue');
    await until('the button is on again', async () => {
      await page.clock.runFor(10_000);
      return isOn(buyOf(page, sku));
    });
  });
});

describe('what is known of a payment', () => {
  it('is told in the place of what was not known', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const page = await at.open(`/sales/${sale}`);
    await buy(page, skus[0] ?? '');
    await page.route('**/pay', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await page.route('**/api/v1/orders/*', (route) => route.abort());
    const order = page.locator('.order');
    await order.locator('.pay').click();
    await until('it is not known', async () => /No answer yet/.test(await seen(order)));
    await page.unroute('**/api/v1/orders/*');
    await until('it is paid', async () => /Paid/.test(await seen(order.locator('.order-state'))));
    expect(await seen(order)).toMatch(/Thank you/);
    expect(await seen(order)).not.toMatch(/No answer yet/);
  });
});
