import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, expectFits, launch, type Visit, visit } from '../page/browser.ts';
import { uniqueName } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { type Console, startConsole, type Who } from './place.ts';
import { startProvider, type TestProvider } from './provider.ts';
import { putOnSale } from './sale-visit.ts';

/** The console's pages in a real browser, as people use them. */

/** Where to put pictures of the pages, for people who look at them. */
const PICTURES = process.env['CONSOLE_PICTURES'];

/** The groups of people at the provider. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  olga: ['everybody', 'shop-ops'],
  gustav: ['everybody'],
};

let system: System;
let place: Console;
let browser: Browser;
let provider: TestProvider;
let sale: string;
let open: Visit[] = [];
const sku = uniqueName('TV');

beforeAll(async () => {
  [system, browser] = await Promise.all([startSystem({ webNodes: 2 }), launch()]);
  sale = await system.createSale([
    { sku, title: 'Television, 65 inches', units: 20 },
    { sku: uniqueName('Phone'), title: 'Phone, 256 GB', units: 5 },
  ]);
  const monitors = ['web-1', 'web-2'].map((name) => system.monitorUrl(name)).join(',');
  place = await startConsole(system, async (url) => {
    provider = await startProvider(`${url}/login/callback`, (name) => ({
      email: `${name}@shop.example`,
      email_verified: true,
      groups: GROUPS[name] ?? [],
    }));
    return {
      WEB_MONITORS: monitors,
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: provider.clientId,
      OIDC_CLIENT_SECRET: provider.clientSecret,
      OIDC_ROLES_CLAIM: 'groups',
      OIDC_ROLES: 'shop-ops=operator+support,shop-staff=viewer',
    };
  });
  await Promise.all(
    Array.from({ length: 6 }, () => new Shopper(system.url, system.jwtSecret).buy(sale, sku)),
  );
});
afterAll(async () => {
  await browser?.close();
  await provider?.close();
  await system?.stop();
});
afterEach(async () => {
  const ended = open;
  open = [];
  await Promise.all(ended.map((each) => each.end()));
  expect(ended.flatMap(({ complaints }) => complaints)).toEqual([]);
});

async function signIn(path: string, who: Who, options?: BrowserContextOptions): Promise<Page> {
  const started = await visit(browser, place.url + path, options);
  open.push(started);
  const { page } = started;
  await page.locator('#token').fill(place.tokens[who]);
  await page.keyboard.press('Enter');
  await page.waitForURL(place.url + path);
  return page;
}

const text = async (page: Page, selector: string) =>
  (await page.locator(selector).allInnerTexts()).join(' ').replaceAll(/\s+/g, ' ');

async function says(page: Page, selector: string, words: string | RegExp): Promise<void> {
  await until(`${selector} says ${words}`, async () => {
    const found = await text(page, selector);
    if (!(typeof words === 'string' ? found.includes(words) : words.test(found)))
      throw new Error(found);
    return true;
  });
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

const SCREENS = [
  ['phone', { width: 360, height: 740 }, 'dark'],
  ['laptop', { width: 1440, height: 900 }, 'light'],
  ['wall', { width: 3840, height: 2160 }, 'dark'],
] as const;

describe('every page fits and is accessible', () => {
  it.each(SCREENS)('on a %s of %o, %s', async (name, viewport, colorScheme) => {
    const page = await signIn('/', 'boss', { viewport, colorScheme });
    const look = async (path: string) => {
      await expectAccessible(page);
      await expectFits(page);
      await picture(page, `${path}-${name}-${colorScheme}`);
    };
    await says(page, '#products', /0 sold of 20.*Held, not paid 6/);
    await says(page, '#nodes-note', '2 alive');
    const charts = page.locator('.chart canvas');
    await until('the charts are drawn', async () => (await charts.count()) === 3);
    await look('live');
    await page.goto(`${place.url}/steering`);
    await says(page, '#products', 'open');
    await page.locator('#lists .card').first().waitFor();
    await look('steering');
    await page.goto(`${place.url}/history`);
    await says(page, '#note', /entr|Nobody/);
    await look('history');
    await page.goto(`${place.url}/sales`);
    await says(page, '#sales', /on sale/);
    await look('sales');
    await page.goto(`${place.url}/sale#${sale}`);
    await until('the sale is shown', async () => {
      // The console had no answer for it in time, and says so: whoever sits there loads the page again.
      if (await page.locator('#network').isVisible()) await page.reload();
      return (await text(page, '#heading')).includes(`Sale ${sale}`);
    });
    await look('sale');
  });
});

describe('a person', () => {
  it('is told that a token is not known, and then signs in with another one', async () => {
    const started = await visit(browser, `${place.url}/steering`);
    open.push(started);
    const { page } = started;
    await page.waitForURL(`${place.url}/login?to=%2Fsteering`);
    await expectAccessible(page);
    await page.locator('#token').fill('fsc_nonsense');
    await page.keyboard.press('Enter');
    await says(page, '#problem', 'This token is not known here.');
    await page.locator('#token').fill(place.tokens.viewer);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${place.url}/steering`);
    await says(page, '#role-note', 'Changes need the role operator');
    await page.locator('#sign-out').click();
    await page.waitForURL(`${place.url}/login`);
  });

  it('signs in at the provider of the organization, and needs a role there', async () => {
    /** Signs in on the provider's own pages. */
    const signInThere = async (name: string): Promise<Page> => {
      const started = await visit(browser, `${place.url}/login`);
      open.push(started);
      const { page } = started;
      await page.locator('#oidc a').click();
      await page.locator('input[name="login"]').fill(name);
      await page.locator('input[name="password"]').fill('any');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Continue' }).click();
      // The provider's pages ask for fonts of the Internet.
      started.complaints.length = 0;
      return page;
    };
    const olga = await signInThere('olga');
    await olga.waitForURL(`${place.url}/`);
    await says(olga, '#who', 'olga@shop.example · operator, support');
    const gustav = await signInThere('gustav');
    await gustav.waitForURL(`${place.url}/login?refused=role`);
    await says(gustav, '#problem', 'you have no role here');

    // An answer of the provider is good for the browser that asked, and once.
    const callback = `${place.url}/login/callback?code=stolen&state=stolen`;
    const stranger = await fetch(callback, { redirect: 'manual' });
    expect(stranger.headers.get('location')).toBe('/login?refused=failed');
    const counted = await system.metrics('console');
    expect(counted).toMatch(/^flashsale_console_sign_ins_total\{result="oidc".*\} 1$/m);
    expect(counted).toMatch(/^flashsale_console_sign_ins_total\{result="refused".*\} [1-9]/m);
    expect(stranger.headers.getSetCookie().join()).not.toMatch(/flashsale-console=[^;]/);
  });

  it('pauses, sets a quota and undoes it, with the keyboard alone', async () => {
    const page = await signIn('/steering', 'operator');
    await says(page, '#products', sku);
    const card = page.locator('#products .card').filter({ hasText: sku });
    await page.locator('#reason').focus();
    await page.keyboard.type('a wrong price');
    const focused = () => page.evaluate<string>("document.activeElement?.textContent ?? ''");
    const tabTo = (words: string) =>
      until(`Tab reaches ${words}`, async () => {
        await page.keyboard.press('Tab');
        return (await focused()) === words;
      });
    await tabTo(`Pause ${sku}`);
    await page.keyboard.press('Space');
    await says(
      page,
      '#result',
      /state: open → paused\. In force on all 2 web nodes after \d+ ms\./,
    );
    await until('the card says so', async () =>
      /paused/.test(await card.locator('.pill').innerText()),
    );
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await card.getByLabel(/^Quota/).focus();
    await page.keyboard.type('1o');
    await page.keyboard.press('Enter');
    await says(page, '#result', /Refused: "1o": it is not a decimal integer/);
    await page.keyboard.press('Backspace');
    await page.keyboard.type('0');
    await page.keyboard.press('Enter');
    await says(page, '#result', /quota: 20 → 10\. In force/);
    await picture(page, 'steering-done');
    for (const [change, words] of [
      ['20 → 10', /quota: 10 → 20/],
      ['open → paused', /state: paused → open/],
    ] as const) {
      await page.locator('#undo').focus();
      await page.keyboard.press('Enter');
      await page.locator('dialog[open]').waitFor();
      await says(page, '#confirm-text', new RegExp(`^operator, .*: ${change}$`));
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await says(page, '#result', words);
    }
    await page.goto(`${place.url}/history`);
    await says(page, '#entries', /operator undo .*\/state paused open a wrong price|operator undo/);
    await picture(page, 'history-done');
  });

  it('keeps the entry of a list that is refused, to correct it', async () => {
    const page = await signIn('/steering', 'operator');
    const card = page.locator('#lists .card').filter({ hasText: 'Blocked addresses' });
    const field = card.getByLabel(/^Entries/);
    await field.fill('203.0.113.1/322');
    await page.keyboard.press('Enter');
    await says(page, '#result', /Refused: .*203\.0\.113\.1\/322/);
    expect(await field.inputValue()).toBe('203.0.113.1/322');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Enter');
    await says(page, '#result', /block\/ips: .*203\.0\.113\.1\/32\. In force/);
    await until('the field is empty', async () => (await field.inputValue()) === '');
  });

  it('sets the time to pay after waiting, and turns the waitlist off and on', async () => {
    const page = await signIn('/steering', 'operator');
    const card = page.locator('#products .card').filter({ hasText: sku });
    const shows = (label: string, words: RegExp) =>
      until(`${label} shows ${words}`, async () =>
        words.test(await card.locator('.control', { hasText: label }).innerText()),
      );
    await page.locator('#reason').fill('a slow bank');
    const claims = card.getByLabel(/^Time to pay after waiting/);
    await claims.fill('2 hours');
    await page.keyboard.press('Enter');
    await says(page, '#result', /Refused: /);
    await claims.fill('2h');
    await page.keyboard.press('Enter');
    await shows('Time to pay after waiting', /now 2 h/);
    await card.getByRole('button', { name: 'Default Time to pay after waiting' }).click();
    await until('the usual time is back', async () => {
      const now = await card.locator('.control', { hasText: 'Time to pay' }).innerText();
      return !now.includes('now 2 h');
    });
    for (const value of ['off', 'on']) {
      await card.getByLabel(/^Waitlist/).selectOption(value);
      await card.getByRole('button', { name: 'Set Waitlist' }).click();
      await says(
        page,
        '#result',
        new RegExp(`waitlist: .*→ ${value === 'off' ? 'off' : '(on|nothing)'}.* In force on all 2`),
      );
      await shows('Waitlist', new RegExp(`now ${value};`));
    }
    await page.goto(`${place.url}/history`);
    await says(page, '#entries', /claimWindow: 02:00:00 claimWindow: nothing a slow bank/);
    await says(page, '#entries', /\/waitlist .*off a slow bank/);
  });

  it('puts on a sale with the keyboard, and looks at it before', async () => {
    const page = await signIn('/sales', 'merchant');
    const name = uniqueName('spring');
    const complaints = () => open.at(-1)?.complaints.splice(0) ?? [];
    await putOnSale(page, name, { token: place.tokens.merchant, says, picture, complaints });
    const response = await fetch(`${system.url}/api/v1/sales/${name}`);
    expect(await response.json()).toMatchObject({
      title: 'Spring sale',
      presentation: { title: { en: 'Spring sale', de: 'Frühlingsverkauf' } },
      skus: [{ title: 'Bicycle', price: '199.00', currency: 'EUR', limit: 1 }],
    });
  });

  it('sees an edit without effect, and a console that is away', async () => {
    const page = await signIn('/', 'viewer');
    const path = system.paths.sku(sku).quota;
    await system.set(path, 'many');
    await says(page, '#notices', `Edit without effect: ${path}: it is not a decimal integer`);
    await system.set(path, '20');
    await until('the note goes', async () => (await text(page, '#notices')) === '');
    const complaints = open.at(-1)?.complaints ?? [];
    await system.kill('console');
    let tries = 0;
    page.on('requestfailed', (request) => {
      if (request.url().endsWith('/api/session')) tries += 1;
    });
    await says(page, '#network', 'The figures on this page are old.');
    // The page outlives an outage of any length: it asks again and again.
    await until('the page has asked five times', () => tries >= 5);
    await says(page, '#products', '0 sold of 20');
    await system.restart('console');
    // Sessions end with the process.
    await page.waitForURL(`${place.url}/login?to=%2F`);
    // The browser reports each try to connect.
    expect(complaints.splice(0).every((words) => /Failed to load|ERR_/.test(words))).toBe(true);
  });
});
