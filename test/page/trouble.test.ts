import type { Page, Request } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { expectAccessible, expectFits } from './browser.ts';
import { buy, buyOf, isOn, labelOf, refused, says, seen, tileOf, visits } from './visits.ts';

/** The waitlist, bad connections and a database that does not answer, in a real browser. */

const at = visits();

describe('the waitlist', () => {
  it('is waited in, also over a reload, and the unit that comes back is paid for', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const [owner, waiting] = [await at.open(`/sales/${sale}`), await at.open(`/sales/${sale}`)];
    await buy(owner, sku);
    const wait = tileOf(waiting, sku).locator('.wait');
    await until('the waitlist is offered', () => wait.isVisible());
    expect(await wait.textContent()).toBe('Join the waitlist');
    await expectAccessible(waiting);
    await wait.click();
    await says(waiting, sku, 'You are next');
    expect(await wait.textContent()).toBe('Leave the waitlist');
    await expectAccessible(waiting);
    await expectFits(waiting);
    await wait.click();
    await until('it is left', async () => /^Join the/.test((await wait.textContent()) ?? ''));
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

  it('shows the unit that came through the waitlist, whatever was refused before', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const [owner, waiting] = [await at.open(`/sales/${sale}`), await at.open(`/sales/${sale}`)];
    await buy(owner, sku);
    await says(waiting, sku, 'Maybe: units may come back');
    await refused(waiting, sku, 'None available here');
    await tileOf(waiting, sku).locator('.wait').click();
    await says(waiting, sku, 'You are next');
    await owner.locator('.order .cancel').click();
    await owner.getByRole('button', { name: 'Cancel order', exact: true }).click();
    await says(waiting, sku, 'It is yours');
    expect(await seen(tileOf(waiting, sku))).not.toMatch(/None available/);
    // The button that was pressed has gone; the keyboard goes on with the order.
    const focused = () => waiting.evaluate<string>("document.activeElement?.className ?? ''");
    await until('the keyboard goes on', async () => (await focused()) === 'to-orders');
    // Back on sale it is not: it has gone to who waited. Its page hears so in its own time.
    const told = /Order cancelled Its units were given back/;
    await until('it is cancelled', async () => told.test(await seen(owner.locator('.order'))));
  });

  it('has a place for whom it took without an answer', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    const owner = await at.open(`/sales/${sale}`);
    await buy(owner, sku);
    const page = await at.open(`/sales/${sale}`);
    await says(page, sku, 'Maybe: units may come back');
    await page.route('**/waiting', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      // The shop gets it; its answer gets lost.
      await route.fetch();
      return route.abort();
    });
    await tileOf(page, sku).locator('.wait').click();
    await says(page, sku, 'You are next');
    await owner.locator('.order .cancel').click();
    await owner.locator('dialog button[value="cancel-order"]').click();
    await says(page, sku, 'A unit is held for you');
  });

  it('keeps a place that could not be left, and follows it once', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    await buy(await at.open(`/sales/${sale}`), sku);
    const page = await at.open(`/sales/${sale}`);
    const looks = new Set<Request>();
    const path = `/skus/${sku}/waiting`;
    page.on('request', (request) => {
      if (request.method() === 'GET' && request.url().includes(path)) looks.add(request);
    });
    page.on('requestfinished', (request) => void looks.delete(request));
    page.on('requestfailed', (request) => void looks.delete(request));
    const wait = tileOf(page, sku).locator('.wait');
    await until('the waitlist is offered', () => wait.isVisible());
    await wait.click();
    await says(page, sku, 'You are next');
    let refusals = 0;
    await page.route(`**${path}`, (route) => {
      if (route.request().method() !== 'DELETE') return route.continue();
      refusals += 1;
      const body = JSON.stringify({ status: 503, verdict: 'overloaded' });
      return route.fulfill({ status: 503, contentType: 'application/problem+json', body });
    });
    for (const times of [1, 2]) {
      await wait.click();
      await until('it was refused', () => refusals === times);
      await until('the button is on again', () => isOn(wait));
      await says(page, sku, 'You are next');
    }
    await until('one look is under way', () => looks.size === 1);
    await page.unroute(`**${path}`);
    await wait.click();
    await until('it is left', async () => /^Join the/.test((await wait.textContent()) ?? ''));
  });
});

