import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** A real browser, and what every visit to the shop is held to. */

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Ends what hangs. */
const DEADLINE_MS = 300_000;
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// Scripts of the page are text here: Node's type check knows no DOM, and must not.
const AT_REST = `Promise.allSettled(document.getAnimations()
  .filter((animation) => animation.effect.getTiming().iterations !== Infinity)
  .map((animation) => animation.finished))`;
const LAYOUT = `({
  overflow: document.documentElement.scrollWidth - window.innerWidth,
  small: [...document.querySelectorAll('main button, main select')]
    .map((element) => ({ html: element.outerHTML, box: element.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && (box.height < 44 || box.width < 44))
    .map(({ html }) => html),
})`;

/** The same machine, as a browser sees a shop without https. */
export const INSECURE_HOST = 'shop.example';

const WHOLE = '/usr/bin/chromium';
const SHELL = '/usr/bin/chromium-headless-shell';

/** @param options.whole with windows that nobody sees: only this browser receives push messages */
export function launch({ whole = false } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: !whole && existsSync(SHELL) ? SHELL : WHOLE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`,
    ],
    timeout: DEADLINE_MS,
  });
}

export interface Visit {
  readonly page: Page;
  /** What went wrong in the page so far, in the browser's words. */
  readonly complaints: string[];
  end(): Promise<void>;
}

/** A person with a browser profile of their own: another visit is another guest. */
export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message));
  page.on('console', (message) => {
    // Chromium reports each refusal of the API as a resource that did not load.
    const refusal = message.location().url.includes('/api/');
    const kind = message.type();
    if ((kind === 'error' || kind === 'warning') && !refusal) complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints, end: () => context.close() };
}

/** Fails with each broken rule and the elements that break it. */
export async function expectAccessible(page: Page): Promise<void> {
  // Colours are measured at rest, not halfway through a transition.
  await page.evaluate(AT_REST);
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate(
    `axe.run(document, ${JSON.stringify({ runOnly: RULES, resultTypes: ['violations'] })})`,
  )) as AxeResults;
  const broken = violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ''}`),
  );
  expect(broken).toEqual([]);
}

/** Nothing sticks out to the right, and whatever can be pressed is large enough for a thumb. */
export async function expectFits(page: Page): Promise<void> {
  const found = await page.evaluate(LAYOUT);
  expect(found).toEqual({ overflow: 0, small: [] });
}
