import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { expectAccessible, expectFits } from '../page/browser.ts';
import { until } from '../until.ts';

/** A merchant puts on a sale in the form, with the keyboard alone. */

const CHECK = 'Check, and show what would change';

interface Tools {
  /** To sign in again. */
  readonly token: string;
  says(page: Page, selector: string, words: string | RegExp): Promise<void>;
  picture(page: Page, name: string): Promise<void>;
  /** Removes and returns what the browser has complained about. */
  complaints(): string[];
}

export async function putOnSale(page: Page, name: string, tools: Tools) {
  const { says, picture } = tools;
  const press = async (words: string) => {
    await page.getByRole('button', { name: words }).focus();
    await page.keyboard.press('Enter');
  };
  const fill = async (label: string, words: string, within = '#fields') => {
    await page.locator(within).getByLabel(label, { exact: true }).focus();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type(words);
  };
  const title = (at: string) => `[data-path="${at}"]`;

  await page.getByRole('link', { name: 'New sale' }).focus();
  await page.keyboard.press('Enter');
  await says(page, '#heading', 'A new sale');
  await refusesFile(page, says, press);
  await press(CHECK);
  await says(page, '#problems-text', 'things to correct');
  const focused = await page.evaluate("document.activeElement.closest('.field').dataset.path");
  expect(focused).toBe('sale');
  await says(page, title('sale'), 'It is missing; expected the name of the sale');
  await says(page, title('skus[0].units'), 'It is missing; expected the units to sell in all');
  await expectAccessible(page);
  await picture(page, 'sale-errors');

  await fill('Name', name);
  await page.getByRole('checkbox', { name: 'German' }).focus();
  await page.keyboard.press('Space');
  await fill('English', 'Spring sale', title('title'));
  await fill('German', 'Frühlingsverkauf', title('title'));
  await fill('Name (SKU)', `${name}-bicycle`);
  await fill('English', 'Bicycle', title('skus[0].title'));
  await fill('German', 'Fahrrad', title('skus[0].title'));
  await fill('Price of a unit', '199.00');
  await fill('Units in all', '50');

  await outlivesSession(page, tools, press);
  await outlivesNetwork(page, tools, press);
  await looksAtPreview(page, tools, press);

  await press(CHECK);
  await says(page, '#plan-changes', /price – 199\.00/);
  await expectAccessible(page);
  await picture(page, 'sale-plan');
  await press('Make these changes');
  await says(page, '#reason-error', 'Say why');
  await page.keyboard.type('the season begins');
  await page.keyboard.press('Enter');
  await appliesOverLostNetwork(page, tools, press);
  await says(page, '#heading', `Sale ${name}`);
  await picture(page, 'sale-applied');
  await pauses(page, name, tools);
}

/** A wrong file does not get into the form. */
async function refusesFile(
  page: Page,
  says: Tools['says'],
  press: (words: string) => Promise<void>,
) {
  await page.locator('#file summary').focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('or paste its text').focus();
  await page.keyboard.insertText('sale: spring\ntitel: Spring sale\n');
  await press('Put it into the form');
  const words = 'line 2, column 1: titel: there is no such key; did you mean title?';
  await says(page, '#file-errors', words);
  await says(page, '#file-note', 'The form stays as it is');
  await expectAccessible(page);
  await page.locator('#file summary').focus();
  await page.keyboard.press('Enter');
}

/** From the list of sales, with a reason. */
async function pauses(page: Page, name: string, { says, picture }: Tools) {
  await page.goto(new URL('/sales', page.url()).href);
  await page.getByRole('button', { name: `Pause ${name}` }).focus();
  await page.keyboard.press('Enter');
  await page.locator('dialog[open]').waitFor();
  await expectAccessible(page);
  await picture(page, 'sales-dialog');
  await page.getByLabel('Reason, for the history').focus();
  await page.keyboard.type('a wrong price');
  await page.keyboard.press('Enter');
  await says(page, '#change-lines', /state: open → paused/);
  await says(page, '#change-end', /Known to every web node \(2\)/);
  await says(page, '#sales', `${name} paused, opens in`);
  await picture(page, 'sales-done');
}

