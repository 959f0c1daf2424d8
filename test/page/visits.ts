import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { until } from '../until.ts';
import { launch, type Visit, visit } from './browser.ts';
import { type Shop, startShop } from './shop.ts';

/** Visits to a shop of the test file's own, and what a visitor sees and does there. */

/**
 * To be called once at the top of a test file: the shop runs for all of its tests.
 *
 * @param environment further variables of every process
 * @param options how the browser is launched
 */
export function visits(
  environment?: () => Promise<Readonly<Record<string, string>>>,
  options?: Parameters<typeof launch>[0],
) {
  let shop: Shop;
  let browser: Browser;
  let open: Visit[] = [];
  /** What the browser may complain about in this test. */
  const expected: RegExp[] = [];

  beforeAll(async () => {
    [shop, browser] = await Promise.all([startShop(await environment?.()), launch(options)]);
  });
  afterAll(async () => {
    await browser?.close();
    await shop?.stop();
  });
  afterEach(async () => {
    const ended = open;
    open = [];
    await Promise.all(ended.map((each) => each.end()));
    const complaints = ended.flatMap((each) => each.complaints);
    expect(complaints.filter((text) => !expected.some((each) => each.test(text)))).toEqual([]);
    expected.length = 0;
  });

  return {
    get shop(): Shop {
      return shop;
    },
    expected,
    async open(path: string, options?: Parameters<typeof visit>[2]): Promise<Page> {
      const started = await visit(browser, shop.url + path, options);
      open.push(started);
      return started.page;
    },
  };
}

export const tileOf = (page: Page, sku: string): Locator => page.locator(`[data-sku="${sku}"]`);
export const buyOf = (page: Page, sku: string): Locator => tileOf(page, sku).locator('.buy');
export const labelOf = (page: Page, sku: string): Promise<string | null> =>
  buyOf(page, sku).locator('.label').textContent();

/** The text as it is seen: what is hidden does not count. */
export async function seen(place: Locator): Promise<string> {
  return (await place.allInnerTexts()).join(' ').replaceAll(/\s+/g, ' ');
}

/** Waits until the tile says so; the tile's text is in the error otherwise. */
export async function says(page: Page, sku: string, text: string | RegExp): Promise<void> {
  await until(`the tile says ${text}`, async () => {
    const words = await seen(tileOf(page, sku));
    if (!(typeof text === 'string' ? words.includes(text) : text.test(words)))
      throw new Error(words);
    return true;
  });
}

export const isOn = async (button: Locator): Promise<boolean> =>
  (await button.getAttribute('aria-disabled')) !== 'true';

/** Presses, again whenever one can, until the refusal is seen: it goes when its time is over. */
export async function refused(page: Page, sku: string, ...texts: (string | RegExp)[]) {
  await until(`it is refused: ${texts}`, async () => {
    if (await isOn(buyOf(page, sku))) await buyOf(page, sku).click();
    const words = await seen(tileOf(page, sku));
    const isSaid = (text: string | RegExp) =>
      typeof text === 'string' ? words.includes(text) : text.test(words);
    if (!texts.every(isSaid)) throw new Error(words);
    expect(words).not.toMatch(/Sold out/);
    return true;
  });
}

/** Presses as people do: again, whenever the page says that one can. */
export async function buy(page: Page, sku: string): Promise<void> {
  await until(
    'it is bought',
    async () => {
      if (await isOn(buyOf(page, sku))) await buyOf(page, sku).click();
      const words = await seen(tileOf(page, sku));
      if (!words.includes('It is yours')) throw new Error(words);
      return true;
    },
    { pollMs: 100 },
  );
}
