import { execFile } from 'node:child_process';
import { createECDH, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addNoticeContact } from '../../db/calls.ts';
import { Children, PROGRAM_ENVIRONMENT } from '../children.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { openSale, order, stock } from '../db/shop.ts';
import { createVirtualHost, uniqueName, type VirtualHost } from '../servers.ts';
import { until } from '../until.ts';
import { type Mailbox, type Received, startMailbox } from './mailbox.ts';
import { type PushService, startPushService } from './push-service.ts';

/** A worker process that is killed while it sends, and the command line. */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');

const workers = new Children();
const vapid = createECDH('prime256v1');
const publicKey = vapid.generateKeys('base64url');
let host: VirtualHost;
let database: TestDatabase;
let mailbox: Mailbox;
let service: PushService;

beforeAll(async () => {
  host = await createVirtualHost();
  database = await createDatabase();
  mailbox = await startMailbox();
  service = await startPushService(publicKey);
});
afterAll(async () => {
  workers.close();
  await mailbox?.close();
  await service?.close();
  await database?.remove();
  await host?.remove();
});

function startWorker() {
  return workers.spawn('worker/main.ts', {
    AMQP_URL: host.url,
    DATABASE_URL: database.url,
    DEMO: '1',
    LOG_LEVEL: 'error',
    SMTP_URL: mailbox.url,
    MAIL_FROM: 'The shop <shop@shop.example>',
    VAPID_PUBLIC_KEY: publicKey,
    VAPID_PRIVATE_KEY: vapid.getPrivateKey('base64url'),
    VAPID_SUBJECT: 'mailto:shop@shop.example',
    PUSH_ALLOW_PRIVATE: 'true',
    NOTICE_SECRET: randomBytes(32).toString('base64url'),
    SHOP_URL: 'https://shop.example',
  });
}

async function cli(...words: string[]) {
  const args = ['ops/cli.ts', 'notices', ...words, '--json'];
  const env = { ...PROGRAM_ENVIRONMENT, DATABASE_URL: database.url };
  const { stdout } = await run(process.execPath, args, { cwd: ROOT, env });
  return JSON.parse(stdout);
}

test('a worker that is killed while it sends loses no notice; only those in hand may come twice, with the same id', async () => {
  const ops = database.as('ops');
  const worker = database.as('worker');
  const web = database.as('web');
  const sale = await openSale(ops);
  const sku = await stock(ops, sale, { units: 1_000 });
  const shoppers = Array.from({ length: 30 }, () => {
    const userId = uniqueName('user');
    return { sale, userId, address: `${userId}@mail.example`, browser: service.subscribe() };
  });
  for (const { userId, address, browser } of shoppers) {
    const contact = { sale, userId, language: 'en', reminders: [] };
    await addNoticeContact(web, { ...contact, channel: 'email', address });
    const { endpoint, keys } = browser;
    await addNoticeContact(web, { ...contact, channel: 'push', address: endpoint, keys });
  }
  await database.admin.query({ text: 'DELETE FROM catalog.notice' });
  await database.admin.query({ text: 'UPDATE catalog.notice_contact SET confirmed_at = now()' });
  const orders = new Map<string, string>();
  for (const { userId, address } of shoppers) {
    orders.set(address, await order(worker, sku, { userId }));
  }

  // The server takes some messages, and keeps the sender of the others waiting for an answer.
  const begun: Received[] = [];
  mailbox.onMessage = (mail) => {
    begun.push(mail);
    return begun.length <= 10 ? undefined : new Promise(() => {});
  };
  const victim = startWorker();
  await until('it sends', () => begun.length > 10);
  const gone = new Promise((resolve) => victim.once('exit', resolve));
  victim.kill('SIGKILL');
  await gone;
  const before = mailbox.mails.length;
  mailbox.onMessage = () => undefined;
  startWorker();
  await until('all are told', async () => {
    // Ends the leases of the dead worker.
    await database.admin.query({ text: 'UPDATE regular.outbox_relay SET leased_until = now()' });
    await database.admin.query({ text: 'UPDATE hot.outbox_relay SET leased_until = now()' });
    await database.admin.query({
      text: `UPDATE catalog.notice SET next_at = now() WHERE state = 'due' AND kind = 'ordered'`,
    });
    for (const { address, browser } of shoppers) {
      expect(mailbox.to(address).length).toBeGreaterThan(0);
      expect(browser.pushed.length).toBeGreaterThan(0);
    }
    return true;
  });
  await until('all are recorded', async () => {
    const due = await database.admin.query({
      text: `SELECT FROM catalog.notice WHERE state = 'due' AND kind = 'ordered'`,
    });
    return due.length === 0;
  });
  let copies = 0;
  for (const { address } of shoppers) {
    const mails = mailbox.to(address);
    expect(new Set(mails.map(({ messageId }) => messageId)).size).toBe(1);
    expect(mails[0]?.text).toContain(orders.get(address));
    copies += mails.length - 1;
  }
  for (const { browser } of shoppers) {
    expect(new Set(browser.pushed.map(({ headers }) => headers['topic'])).size).toBe(1);
  }
  // The victim had at most its in-flight messages unrecorded.
  expect(copies).toBeLessThanOrEqual(Math.min(8, before));

  // A shopper says that nothing came: it is shown, sent again under another id, and can be erased.
  const [ann] = shoppers;
  const address = ann?.address ?? '';
  const shown = await cli('show', orders.get(address) ?? '');
  expect(JSON.stringify(shown)).not.toContain(address);
  const ordered = shown.find(
    (one: { kind: string; channel: string }) => one.kind === 'ordered' && one.channel === 'email',
  );
  expect(ordered).toMatchObject({ state: 'sent', lastError: null });
  const known = mailbox.to(address).length;
  await cli('resend', ordered.noticeNo, '--reason', 'the shopper found nothing');
  const again = await until('it comes again', () => mailbox.to(address)[known]);
  expect(again.messageId).not.toBe(mailbox.to(address)[0]?.messageId);
  const actions = await database.admin.query<{ action: string; target: string }>({
    text: `SELECT action, target FROM catalog.action WHERE action <> 'create'`,
  });
  expect(actions).toEqual([{ action: 'resend', target: orders.get(address) }]);
  await expect(cli('resend', '999999', '--reason', 'none')).rejects.toThrow('there is no notice');
  expect((await cli('lag')).map(({ due }: { due: number }) => due)).toEqual([0, 0]);
  expect(await cli('forget', ann?.userId ?? '')).toMatchObject([{ removed: 2 }]);
  expect(await cli('show', orders.get(address) ?? '')).toEqual([]);
});
