import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { LANGUAGES } from '../../server/public/js/language.js';
import { until } from '../until.ts';
import { draw, isReady, LATIN_NAMES, pageVisits } from './page-visits.ts';

/**
 * The words of every state of the page in each language, as a browser draws them. A state with a word of
 * another language, and a button whose label does not fit on a phone, are found here.
 */

const TAGS = Object.keys(LANGUAGES);
const at = pageVisits();

async function choose(page: Page, tag: string): Promise<void> {
  await page.locator('#language').selectOption(tag);
  await until(tag, async () => (await page.locator('html').getAttribute('lang')) === tag);
}

describe('the page in every language', () => {
  const pages = new Map<string, string[][]>();
  let page: Page;
  beforeAll(async () => {
    page = await at.blank('en');
    await page.goto(`${at.url}/sales/demo`);
    await isReady(page);
  });

  it.each(TAGS)('fits on a phone in %s, in each state', async (tag) => {
    await choose(page, tag);
    const { drawn, cut } = await draw(page);
    pages.set(tag, drawn);
    expect(cut).toEqual([]);
    expect(drawn.length).toBeGreaterThan(300);
  });

  it('has the same states in all of them, and no text of one in another', () => {
    const [first = [], ...others] = TAGS.map((tag) => pages.get(tag) ?? []);
    for (const other of others) expect(other.length).toBe(first.length);
    for (const [at, one] of TAGS.entries()) {
      for (const two of TAGS.slice(at + 1)) {
        const theirs = new Set(pages.get(two)?.flat());
        const same = new Set(
          pages
            .get(one)
            ?.flat()
            .filter((text) => theirs.has(text)),
        );
        const words = [...same].filter((text) =>
          /\p{L}{3}/u.test(text.replaceAll(LATIN_NAMES, '')),
        );
        expect([one, two, words.filter((text) => text !== 'min')]).toEqual([one, two, []]);
      }
    }
  });

  it.each(['zh-Hans', 'ja', 'ar'])('has no Latin words in %s', (tag) => {
    const latin = [...new Set(pages.get(tag)?.flat())].filter((text) =>
      /\p{Script=Latin}/u.test(text.replaceAll(LATIN_NAMES, '')),
    );
    expect(latin).toEqual([]);
  });
});

describe('the first look at the page', () => {
  const styleOf = (page: Page, name: string) =>
    page.evaluate<string>(`getComputedStyle(document.body).getPropertyValue('${name}')`);

  it('waits for the messages of its language', async () => {
    const page = await at.blank('en');
    await page.goto(at.url);
    const { promise: isSeen, resolve: release } = Promise.withResolvers<void>();
    await page.route('**/languages/fr.js', async (route) => {
      await isSeen;
      await route.continue();
    });
    await page.evaluate("localStorage.setItem('flashsale.language', 'fr')");
    await page.goto(`${at.url}/sales/demo`, { waitUntil: 'domcontentloaded' });
    expect(await styleOf(page, 'animation-name')).toBe('show');
    release();
    await isReady(page);
    expect(await styleOf(page, 'animation-name')).toBe('none');
    expect(await styleOf(page, 'visibility')).toBe('visible');
    expect(await page.locator('html').getAttribute('lang')).toBe('fr');
  });

  it('is in English where they do not come', async () => {
    const page = await at.blank('en');
    await page.goto(at.url);
    await page.route('**/languages/ja.js', (route) => route.abort());
    await page.evaluate("localStorage.setItem('flashsale.language', 'ja')");
    await page.goto(`${at.url}/sales/demo`);
    await isReady(page);
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.locator('#language').inputValue()).toBe('en');
    await page.locator('#language').selectOption('ja');
    await until(
      'the choice goes back',
      async () => (await page.locator('#language').inputValue()) === 'en',
    );
  });
});

describe('the texts of a sale', () => {
  it('are shown in the language of the page, or in the first one of the sale', async () => {
    const alt = { en: 'A phone', ar: 'صورة هاتف' };
    const sale = {
      languages: ['fr', 'en', 'ar'],
      title: { fr: 'Soldes', en: 'Sale' },
      description: { fr: 'Trois produits.', ar: 'ثلاثة منتجات.' },
    };
    const sku = {
      title: { en: 'Phone', ar: 'هاتف' },
      description: { en: 'Large.', fr: 'Grand.' },
      picture: { url: '/images/phone.svg', alt },
    };
    await at.presents(sale, sku);
    const page = await at.blank('ar');
    await page.goto(`${at.url}/sales/demo`);
    await isReady(page);
    const shown =
      await page.evaluate(`['#title', '#about', '.name bdi', '.description', '.picture img']
      .map((each) => document.querySelector(each))
      .map((each) => [each.lang, each.alt ?? each.textContent])`);
    expect(shown).toEqual([
      ['fr', 'Soldes'],
      ['ar', 'ثلاثة منتجات.'],
      ['ar', 'هاتف'],
      ['fr', 'Grand.'],
      ['ar', 'صورة هاتف'],
    ]);
    await page.locator('#language').selectOption('en');
    await until('English', async () => (await page.locator('#title').textContent()) === 'Sale');

    await page.goto(at.url);
    const title = page.locator('.sale-title bdi');
    await until('the list has it as well', async () => (await title.textContent()) === 'Sale');

    for (const url of ['https://pictures.example/1.png', '//pictures.example/1.png', 'https://[']) {
      await at.presents(sale, { ...sku, picture: { url, alt } });
      await page.goto(`${at.url}/sales/demo`);
      await isReady(page);
      const image = page.locator('.picture img');
      await until('there is an illustration', async () =>
        /^\/assets\/\w+\/images\/\w+\.svg$/.test((await image.getAttribute('src')) ?? ''),
      );
      expect(await image.getAttribute('alt')).toBe('');
    }
  });
});
