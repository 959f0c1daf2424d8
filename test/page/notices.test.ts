import { createECDH, randomBytes } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { until } from '../until.ts';
import { type Mailbox, startMailbox } from '../worker/mailbox.ts';
import { expectAccessible, expectFits } from './browser.ts';
import { buy, seen, visits } from './visits.ts';

/** A shopper asks on the page to be told by e-mail: browser, web node, worker and a mail server. */

let mailbox: Mailbox;
const at = visits(
  async () => {
    mailbox = await startMailbox();
    const vapid = createECDH('prime256v1');
    return {
      MAIL_FROM: 'The shop <shop@shop.example>',
      SMTP_URL: mailbox.url,
      NOTICE_SECRET: randomBytes(32).toString('base64url'),
      VAPID_PUBLIC_KEY: vapid.generateKeys('base64url'),
      VAPID_PRIVATE_KEY: vapid.getPrivateKey('base64url'),
      VAPID_SUBJECT: 'mailto:shop@shop.example',
      SHOP_URL: 'https://shop.example',
    };
  },
  { whole: true },
);
afterAll(() => mailbox?.close());

/** The link of a mail, on the address that the shop has in this test. */
function linkIn(text: string | undefined, purpose: string): string {
  const link = new RegExp(`https://shop\\.example(/notices#${purpose}=[\\w-]+)`).exec(text ?? '');
  if (link?.[1] === undefined) throw new Error(`no link to ${purpose} in ${text}`);
  return link[1];
}

it('is asked once, confirms with a press, is told of the order, and unsubscribes with a press', async () => {
  const { sale, skus } = await at.shop.createSale({ skus: [{ units: 5 }] });
  const page = await at.open(`/sales/${sale}`);
  const panel = page.locator('#notices');
  await until('the panel is there', () => panel.isVisible());
  await expectAccessible(page);
  await expectFits(page);

  await page.locator('#notice-email').fill('no address');
  await page.locator('#notice-ask').click();
  await until('it is refused', async () => /cannot write/.test(await seen(panel)));
  await page.locator('#notice-email').fill('ann@mail.example');
  await page.locator('#notice-ask').press('Enter');
  await until('it says what to do', async () =>
    /confirms a…@mail\.example/.test(await seen(panel)),
  );
  const question = await until('a question', () => mailbox.to('ann@mail.example')[0]);

  const confirmPage = await at.open(linkIn(question.text, 'confirm'), { locale: 'de-AT' });
  await until(
    'it is in German',
    async () => (await confirmPage.title()) === 'E-Mail-Adresse bestätigen',
  );
  await expectAccessible(confirmPage);
  await page.reload();
  await until('a visit confirms nothing', async () => /confirms a…/.test(await seen(panel)));
  await confirmPage.locator('#notice-do').click();
  const state = confirmPage.locator('#notice-state');
  await until('it is confirmed', async () => /^Bestätigt/.test(await seen(state)));
  await page.reload();
  await until('the panel says so', async () =>
    /We write to a…@mail\.example/.test(await seen(panel)),
  );

  await buy(page, skus[0] ?? '');
  const told = await until('the order is told', () => mailbox.to('ann@mail.example')[1]);
  expect(told.subject).toBe('Ordered: Television');

  const leavePage = await at.open(linkIn(told.text, 'unsubscribe'));
  await leavePage.locator('#notice-do').click();
  const left = leavePage.locator('#notice-state');
  await until('it is left', async () => /You are unsubscribed/.test(await seen(left)));
  await page.reload();
  await until('the panel forgot', async () => {
    expect(await panel.isVisible()).toBe(true);
    return !(await page.locator('#notice-stop').isVisible()) && !/a…@/.test(await seen(panel));
  });
});

it('what is answered after the guest has changed is not shown to the next one', async () => {
  const { sale } = await at.shop.createSale({ skus: [{ units: 1 }] });
  const page = await at.open(`/sales/${sale}`);
  const panel = page.locator('#notices');
  await until('the panel is there', () => panel.isVisible());
  let release = () => {};
  const isAsked = new Promise<() => Promise<void>>((resolve) => {
    void page.route('**/api/v1/sales/*/notices', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      const response = await route.fetch();
      const held = new Promise<void>((done) => {
        release = done;
      });
      const answered = held.then(() => route.fulfill({ response }));
      resolve(() => {
        release();
        return answered;
      });
    });
  });
  await page.locator('#notice-email').fill('ann@mail.example');
  await page.locator('#notice-email').press('Enter');
  const answer = await isAsked;
  await page.locator('#switch-guest').click();
  await until('the next guest is there', () => panel.isVisible());
  await answer();
  await page.locator('#notice-email').fill('');
  expect(await seen(panel)).not.toContain('a…@');
  expect(await page.locator('#notice-stop').isVisible()).toBe(false);
});

