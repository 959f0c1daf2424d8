import { expect, test } from 'vitest';
import { noticesOf } from '../../contracts/notices.ts';
import {
  addNoticeContact,
  confirmNoticeContact,
  dropSale,
  expireOrders,
  forgetNoticeContacts,
  noticeContacts,
  noticeEvents,
  noticeLags,
  outboxBatch,
  outboxDone,
  planNotices,
  takeNotices,
  trimNotices,
} from '../../db/calls.ts';
import { uniqueName } from '../servers.ts';
import { openShop } from './open-shop.ts';
import { openSale, order, stock } from './shop.ts';

/** Contacts and notices: each event is derived once, and personal data goes with its sale. */

const { database, worker, web, ops, sale } = await openShop();
const query = (text: string, ...values: unknown[]) => database.admin.query({ text, values });

function add(userId: string, changes: Partial<Parameters<typeof addNoticeContact>[1]> = {}) {
  return addNoticeContact(web, {
    sale,
    userId,
    channel: 'email',
    address: `${userId}@mail.example`,
    language: 'en',
    reminders: [],
    ...changes,
  });
}

const push = (endpoint: string) =>
  ({ channel: 'push', address: endpoint, keys: { p256dh: 'p', auth: 'a' } }) as const;

async function publish(): Promise<void> {
  const events = await outboxBatch(worker, 'hot', 'test', 1_000);
  await outboxDone(worker, 'hot', [...new Set(events.map(({ eventNo }) => eventNo))]);
}

async function plan() {
  for (;;) {
    const read = await noticeEvents(worker, 'hot', 100);
    if (read === undefined) return;
    await planNotices(worker, 'hot', read, read.events.flatMap(noticesOf));
  }
}

async function rowsOf(userId: string) {
  const [row] = await database.admin.query<{ contacts: string; notices: string }>({
    text: `SELECT count(DISTINCT c.contact) AS contacts, count(n.*) AS notices
           FROM catalog.notice_contact c LEFT JOIN catalog.notice n USING (contact)
           WHERE c.user_id = $1`,
    values: [userId],
  });
  return row;
}

test('each event is derived once, whoever reads it again, and only for contacts that existed then', async () => {
  const sku = await stock(ops, sale, { units: 10 });
  const [early, late] = [uniqueName('user'), uniqueName('user')];
  await add(early, push('https://push.example/early'));
  await order(worker, sku, { userId: early });
  await order(worker, sku, { userId: late });
  await publish();
  const read = await noticeEvents(worker, 'hot', 100);
  await add(late, push('https://push.example/late'));
  expect(read?.events.map(({ userId }) => userId)).toEqual([early, late]);
  if (read === undefined) throw new Error('nothing was read');
  const notices = read.events.flatMap(noticesOf);
  // Of two workers that have read the same, one derives it.
  const planned = await Promise.all([1, 2].map(() => planNotices(worker, 'hot', read, notices)));
  expect(planned.filter((count) => count !== undefined)).toEqual([2]);
  expect(await noticeEvents(worker, 'hot', 100)).toBeUndefined();
  // Even if the position were lost, no notice would come twice.
  await query(`UPDATE catalog.notice_position SET log_no = 0`);
  await plan();
  expect(await rowsOf(early)).toEqual({ contacts: '1', notices: '2' });
  expect(await rowsOf(late)).toEqual({ contacts: '1', notices: '0' });
});

test('orders of sales without contacts are skipped, and cost no look at the orders', async () => {
  const other = await openSale(ops);
  const sku = await stock(ops, other, { units: 10 });
  await order(worker, sku);
  await publish();
  const read = await noticeEvents(worker, 'hot', 100);
  expect(read?.events).toEqual([]);
  await plan();
});

test('a notice is given to one worker for the time of its lease, and to another one after it', async () => {
  const userId = uniqueName('user');
  await add(userId);
  const take = async (leaseMs: number) =>
    (await takeNotices(worker, 'email', { noticesMax: 100, leaseMs })).filter(
      ({ address }) => address === `${userId}@mail.example`,
    );
  const taken = await Promise.all([take(60_000), take(60_000)]);
  expect(taken.flat()).toMatchObject([{ kind: 'confirm', attempt: 1, facts: undefined }]);
  expect(await take(60_000)).toEqual([]);
  await query(`UPDATE catalog.notice SET next_at = now() WHERE kind = 'confirm'`);
  expect(await take(0)).toMatchObject([{ attempt: 2 }]);
});