/** The browser warns before the page is left, and what was typed is there again after the next sign-in. */
async function outlivesSession(
  page: Page,
  { says, token }: Tools,
  press: (words: string) => Promise<void>,
) {
  await page.context().clearCookies();
  await press(CHECK);
  await says(page, '#network', 'Your session has ended. What you typed is kept in this browser.');
  let warned = '';
  page.once('dialog', (dialog) => {
    warned = dialog.type();
    void dialog.accept();
  });
  await page.reload();
  expect(warned).toBe('beforeunload');
  await page.locator('#token').fill(token);
  await page.keyboard.press('Enter');
  await says(page, '#draft-note', 'They are not applied yet');
  expect(await page.getByLabel('Price of a unit').inputValue()).toBe('199.00');
}

/** What was typed without a network is there again when the page is loaded with one. */
async function outlivesNetwork(page: Page, tools: Tools, press: (words: string) => Promise<void>) {
  const { says } = tools;
  await page.context().setOffline(true);
  await page.getByLabel('Units in all').fill('60');
  await press(CHECK);
  await says(page, '#network', 'The console does not answer.');
  await says(page, '#network', 'What you typed is kept in this browser.');
  await page.context().setOffline(false);
  page.once('dialog', (dialog) => void dialog.accept());
  await page.reload();
  await says(page, '#draft-note', 'They are not applied yet');
  expect(await page.getByLabel('Units in all').inputValue()).toBe('60');
  expect(tools.complaints().every((words) => /Failed to load|ERR_/.test(words))).toBe(true);
}

/**
 * An apply that did not come to the console is not known, and can be repeated. One whose answer was lost is found, and
 * done once.
 */
async function appliesOverLostNetwork(
  page: Page,
  tools: Tools,
  press: (words: string) => Promise<void>,
) {
  const { says } = tools;
  const path = '**/api/sale-files/apply';
  const agree = async () => {
    await page.locator('dialog[open]').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
  };
  const ids: string[] = [];
  await page.route(path, async (route) => {
    ids.push(route.request().postDataJSON().change);
    await route.abort();
  });
  await agree();
  await says(page, '#change-end', 'It is not known whether this was done.');
  await page.unroute(path);
  await page.route(path, async (route) => {
    ids.push(route.request().postDataJSON().change);
    expect((await route.fetch()).status()).toBe(202);
    await route.abort();
  });
  await press('Make these changes');
  await agree();
  await says(page, '#change-end', /Known to every web node \(2\) after \d+ ms\./);
  await page.unroute(path);
  expect(ids).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), ids[0]]);
  expect(tools.complaints().every((words) => /Failed to load|ERR_/.test(words))).toBe(true);
}

async function looksAtPreview(
  page: Page,
  { says, picture }: Tools,
  press: (words: string) => Promise<void>,
) {
  const shop = page.frameLocator('#frame');
  const shows = (selector: string, words: string) =>
    until(`the preview shows ${words}`, async () =>
      (await shop.locator(selector).first().innerText()).includes(words),
    );
  const asked: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith('/preview/') && request.method() !== 'GET') asked.push(pathname);
  });
  await press('Preview the page');
  await shows('#title', 'Spring sale');
  await shows('#countdown-label', 'Opens in');
  await expectAccessible(page);
  await picture(page, 'preview-before');
  await page.getByRole('radio', { name: 'Before the opening' }).focus();
  await page.keyboard.press('ArrowRight');
  await shows('.badge', 'In stock');
  await shop.locator('.tile .buy').focus();
  await page.keyboard.press('Enter');
  await shows('.status-title', 'This is a preview');
  await picture(page, 'preview-open');
  await page.getByRole('radio', { name: 'Open', exact: true }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('radio', { name: 'Phone' }).focus();
  await page.keyboard.press('ArrowRight');
  await expectFits(page);
  const [box, frame] = await Promise.all(
    ['#frame-box', '#frame'].map(async (one) => page.locator(one).boundingBox()),
  );
  expect(frame?.width).toBeCloseTo(box?.width ?? 0, 0);
  expect(await shop.locator('html').evaluate('innerWidth')).toBe(1_280);
  await page.getByLabel('Language', { exact: true }).focus();
  await page.keyboard.press('ArrowDown');
  await shows('#title', 'Frühlingsverkauf');
  await shows('#pill', 'Beendet');
  await picture(page, 'preview-after');
  // A preview knows nobody, and asks for no identity.
  expect(asked).toEqual([]);
  await says(page, '#form-note', '');
}
