import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import type { SalePresentation, SkuPresentation } from '../../contracts/presentation.ts';
import type { SkuOnSale } from '../../server/catalogue/catalogue.ts';
import { launch, type Visit, visit } from '../page/browser.ts';
import { until } from '../until.ts';
import { openWebNode, type WebNode } from './web-node.ts';

/** The pages of a web node of the test file's own, in a browser, without a database behind it. */

const DRAW = readFileSync(join(import.meta.dirname, '..', 'page', 'draw.js'), 'utf8');
const PHONE = { viewport: { width: 320, height: 740 } };
/** Names, and values: the title of the sale, the currency and the name of the guest. */
export const LATIN_NAMES = /JavaScript|https|HMAC.SHA.256|SHA.256|XTS|Demo|\b[0-9a-f]{6}\b/g;

export interface Drawn {
  /** The words of each state. */
  readonly drawn: string[][];
  /** Labels that do not fit. */
  readonly cut: string[];
}

/**
 * To be called once at the top of a test file.
 *
 * @param environment further variables of the web node
 */
export function pageVisits(environment: Readonly<Record<string, string>> = {}) {
  let node: WebNode;
  let browser: Browser;
  let url = '';
  const visits: Visit[] = [];
  beforeAll(async () => {
    [node, browser] = await Promise.all([openWebNode({ environment }), launch()]);
    // Without words: what is read on the page then comes from the messages.
    node.world.row = { ...node.world.row, title: '42', sku: '42' };
    await node.refresh();
    await node.app.listen({ host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${(node.app.server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    for (const each of visits) await each.end();
    await browser?.close();
    await node?.close();
  });
  return {
    get url(): string {
      return url;
    },
    async callsOff(): Promise<void> {
      node.world.isCalledOff = true;
      await node.refresh();
    },
    /** Changes the only SKU. */
    async changes(row: Partial<SkuOnSale>): Promise<void> {
      node.world.row = { ...node.world.row, ...row };
      await node.refresh();
    },
    async presents(sale: SalePresentation, sku: SkuPresentation): Promise<void> {
      node.world.presentation = sale;
      node.world.row = { ...node.world.row, presentation: sku };
      await node.refresh();
    },
    /** Nothing is loaded yet. */
    async blank(locale: string, options: BrowserContextOptions = {}): Promise<Page> {
      const started = await visit(browser, 'about:blank', { ...PHONE, locale, ...options });
      visits.push(started);
      await started.page.route('**/api/v1/orders', (route) =>
        route.fulfill({ json: { orders: [] } }),
      );
      return started.page;
    },
  };
}

export const isReady = (page: Page) =>
  until('the page is drawn', async () => (await page.locator('.tile').count()) > 0);
/** Every state of the sale page, in the language that the page has. */
export const draw = (page: Page) => page.evaluate<Drawn>(DRAW);