test('a notice that is too late is dropped', async () => {
  const userId = uniqueName('user');
  await add(userId);
  await query(
    `UPDATE catalog.notice SET next_at = now(), until_at = now() - interval '1 s'
     WHERE contact IN (SELECT contact FROM catalog.notice_contact WHERE user_id = $1)`,
    userId,
  );
  await takeNotices(worker, 'email', { noticesMax: 100, leaseMs: 0 });
  const rows = await query(
    `SELECT n.state FROM catalog.notice n JOIN catalog.notice_contact c USING (contact)
     WHERE c.user_id = $1`,
    userId,
  );
  expect(rows).toEqual([{ state: 'dropped' }]);
});

test('contacts go with their notices when their sale has been over for long, or nobody confirms them', async () => {
  const over = await openSale(ops);
  const [old, kept, unconfirmed] = [uniqueName('user'), uniqueName('user'), uniqueName('user')];
  await add(old, { sale: over, ...push('https://push.example/old') });
  await add(kept, push('https://push.example/kept'));
  await add(unconfirmed);
  await query(
    `UPDATE catalog.sale SET opens_at = now() - interval '9 days', closes_at = now() - interval '8 days'
     WHERE sale = $1`,
    over,
  );
  await query(
    `UPDATE catalog.notice_contact SET created_at = now() - interval '25 h' WHERE user_id = $1`,
    unconfirmed,
  );
  await query(`UPDATE catalog.notice_question SET since = now() - interval '25 h'`);
  expect(await trimNotices(worker, 1_000)).toBe(2);
  expect(await rowsOf(old)).toEqual({ contacts: '0', notices: '0' });
  expect(await rowsOf(unconfirmed)).toEqual({ contacts: '0', notices: '0' });
  expect(await rowsOf(kept)).toMatchObject({ contacts: '1' });
  expect(await query('SELECT FROM catalog.notice_question')).toEqual([]);
  expect(await add(uniqueName('user'), { sale: over })).toBe('over');
});

test('drop_sale removes contacts at once; erasure removes a user everywhere', async () => {
  const over = await openSale(ops);
  const sku = await stock(ops, over, { units: 1 });
  const [gone, erased] = [uniqueName('user'), uniqueName('user')];
  await add(gone, { sale: over, ...push('https://push.example/gone') });
  await order(worker, sku, { userId: gone });
  await publish();
  await plan();
  expect(await rowsOf(gone)).toEqual({ contacts: '1', notices: '2' });
  await query(`UPDATE hot.orders SET pay_before = now() - interval '1 s' WHERE sale = $1`, over);
  await expireOrders(worker, 'hot', 1_000);
  await publish();
  await query(
    `UPDATE catalog.sale SET opens_at = now() - interval '2 h', closes_at = now() - interval '1 h'
     WHERE sale = $1`,
    over,
  );
  await add(erased);
  await add(erased, push('https://push.example/erased'));
  expect(await forgetNoticeContacts(ops, { userId: erased })).toBe(2);
  expect(await rowsOf(erased)).toEqual({ contacts: '0', notices: '0' });
  await dropSale(ops, over);
  expect(await rowsOf(gone)).toEqual({ contacts: '0', notices: '0' });
  expect(await add(gone, { sale: over })).toBe('unknown_sale');
});

test('a browser tells only the shopper who asked last, unless the secret of its subscription is another', async () => {
  const [first, second, stranger] = [uniqueName('user'), uniqueName('user'), uniqueName('user')];
  const browser = push('https://push.example/shared');
  const other = await openSale(ops);
  await add(first, browser);
  await add(first, { sale: other, ...browser });
  await add(first);
  await add(stranger, { ...browser, keys: { p256dh: 'p', auth: 'a guess' } });
  expect((await rowsOf(first))?.contacts).toBe('3');
  await add(second, browser);
  // The e-mail address stays.
  expect((await rowsOf(first))?.contacts).toBe('1');
  expect((await rowsOf(second))?.contacts).toBe('1');
  expect((await rowsOf(stranger))?.contacts).toBe('1');
});

