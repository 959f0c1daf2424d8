import { join } from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { expectAccessible, expectFits, visit } from '../page/browser.ts';
import { until } from '../until.ts';
import type { Console } from './place.ts';

/** The page for customer service, as a support agent uses it. */

/** Where to put pictures of the page, for people who look at them. */
const PICTURES = process.env['CONSOLE_PICTURES'];

type Parts = readonly { readonly text?: string; readonly time?: string }[];

/** A story of the API as text: how it is now, and what happened. */
export function storyText(story: { now: Parts[]; moments: { says: Parts }[] }): string {
  const all = [...story.now, ...story.moments.map(({ says }) => says)];
  return all.map((parts) => parts.map(({ text, time }) => text ?? time).join('')).join('\n');
}

/** Signs in and opens the page. @param name of the screen, for its pictures */
export async function openCustomers(
  browser: Browser,
  { url, tokens }: Console,
  name: string,
  options: BrowserContextOptions,
) {
  const started = await visit(browser, `${url}/customers`, options);
  const { page } = started;
  await page.locator('#token').fill(tokens.support);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${url}/customers`);
  return {
    ...started,
    says: (selector: string, words: RegExp) =>
      until(`${selector} says ${words}`, async () => {
        const text = (await page.locator(selector).allInnerTexts()).join(' ');
        if (!words.test(text)) throw new Error(text);
        return true;
      }),
    async look(what: string) {
      await expectAccessible(page);
      await expectFits(page);
      const path = join(PICTURES ?? '', `customers-${what}-${name}.png`);
      if (PICTURES) await page.screenshot({ path, fullPage: true });
    },
    async find(text: string) {
      await page.locator('#text').fill(text);
      await page.keyboard.press('Enter');
    },
    async press(...keys: string[]) {
      for (const key of keys) await page.keyboard.press(key);
    },
  };
}
