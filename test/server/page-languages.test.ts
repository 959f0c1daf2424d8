import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LANGUAGES } from '../../server/public/js/language.js';
import english from '../../server/public/languages/en.js';
import { INSECURE_HOST, launch, type Visit, visit } from '../page/browser.ts';
import { until } from '../until.ts';
import { openWebNode, type WebNode } from './web-node.ts';

/**
 * The words of every state of the page, as a browser draws them. A state with a word of another language,
 * a message that no state shows, and a button whose label does not fit on a phone are found here.
 */

const DRAW = readFileSync(join(import.meta.dirname, '..', 'page', 'draw.js'), 'utf8');
const TAGS = Object.keys(LANGUAGES);
const PHONE = { viewport: { width: 320, height: 740 } };
/** The names of messages instead of their words, around which nothing else may be said. */
const NAME = /⟦([\w./]+)⟧/g;
/**
 * Seen elsewhere: in `<noscript>`, as `languages.test.ts` checks, and in the ALTCHA widget, as
 * `challenge.test.ts` does.
 */
const ELSEWHERE = /^needsScript$|^puzzle\./;
/** Names, and values: the title of the sale, the currency and the name of the guest. */
const LATIN_NAMES = /JavaScript|https|HMAC-SHA-256|SHA-256|XTS|Demo|\b[0-9a-f]{6}\b/g;
/** German as Intl writes it. */
const OF_INTL = /^(Tage?|Tg|Stunden?|Std|Minuten?|Min|Sekunden?|Sek)$/;
const FORM = /\.(zero|one|two|few|many|other)$/;

interface Drawn {
  readonly drawn: string[][];
  readonly cut: string[];
}

let node: WebNode;
let browser: Browser;
let url: string;
const visits: Visit[] = [];