test('limits hold: notices of a contact, and contacts of all sales', async () => {
  const sku = await stock(ops, sale, { units: 10, userLimit: 5 });
  const userId = uniqueName('user');
  await add(userId, push('https://push.example/many'));
  await ops.home('hot').query({ text: `SELECT catalog.set_tunable('notices_per_contact_max', 3)` });
  for (let n = 0; n < 3; n += 1) await order(worker, sku, { userId });
  await publish();
  await plan();
  await ops
    .home('hot')
    .query({ text: `SELECT catalog.set_tunable('notices_per_contact_max', 100)` });
  expect(await rowsOf(userId)).toEqual({ contacts: '1', notices: '3' });
  await query('ANALYZE catalog.notice_contact');
  await ops.home('hot').query({ text: `SELECT catalog.set_tunable('notice_contacts_max', 1)` });
  expect(await add(uniqueName('user'))).toBe('full');
  expect(await add(userId, push('https://push.example/many'))).toBe('known');
  await ops
    .home('hot')
    .query({ text: `SELECT catalog.set_tunable('notice_contacts_max', 2000000)` });
});

test('an address is told until the new one is confirmed, which then gets what is left, and nothing twice', async () => {
  const skus = [await stock(ops, sale, { units: 1 }), await stock(ops, sale, { units: 1 })];
  const userId = uniqueName('user');
  const contactsOf = async () =>
    (await noticeContacts(web, sale, userId)).map(({ address, contact }) => [address, contact]);
  const told = async (contact: string) =>
    (
      await query(
        `SELECT order_no::text, state FROM catalog.notice WHERE contact = $1 AND kind = 'ordered' ORDER BY 1`,
        contact,
      )
    ).map((row) => [row['order_no'], row['state']]);
  await add(userId, { address: 'right@mail.example' });
  const [[, right = ''] = []] = await contactsOf();
  await confirmNoticeContact(web, right);
  const first = await order(worker, skus[0] ?? '', { userId });
  await publish();
  await plan();

  // A typing mistake, and then another one: nobody confirms them.
  await add(userId, { address: 'wrnog@mail.example' });
  await add(userId, { address: 'new@mail.example' });
  const contacts = await contactsOf();
  expect(contacts.map(([address]) => address)).toEqual(['right@mail.example', 'new@mail.example']);
  const second = await order(worker, skus[1] ?? '', { userId });
  await publish();
  await plan();
  expect(await told(right)).toEqual([
    [first, 'due'],
    [second, 'due'],
  ]);
  await query(
    `UPDATE catalog.notice SET state = 'sent', sent_at = now() WHERE order_no = $1 AND contact = $2`,
    second,
    right,
  );

  const fresh = contacts[1]?.[1] ?? '';
  await confirmNoticeContact(web, fresh);
  expect(await contactsOf()).toEqual([['new@mail.example', fresh]]);
  expect(await told(fresh)).toEqual([
    [first, 'due'],
    [second, 'sent'],
  ]);
  // To ask for the old address again while another one waits takes that one back.
  await add(userId, { address: 'other@mail.example' });
  expect(await add(userId, { address: 'new@mail.example' })).toBe('known');
  expect(await contactsOf()).toEqual([['new@mail.example', fresh]]);
});

test('a removed contact cannot be confirmed, and the lag names nobody', async () => {
  const userId = uniqueName('user');
  await add(userId);
  const [contact] = await noticeContacts(web, sale, userId);
  const id = contact?.contact ?? '';
  expect(await confirmNoticeContact(web, id)).toBe(sale);
  expect(await forgetNoticeContacts(web, { userId, sale })).toBe(1);
  expect(await confirmNoticeContact(web, id)).toBeUndefined();
  expect((await noticeLags(ops)).map(({ channel }) => channel).sort()).toEqual(['email', 'push']);
});