describe('a bad connection', () => {
  it('does not make one press two orders', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5, limit: 3 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    const keys: (string | undefined)[] = [];
    const retries: (string | undefined)[] = [];
    const { promise: isRead, resolve: read } = Promise.withResolvers<void>();
    await page.route('**/api/v1/buy/**', async (route) => {
      const headers = route.request().headers();
      keys.push(headers['idempotency-key']);
      retries.push(headers['idempotency-retry']);
      if (keys.length > 1) await isRead;
      // The shop gets it; its answer gets lost.
      const response = await route.fetch();
      if (keys.length === 1) await route.abort();
      else await route.fulfill({ response });
    });
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await buyOf(page, sku).click();
    await says(page, sku, 'counts once');
    read();
    await says(page, sku, 'It is yours');
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    expect(retries).toEqual([undefined, 'true']);
    await page.reload();
    await until('the order is listed', async () => (await page.locator('.order').count()) === 1);
  });

  it('does not lose a request over a reload', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    await page.route('**/api/v1/requests/**', (route) => route.abort());
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await buyOf(page, sku).click();
    await says(page, sku, 'the shop has your request');
    await page.reload();
    await says(page, sku, 'the queue');
    await page.unroute('**/api/v1/requests/**');
    await says(page, sku, 'It is yours');
  });

  it('hides no order for good', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const page = await at.open(`/sales/${sale}`);
    await buy(page, skus[0] ?? '');
    let lost = 0;
    await page.route('**/api/v1/orders', (route) => {
      lost += 1;
      // All that a page asks without being told that the list has not come.
      return lost <= 2 ? route.abort() : route.continue();
    });
    await page.reload();
    await until('the order that has to be paid is shown', () => page.locator('.order').isVisible());
    expect(lost).toBeGreaterThan(2);
  });

  it('is not what is told of a crowd behind one address, nor that it has to sign in', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const sku = skus[0] ?? '';
    await buy(await at.open(`/sales/${sale}`), sku);
    const page = await at.open(`/sales/${sale}`);
    await says(page, sku, 'Maybe: units may come back');
    await page.route('**/api/v1/demo/guest', (route) =>
      route.fulfill({
        status: 429,
        headers: { 'retry-after': '7' },
        contentType: 'application/problem+json',
        body: JSON.stringify({ status: 429, verdict: 'rate_limited' }),
      }),
    );
    await page.locator('#switch-guest').click();
    await buyOf(page, sku).click();
    await says(page, sku, /A little too fast .* Try again in \d s/);
    const wait = tileOf(page, sku).locator('.wait');
    await wait.click();
    await until('the waitlist says so too', async () =>
      /A little too fast/.test(await seen(tileOf(page, sku).locator('.waitlist'))),
    );
  }, 60_000);

  it('that was lost for long costs no time once it is back', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    await page.clock.install();
    await page.reload();
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await page.route('**/api/v1/requests/**', (route) => route.abort());
    await buyOf(page, sku).click();
    await says(page, sku, 'the shop has your request');
    await page.context().setOffline(true);
    await page.unroute('**/api/v1/requests/**');
    // The page asks once a minute then.
    for (let seconds = 0; seconds < 300; seconds += 10) await page.clock.runFor(10_000);
    const lostAtMs = Date.now();
    await page.context().setOffline(false);
    await says(page, sku, 'It is yours');
    await until('the order is there', () => page.locator('.order').isVisible());
    expect(Date.now() - lostAtMs).toBeLessThan(15_000);
  });

  it('is explained, and mends itself', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const sku = skus[0] ?? '';
    const page = await at.open(`/sales/${sale}`);
    await until('the button is on', () => isOn(buyOf(page, sku)));
    await page.context().setOffline(true);
    const network = page.locator('#network');
    await until('it says so', async () =>
      /No connection/.test((await network.textContent()) ?? ''),
    );
    await buyOf(page, sku).click();
    await says(page, sku, 'has not been sent yet');
    await page.context().setOffline(false);
    await says(page, sku, 'It is yours');
    await until('the notice goes', async () => (await network.textContent()) === '');
  });
});