beforeAll(async () => {
  [node, browser] = await Promise.all([openWebNode(), launch()]);
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

async function open(path: string, locale: string, base = url): Promise<Page> {
  const started = await visit(browser, 'about:blank', { ...PHONE, locale });
  visits.push(started);
  await started.page.route('**/api/v1/orders', (route) => route.fulfill({ json: { orders: [] } }));
  await started.page.goto(base + path);
  return started.page;
}

const isReady = (page: Page) =>
  until('the page is drawn', async () => (await page.locator('.tile').count()) > 0);
const choose = async (page: Page, tag: string) => {
  await page.locator('#language').selectOption(tag);
  await until(tag, async () => (await page.locator('html').getAttribute('lang')) === tag);
};
const draw = (page: Page) => page.evaluate<Drawn>(DRAW);
const wordsOf = (page: Page) =>
  page.evaluate<string>(
    'document.title + " " + document.body.textContent + " " + document.querySelector("#announcer").textContent',
  );

function namesOf(tree: object, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [prefix + key] : namesOf(value, `${prefix}${key}.`),
  );
}

describe('the page in every language', () => {
  const pages = new Map<string, string[][]>();
  let page: Page;
  beforeAll(async () => {
    page = await open('/sales/demo', 'en');
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

/** In the place of German, the name of each message. Two join the words of others, and keep them. */
async function nameMessages(route: Route): Promise<void> {
  const named = `const named = (tree, prefix) => Object.fromEntries(Object.entries(tree).map(([key, value]) =>
    [key, typeof value === 'string' ? '⟦' + prefix + key + '⟧' : named(value, prefix + key + '.')]));
    import texts from '/languages/en.js';
    export default { ...named(texts, ''), sentences: '⟦sentences⟧{first}{second}', titled: '⟦titled⟧{title}{text}' };`;
  await route.fulfill({ contentType: 'text/javascript', body: named });
}

describe('every message', () => {
  const seen = new Set<string>();
  const see = (texts: readonly string[]) => {
    for (const text of texts) for (const [, name = ''] of text.matchAll(NAME)) seen.add(name);
  };
  const openNamed = async (path: string, base = url) => {
    const page = await open('/', 'de', base);
    await page.route('**/languages/de.js', nameMessages);
    await page.goto(base + path);
    return page;
  };
  const sees = async (page: Page, ...names: string[]) => {
    await until(names.join(', '), async () => {
      const words = await wordsOf(page);
      see([words]);
      return names.every((name) => words.includes(`⟦${name}⟧`));
    });
  };

  it('is all that the states of the sale say', async () => {
    const page = await openNamed('/sales/demo');
    await isReady(page);
    const { drawn } = await draw(page);
    see(drawn.flat());
    // What is no message is a number, a duration, an amount of money or a title.
    const rest = drawn.flat().flatMap(
      (text) =>
        text
          .replaceAll(NAME, '')
          .replaceAll(LATIN_NAMES, '')
          .match(/\p{L}+/gu) ?? [],
    );
    expect([...new Set(rest)].filter((word) => !OF_INTL.test(word))).toEqual([]);
  });

  it('is said when a call of the shop goes wrong', async () => {
    const page = await open('/', 'de');
    await page.route('**/languages/de.js', nameMessages);
    await page.route('**/api/v1/sales/demo', (route) => route.abort());
    await page.goto(`${url}/sales/demo`);
    await sees(page, 'loading', 'sale.coming', 'sale.offline');
    await page.locator('#switch-guest').click();
    await sees(page, 'sale.guestChanged');
    await page.locator('#language').selectOption('de');
    await page.locator('#language').dispatchEvent('change');
    await sees(page, 'languageChanged');
  });

  it('is said of a payment and of a cancellation', async () => {
    const page = await open('/', 'de');
    await page.route('**/languages/de.js', nameMessages);
    const order = {
      orderNo: '7',
      requestId: '7',
      sale: 'demo',
      sku: '42',
      quantity: 1,
      amount: '9.00',
      currency: 'EUR',
      status: 'ordered',
      createdAt: new Date().toISOString(),
      payBefore: new Date(Date.now() + 900_000).toISOString(),
    };
    await page.route('**/api/v1/orders', (route) => route.fulfill({ json: { orders: [order] } }));
    await page.route('**/api/v1/orders/7', (route) => route.fulfill({ json: order }));
    await page.goto(`${url}/sales/demo`);
    await page.locator('.order .pay').waitFor();
    const answer = (call: string, status: number) =>
      page.route(`**/api/v1/orders/7/${call}`, (route) =>
        status === 0 ? route.abort() : route.fulfill({ status, json: { status: 'cancelled' } }),
      );
    let release = () => {};
    await page.route('**/api/v1/orders/7/checkout', async (route) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      await route.abort();
    });
    await page.locator('.order .pay').click();
    await sees(page, 'oneMoment');
    release();
    await sees(page, 'orders.payUnsure');
    await answer('checkout', 404);
    await page.locator('.order .pay').click();
    await sees(page, 'orders.ownCheckout');
    for (const [status, name] of [
      [0, 'orders.cancelUnsure'],
      [409, 'titled'],
      [200, 'orders.announcement'],
    ] as const) {
      await answer('cancel', status);
      await page.locator('.order .cancel').click();
      await sees(page, 'cancelDialog.question');
      await page.locator('dialog button[value="cancel-order"]').click();
      await sees(page, name);
    }
  });

  it('is said by the list of sales', async () => {
    const page = await openNamed('/');
    await sees(page, 'phases.open', 'when.until');
    await page.route('**/api/v1/sales', (route) => route.abort());
    await page.reload();
    await sees(page, 'list.offline');
  });

  it('is said by the page of the lottery', async () => {
    const page = await openNamed('/sales/demo/lottery');
    const shows = async (change: object, ...names: string[]) => {
      await page.route('**/api/v1/sales/demo', async (route) => {
        const json = await (await route.fetch()).json();
        await route.fulfill({ json: { ...json, ...change } });
      });
      await page.reload();
      await sees(page, ...names);
    };
    const secretSha256 = '66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925';
    await shows({ shed: 'random' }, 'lottery.atRandom', 'lottery.secretLater');
    await shows({ shed: 'lottery', keep: 0.5 }, 'lottery.below');
    await shows({ shed: 'lottery', keep: 1 }, 'lottery.everyRank');
    await shows({ lottery: { secretSha256, secret: '01'.repeat(32) } }, 'lottery.broken');
    await shows({ lottery: { secretSha256, secret: '00'.repeat(32) } }, 'lottery.kept');
    await page.locator('#user').fill('77');
    await page.locator('#user').press('Enter');
    await sees(page, 'lottery.result');
    await page.route('**/api/v1/sales/demo', (route) => route.abort());
    await page.reload();
    await sees(page, 'lottery.offline');
    await page.goto(`${url}/sales/none/lottery`);
    await sees(page, 'lottery.missing');
    const secret = { secretSha256, secret: '00'.repeat(32) };
    const insecure = await openNamed(
      '/sales/demo/lottery',
      url.replace('127.0.0.1', INSECURE_HOST),
    );
    await insecure.route('**/api/v1/sales/demo', (route) =>
      route.fulfill({ json: { title: '42', shed: 'random', keep: 1, lottery: secret } }),
    );
    await insecure.reload();
    await sees(insecure, 'lottery.uncheckable');
  });

  it('is seen somewhere', () => {
    const unseen = namesOf(english)
      .filter((name) => !ELSEWHERE.test(name))
      .filter(
        (name) => !seen.has(name) && !(FORM.test(name) && seen.has(name.replace(FORM, '.other'))),
      );
    expect(unseen).toEqual([]);
  });
});
