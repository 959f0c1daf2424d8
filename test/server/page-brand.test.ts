import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { contrastOf, TEXT_CONTRAST_MIN } from '../../contracts/contrast.ts';
import { paintOf } from '../../server/public/js/brand.js';
import { expectAccessible, expectFits } from '../page/browser.ts';
import { until } from '../until.ts';
import { isReady, pageVisits } from './page-visits.ts';

/** The colours, the logo and the pictures of a sale, as browsers draw them in each state of the page. */

const HOUR_MS = 3_600_000;
const CDN = 'https://cdn.example';
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><rect width="90" height="30"/></svg>';
const LOGO = { url: `${CDN}/logo.svg`, alt: { en: 'Shop of spring', ar: 'متجر الربيع' } };
/** As pale as a file may have them, and dark ones, each for shoppers who prefer the other scheme. */
const PALETTES = [
  ['dark', { accent: '#949494', background: '#ffffff', text: '#767676' }],
  ['light', { accent: '#ff9f1c', background: '#12295b', text: '#ffffff' }],
] as const;
const at = pageVisits({ IMAGE_ORIGINS: CDN });

const ORDER = {
  orderNo: '1',
  requestId: '1',
  sale: 'demo',
  sku: '42',
  quantity: 1,
  amount: '1.00',
};
const refund = { status: 'due', amount: '1.00' };
const ORDERS = [
  { status: 'ordered' },
  { status: 'paid' },
  { status: 'expired' },
  { status: 'cancelled', reason: 'called_off', refund },
].map((order, index) => ({
  ...ORDER,
  currency: 'EUR',
  createdAt: new Date().toISOString(),
  payBefore: new Date(Date.now() + HOUR_MS).toISOString(),
  ...order,
  orderNo: `${index}`,
}));

/** Draws each state of the page, and calls `look` in it. */
async function eachState(page: Page, look: (state: string) => Promise<void>): Promise<void> {
  const now = Date.now();
  const open = { opensAt: new Date(now - HOUR_MS), free: 1_000, state: 'open' as const };
  for (const [state, row] of [
    ['Coming up', { ...open, opensAt: new Date(now + HOUR_MS) }],
    ['On sale now', open],
    ['Paused', { ...open, state: 'paused' as const }],
    ['Sold out', { ...open, free: 0 }],
    ['Ended', { ...open, state: 'closed' as const }],
  ] as const) {
    await at.changes(row);
    await page.goto(`${at.url}/sales/demo`);
    await until(state, async () => (await page.locator('#pill').textContent()) === state);
    await look(state);
  }
}

const styleOf = (page: Page, selector: string, name: string) =>
  page.evaluate<string>(
    `getComputedStyle(document.querySelector('${selector}')).getPropertyValue('${name}')`,
  );
const rgb = (color: string) =>
  `rgb(${[1, 3, 5].map((from) => Number.parseInt(color.slice(from, from + 2), 16)).join(', ')})`;

async function open(options: Parameters<typeof at.blank>[1], orders: unknown[] = []) {
  const page = await at.blank('en', options);
  await page.route('**/api/v1/orders', (route) => route.fulfill({ json: { orders } }));
  await page.route(`${CDN}/**`, (route) =>
    route.request().url().endsWith('.svg')
      ? route.fulfill({ contentType: 'image/svg+xml', body: SVG })
      : route.abort(),
  );
  return page;
}

describe('a sale with its own colours', () => {
  it.each(PALETTES)('has them in every state, for all shoppers: %o', async (scheme, colors) => {
    await at.presents({ languages: ['en'], colors, logo: LOGO }, {});
    const page = await open({ colorScheme: scheme }, ORDERS);
    await eachState(page, async (state) => {
      // Before the opening there are none.
      if (state !== 'Coming up') {
        await until('the orders are shown', async () => (await page.locator('.order').count()) > 3);
      }
      expect(await styleOf(page, 'body', 'background-color')).toBe(rgb(colors.background));
      expect(await styleOf(page, '.name', 'color')).toBe(rgb(colors.text));
      await expectAccessible(page);
      if (state !== 'On sale now') return;
      await expectFits(page);
      expect(await styleOf(page, '.hero', 'background-color')).toBe(rgb(colors.accent));
      expect(await styleOf(page, '.pay', 'background-color')).toBe(rgb(colors.accent));
    });
    await page.goto(`${at.url}/sales/demo/lottery`);
    await until('the lottery has them', async () => {
      return (await styleOf(page, 'body', 'background-color')) === rgb(colors.background);
    });
    await expectAccessible(page);
  });

  it('may have an accent alone, and is light or dark as the shopper prefers', async () => {
    await at.presents({ colors: { accent: '#7a1fa2' } }, {});
    for (const [colorScheme, background] of [
      ['light', '#f3f4f6'],
      ['dark', '#0e0f13'],
    ] as const) {
      const page = await open({ colorScheme }, ORDERS);
      await at.changes({ opensAt: new Date(Date.now() - HOUR_MS), free: 1_000, state: 'open' });
      await page.goto(`${at.url}/sales/demo`);
      await page.locator('.pay').first().waitFor();
      expect(await styleOf(page, 'body', 'background-color')).toBe(rgb(background));
      expect(await styleOf(page, '.pay', 'background-color')).toBe(rgb('#7a1fa2'));
      await expectAccessible(page);
    }
  });

  it('has black or white on the accent, whichever is legible', () => {
    for (let color = 0; color < 0x1_00_00_00; color += 0x1_03_07) {
      const accent = `#${color.toString(16).padStart(6, '0')}`;
      const ink = paintOf({ accent })?.properties['--on-own-accent'] ?? '';
      expect([accent, contrastOf(accent, ink) >= TEXT_CONTRAST_MIN]).toEqual([accent, true]);
    }
    expect(paintOf({ accent: 'red;}' })).toBeNull();
    expect(paintOf({})).toBeNull();
  });
});

describe('the logo of a sale', () => {
  it('is at the top, with its text in the language of the page', async () => {
    await at.presents({ languages: ['en', 'ar'], logo: LOGO }, {});
    const page = await open({});
    await page.goto(`${at.url}/sales/demo`);
    await isReady(page);
    const link = page.getByRole('link', { name: 'Shop of spring' });
    expect(await link.locator('img').getAttribute('src')).toBe(LOGO.url);
    await until('it is drawn', () =>
      page.evaluate<boolean>("document.querySelector('.mark img').naturalWidth === 90"),
    );
    await page.locator('#language').selectOption('ar');
    await page.getByRole('link', { name: 'متجر الربيع' }).waitFor();
    expect(await page.locator('.mark img').getAttribute('lang')).toBe('ar');
  });

  it('gives way to the name of the shop if it does not come, or may not', async () => {
    for (const url of [`${CDN}/none.png`, 'https://elsewhere.example/logo.svg']) {
      await at.presents({ logo: { ...LOGO, url } }, {});
      const page = await open({});
      await page.goto(`${at.url}/sales/demo`);
      await page.getByRole('link', { name: 'Flash sale' }).waitFor();
      expect(await page.locator('.mark img').getAttribute('src')).toMatch(
        /^\/assets\/\w+\/images\/bolt\.svg$/,
      );
    }
  });
});
