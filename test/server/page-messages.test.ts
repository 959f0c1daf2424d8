import type { Page, Route } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import english from '../../server/public/languages/en.js';
import { INSECURE_HOST } from '../page/browser.ts';
import { until } from '../until.ts';
import { draw, isReady, LATIN_NAMES, pageVisits } from './page-visits.ts';

/**
 * The page with the name of each message in the place of its words. Words that are no message, and messages
 * that no state of the page shows, are found here.
 */

/** The names of messages instead of their words, around which nothing else may be said. */
const NAME = /⟦([\w./]+)⟧/g;
/**
 * Seen elsewhere: in `<noscript>`, as `languages.test.ts` checks, and in the ALTCHA widget, as
 * `challenge.test.ts` does.
 */
const ELSEWHERE = /^needsScript$|^puzzle\./;
/** German as Intl writes it. */
const OF_INTL = /^(Tage?|Tg|Stunden?|Std|Minuten?|Min|Sekunden?|Sek)$/;
const FORM = /\.(zero|one|two|few|many|other)$/;

const at = pageVisits();

const wordsOf = (page: Page) =>
  page.evaluate<string>(
    'document.title + " " + document.body.textContent + " " + document.querySelector("#announcer").textContent',
  );

function namesOf(tree: object, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [prefix + key] : namesOf(value, `${prefix}${key}.`),
  );
}

/** In the place of German, the name of each message. Two join the words of others, and keep them. */
async function nameMessages(route: Route): Promise<void> {
  const named = `const named = (tree, prefix) => Object.fromEntries(Object.entries(tree).map(([key, value]) =>
    [key, typeof value === 'string' ? '⟦' + prefix + key + '⟧' : named(value, prefix + key + '.')]));
    import texts from './en.js';
    export default { ...named(texts, ''), sentences: '⟦sentences⟧{first}{second}', titled: '⟦titled⟧{title}{text}' };`;
  await route.fulfill({ contentType: 'text/javascript', body: named });
}

describe('every message', () => {
  const seen = new Set<string>();
  const see = (texts: readonly string[]) => {
    for (const text of texts) for (const [, name = ''] of text.matchAll(NAME)) seen.add(name);
  };
  const blankNamed = async () => {
    const page = await at.blank('de');
    await page.route('**/languages/de.js', nameMessages);
    return page;
  };
  const openNamed = async (path: string, base = at.url) => {
    const page = await blankNamed();
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
    const page = await blankNamed();
    await page.route('**/api/v1/sales/demo', (route) => route.abort());
    await page.goto(`${at.url}/sales/demo`);
    await sees(page, 'loading', 'sale.coming', 'sale.offline');
    await page.locator('#switch-guest').click();
    await sees(page, 'sale.guestChanged');
    await page.locator('#language').selectOption('de');
    await page.locator('#language').dispatchEvent('change');
    await sees(page, 'languageChanged');
  });

  it('is said of a payment and of a cancellation', async () => {
    const page = await blankNamed();
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
    await page.goto(`${at.url}/sales/demo`);
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

  it('is said of tickets', async () => {
    const page = await blankNamed();
    const unit = { row: '7', seat: '12' };
    const order = {
      ...{ orderNo: '7', requestId: '7', sale: 'demo', sku: '42', quantity: 1, amount: '9.00' },
      ...{ currency: 'EUR', status: 'paid', createdAt: new Date().toISOString(), units: [unit] },
    };
    const headers = { link: '</api/v1/orders?cursor=x>; rel="next"' };
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>';
    let reply: (route: Route) => Promise<void> = (route) => route.abort();
    await page.route('**/api/v1/orders', (route) =>
      route.fulfill({ headers, json: { orders: [order] } }),
    );
    await page.route('**/api/v1/orders?cursor=x', (route) => route.abort());
    await page.route('**/api/v1/orders/7/codes', (route) => reply(route));
    await page.goto(`${at.url}/sales/demo`);
    await page.locator('#orders-older button').click();
    await sees(page, 'orders.older', 'orders.olderUnanswered');
    const button = page.locator('.order .show-tickets');
    await button.click();
    await sees(page, 'doorTickets.show', 'doorTickets.unanswered');
    reply = (route) => route.fulfill({ status: 409, json: { verdict: 'not_allowed_now' } });
    await button.click();
    await sees(page, 'titled');
    reply = (route) => route.fulfill({ json: { codes: [{ ...unit, code: '1', svg }] } });
    await button.click();
    const said = ['use', 'hide', 'print', 'order'].map((name) => `doorTickets.${name}`);
    await sees(page, ...said, 'orders.seat');
    const alt = await page.locator('.door-ticket svg[role=img]').getAttribute('aria-label');
    expect(alt).toBe('⟦doorTickets.alt⟧');
    see([alt ?? '']);
    await button.click();
    await until('they are hidden', async () => !(await page.locator('.door-ticket').isVisible()));
  });

  it('is said of notices', async () => {
    const page = await blankNamed();
    const contact = { channel: 'email', status: 'asked', address: '7' };
    let contacts: object[] = [contact, { channel: 'push', status: 'confirmed' }];
    let status = 200;
    await page.route('**/api/v1/notices', (route) =>
      route.fulfill({ json: { email: true, pushKey: '7' } }),
    );
    await page.route('**/api/v1/sales/demo/notices', (route) => {
      const verdicts: Record<number, string> = { 400: 'bad_request', 429: 'rate_limited' };
      const json = status === 200 ? { contacts } : { verdict: verdicts[status] };
      return route.fulfill({ status, json });
    });
    await page.goto(`${at.url}/sales/demo`);
    await sees(page, 'notices.heading', 'notices.waiting', 'notices.pushOn');
    contacts = [{ ...contact, status: 'confirmed' }];
    const press = async (answer: number, ...names: string[]) => {
      status = answer;
      await page.locator('#notice-email').fill('7@shop.example');
      await page.locator('#notice-ask').click();
      await sees(page, ...names);
    };
    await press(200, 'notices.emailOn');
    await press(400, 'notices.bad');
    await press(429, 'notices.questions');
    await press(500, 'notices.failed');
    // All that is not granted is denied.
    await page.context().grantPermissions([]);
    await page.locator('#notice-push').click();
    await sees(page, 'notices.denied');
    status = 200;
    await page.locator('#notice-stop').click();
    await sees(page, 'notices.stopped');
  });

  it('is said by the page behind the links of notices', async () => {
    const page = await blankNamed();
    const opens = async (purpose: string, status: number, ...names: string[]) => {
      await page.route(/\/api\/v1\/notices\//, (route) => route.fulfill({ status, json: {} }));
      await page.goto('about:blank');
      await page.goto(`${at.url}/notices#${purpose}=7`);
      await sees(page, ...names);
      await page.locator('#notice-do').click();
    };
    await opens('confirm', 200, 'notices.confirmHeading', 'notices.confirmText');
    await sees(page, 'notices.confirmed');
    await opens('unsubscribe', 200, 'notices.leaveHeading', 'notices.leaveText', 'notices.leave');
    await sees(page, 'notices.left');
    await opens('confirm', 404, 'notices.confirm');
    await sees(page, 'notices.gone');
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
    await page.goto(`${at.url}/sales/none/lottery`);
    await sees(page, 'lottery.missing');
    const secret = { secretSha256, secret: '00'.repeat(32) };
    const insecure = await openNamed(
      '/sales/demo/lottery',
      at.url.replace('127.0.0.1', INSECURE_HOST),
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