/** A push service that gives each subscription an address of its own, because that of the browser is on the internet. */
const PUSH_SERVICE = `
  const kept = () => JSON.parse(localStorage.getItem('test.subscription'));
  const subscription = () => {
    const at = kept();
    return at && {
      endpoint: at.endpoint,
      options: { applicationServerKey: Uint8Array.from(at.key, (each) => each.charCodeAt(0)).buffer },
      toJSON: () => ({ endpoint: at.endpoint, keys: at.keys }),
      unsubscribe: async () => localStorage.removeItem('test.subscription'),
    };
  };
  const pushManager = {
    getSubscription: async () => subscription(),
    subscribe: async ({ applicationServerKey }) => {
      const endpoint = 'https://push.example/' + crypto.randomUUID();
      const key = atob(applicationServerKey.replaceAll('-', '+').replaceAll('_', '/'));
      localStorage.setItem('test.subscription', JSON.stringify({ endpoint, key, keys: KEYS }));
      return subscription();
    },
  };
  navigator.serviceWorker.register = async () => ({ pushManager });`;

it('who asks for pushes of a second sale still gets those of the first, until the shop has another key', async () => {
  const first = await at.shop.createSale({ skus: [{ units: 1 }] });
  const second = await at.shop.createSale({ skus: [{ units: 1 }] });
  const page = await at.open('/notices');
  const curve = createECDH('prime256v1');
  const keys = {
    p256dh: curve.generateKeys('base64url'),
    auth: randomBytes(16).toString('base64url'),
  };
  await page.addInitScript(PUSH_SERVICE.replace('KEYS', JSON.stringify(keys)));
  const asked: string[] = [];
  await page.route('**/api/v1/sales/*/notices', (route) => {
    const { push } = route.request().postDataJSON() ?? {};
    if (push !== undefined) asked.push(push.endpoint);
    return route.continue();
  });
  const ask = async (sale: string) => {
    await page.goto(`${at.shop.url}/sales/${sale}`);
    await page.locator('#notice-push').click();
    await until('it is told', async () =>
      /Notifications are on/.test(await seen(page.locator('#notice-state'))),
    );
  };
  await ask(first.sale);
  await ask(second.sale);
  expect(asked).toHaveLength(2);
  expect(new Set(asked).size).toBe(1);
  const other = createECDH('prime256v1').generateKeys('base64url');
  await page.route('**/api/v1/notices', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), pushKey: other } });
  });
  await ask(first.sale);
  expect(new Set(asked).size).toBe(2);
});

it('a service worker shows what is pushed, and folds copies', async () => {
  const { sale } = await at.shop.createSale({ skus: [{ units: 1 }] });
  const page = await at.open(`/sales/${sale}`, { permissions: ['notifications'] });
  const text = await page.evaluate(`(async () => {
    const registration = await navigator.serviceWorker.register('/service-worker.js');
    await navigator.serviceWorker.ready;
    return registration.active === null ? 'none' : new URL(registration.active.scriptURL).pathname;
  })()`);
  expect(text).toBe('/service-worker.js');
  const session = await page.context().newCDPSession(page);
  const ids: string[] = [];
  session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    ids.push(...registrations.map(({ registrationId }) => registrationId));
  });
  await session.send('ServiceWorker.enable');
  const registrationId = await until('it is registered', () => ids.at(-1));
  const data = JSON.stringify({
    title: 'Ordered: Television',
    body: 'Pay by noon.',
    path: `/sales/${sale}#orders`,
    tag: 'same',
    lang: 'en',
    dir: 'ltr',
  });
  const push = () =>
    session.send('ServiceWorker.deliverPushMessage', {
      origin: at.shop.url,
      registrationId,
      data,
    });
  await push();
  await until(
    'one notification is shown',
    async () => {
      // Messages may come several times, and a browser under load may lose one.
      await push();
      const shown = await page.evaluate(`navigator.serviceWorker.ready
      .then((registration) => registration.getNotifications())
      .then((all) => all.map(({ title, body, tag, data }) => ({ title, body, tag, data })))`);
      expect(shown).toEqual([
        {
          title: 'Ordered: Television',
          body: 'Pay by noon.',
          tag: 'same',
          data: { path: `/sales/${sale}#orders` },
        },
      ]);
      return true;
    },
    { pollMs: 500 },
  );
});
