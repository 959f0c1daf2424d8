import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { expectAccessible, expectFits } from './browser.ts';
import { buyOf, isOn, says, tileOf, visits } from './visits.ts';

/** Proofs of work and draws as shoppers meet them, in a real browser under the strict policy. */

const at = visits();

async function onSale(challenge: string): Promise<{ sale: string; sku: string }> {
  const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
  const sku = skus[0] ?? '';
  await at.shop.setChallenge(sku, challenge);
  return { sale, sku };
}

async function press(page: Page, sku: string): Promise<void> {
  await until('the button is on', () => isOn(buyOf(page, sku)));
  await buyOf(page, sku).click();
}

const COLOURS = ['light', 'dark'] as const;

describe('a computation before the ticket', () => {
  it('is solved by the page itself, and the unit is bought with one press', async () => {
    const { sale, sku } = await onSale('on');
    const page = await at.open(`/sales/${sale}`);
    const scripts: string[] = [];
    page.on('request', (request) => scripts.push(new URL(request.url()).pathname));
    await press(page, sku);
    await says(page, sku, 'It is yours');
    expect(scripts.filter((path) => path.endsWith('/tickets'))).toHaveLength(2);
    for (const name of ['altcha.js', 'pbkdf2.js']) {
      expect(scripts).toContainEqual(expect.stringMatching(`^/assets/\\w+/altcha/${name}$`));
    }
    expect(await page.locator('altcha-widget').count()).toBe(0);
  });

  it('costs a page nothing that is not asked', async () => {
    const { sale, sku } = await onSale('off');
    const page = await at.open(`/sales/${sale}`);
    const scripts: string[] = [];
    page.on('request', (request) => scripts.push(new URL(request.url()).pathname));
    await press(page, sku);
    await says(page, sku, 'It is yours');
    expect(scripts.filter((path) => path.includes('/altcha/'))).toEqual([]);
  });

  it.each(COLOURS)('shows that it runs, and why; %s', async (colorScheme) => {
    const { sale, sku } = await onSale('on 64');
    const size = { viewport: { width: 320, height: 740 }, colorScheme };
    const page = await at.open(`/sales/${sale}`, size);
    // The worker's script is held back: the computation runs as long as the test looks at it.
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/altcha/pbkdf2.js', async (route) => {
      await held;
      await route.continue();
    });
    await buyOf(page, sku).focus();
    await until('the button is on', async () => {
      await page.keyboard.press('Enter');
      return (await buyOf(page, sku).getAttribute('aria-busy')) === 'true';
    });
    await says(page, sku, 'A small computation first');
    await says(page, sku, 'The shop asks everybody');
    await says(page, sku, 'Your device is computing');
    const spoken = tileOf(page, sku).locator('[role=status]').first();
    expect(await spoken.innerText()).toContain('solves it by itself');
    // The focus of who works by keyboard stays on the button.
    expect(await page.evaluate("document.activeElement?.className ?? ''")).toBe('buy');
    await expectAccessible(page);
    await expectFits(page);
    const folder = process.env['SCREENSHOTS'];
    if (folder)
      await page.screenshot({ path: `${folder}/solving-${colorScheme}.png`, fullPage: true });
    release();
  });

  it('that cannot be solved here ends in words, and the next press may try again', async () => {
    const { sale, sku } = await onSale('on');
    const page = await at.open(`/sales/${sale}`);
    at.expected.push(/altcha|Failed to load|Failed to fetch|preload assets/i);
    await page.route('**/altcha/*', (route) => route.abort());
    await press(page, sku);
    await says(page, sku, 'The computation could not be solved here');
    await says(page, sku, 'another browser');
    await expectAccessible(page);
    await page.unroute('**/altcha/*');
    await press(page, sku);
    await says(page, sku, 'It is yours');
  });
});

describe('a draw', () => {
  it('says that pressing again is of no use, and how it is checked', async () => {
    const { sale, sku } = await onSale('off');
    await at.shop.setDraw('0');
    const page = await at.open(`/sales/${sale}`);
    await press(page, sku);
    await says(page, sku, 'Your place in the lottery is not reached');
    await says(page, sku, 'It stays the same however often you press');
    expect(await tileOf(page, sku).innerText()).not.toMatch(/try again/i);
    await expectAccessible(page);
    const folder = process.env['SCREENSHOTS'];
    if (folder) await page.screenshot({ path: `${folder}/draw.png`, fullPage: true });
    await page.locator('#lottery').click();
    await until('the page of the draw', async () => page.url().endsWith(`/sales/${sale}/lottery`));
    await until('its hash', async () =>
      /^[0-9a-f]{64}$/.test((await page.locator('#hash').textContent()) ?? ''),
    );
    await at.shop.setDraw('1');
    await page.locator('#back').click();
    await press(page, sku);
    await says(page, sku, 'It is yours');
  });
});