describe('another shopper at the same browser', () => {
  const who = (page: Page) => page.locator('#who').textContent();

  it('sees nothing of the one before, however late it comes', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const page = await at.open(`/sales/${sale}`);
    await buy(page, skus[0] ?? '');
    const [held, sent] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let lists = 0;
    await page.route('**/api/v1/orders', async (route) => {
      lists += 1;
      if (lists > 1) return route.continue();
      const answer = await route.fetch();
      sent.resolve();
      await held.promise;
      return route.fulfill({ response: answer });
    });
    await page.reload();
    await sent.promise;
    const before = await who(page);
    await page.locator('#switch-guest').click();
    await until('the next one is there', async () => (await who(page)) !== before);
    const late = page.waitForResponse('**/api/v1/orders');
    held.resolve();
    await late;
    await says(page, skus[0] ?? '', 'Buy');
    expect(await page.locator('.order').count()).toBe(0);
  });

  it('who came in another tab is not shown the orders of the one before', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
    const page = await at.open(`/sales/${sale}`);
    await buy(page, skus[0] ?? '');
    const other = await page.context().newPage();
    await other.goto(page.url());
    await until('both tabs have the order', () => other.locator('.order').isVisible());
    await other.locator('#switch-guest').click();
    await until('the orders are gone', async () => (await page.locator('.order').count()) === 0);
    await until('both are the same', async () => (await who(page)) === (await who(other)));
    await until('the next one may buy', () => isOn(buyOf(page, skus[0] ?? '')));
  });
});

describe('an update of the shop', () => {
  it('makes a page load itself anew when a file of its version is gone, and once only', async () => {
    const { sale } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const page = await at.open(`/sales/${sale}`);
    const file = '**/languages/de.js';
    let loads = 0;
    page.on('load', () => {
      loads += 1;
    });
    at.expected.push(/status of 404/);
    const isGone = { status: 404, contentType: 'application/problem+json', body: '{}' };
    // The script is asked for, and then whether it is gone.
    let asked = 0;
    await page.route(file, (route) => {
      asked += 1;
      return asked <= 2 ? route.fulfill(isGone) : route.continue();
    });
    await page.locator('#language').selectOption('de');
    const language = () => page.evaluate<string>('document.documentElement.lang');
    await until('it is in German', async () => loads === 1 && (await language()) === 'de');

    await page.unroute(file);
    await page.locator('#language').selectOption('en');
    await until('it is in English', async () => (await language()) === 'en');
    await page.reload();
    loads = 0;
    await page.route(file, (route) => route.fulfill(isGone));
    await page.locator('#language').selectOption('de');
    const chosen = () => page.locator('#language').inputValue();
    await until('it stays English', async () => (await chosen()) === 'en');
    expect([loads, await language()]).toEqual([0, 'en']);
  });
});

describe('a database of the shop that does not answer', () => {
  it('is told, and the orders in it come back by themselves', async () => {
    const { sale, skus } = await at.shop.createSale({ skus: [{ units: 1 }] });
    const page = await at.open(`/sales/${sale}`);
    await buy(page, skus[0] ?? '');
    const listing = '**/api/v1/orders';
    await page.route(listing, (route) =>
      route.fulfill({ json: { orders: [], incomplete: ['hot'] } }),
    );
    await page.reload();
    const told = page.locator('#orders-incomplete');
    await until('it is told', () => told.isVisible());
    await expectAccessible(page);
    await page.unroute(listing);
    await until('the order is there', () => page.locator('.order').isVisible());
    expect(await told.isVisible()).toBe(false);
  });
});

describe('a sale that is removed and put on again with other products', () => {
  it('offers nothing of the one before', async () => {
    const before = await at.shop.createSale({ skus: [{ units: 1 }] });
    const after = await at.shop.createSale({ skus: [{ units: 1 }] });
    const [old = '', fresh = ''] = [...before.skus, ...after.skus];
    const page = await at.open(`/sales/${before.sale}`);
    await until('the button is on', () => isOn(buyOf(page, old)));
    const api = `**/api/v1/sales/${before.sale}`;
    const gone = { status: 404, json: { verdict: 'not_found' } };
    await page.route(api, (route) => route.fulfill(gone));
    const look = () => page.evaluate("window.dispatchEvent(new Event('online'))");
    await until('it is gone', async () => {
      await look();
      return /no such sale/.test((await page.locator('#title').textContent()) ?? '');
    });
    await until('nothing is offered', async () => !(await buyOf(page, old).isVisible()));
    await page.unroute(api);
    await page.route(api, async (route) => {
      const response = await route.fetch({
        url: `${new URL(page.url()).origin}/api/v1/sales/${after.sale}`,
      });
      await route.fulfill({ json: { ...(await response.json()), sale: before.sale } });
    });
    await until('the new one is offered', async () => {
      await look();
      return isOn(buyOf(page, fresh));
    });
    expect(await page.locator('.buy:visible').count()).toBe(1);
  });
});
