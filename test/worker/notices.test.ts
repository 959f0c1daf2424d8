import { afterAll, beforeEach, expect, test } from 'vitest';
import {
  callOffOrders,
  callOffSale,
  cancelForShopper,
  cancelOrder,
  endRefund,
  forgetNoticeContacts,
  noticeLags,
  payOrder,
} from '../../db/calls.ts';
import { createMailer } from '../../worker/notices/mail.ts';
import { openShop } from '../db/open-shop.ts';
import { openSale, order, stock } from '../db/shop.ts';
import { uniqueName } from '../servers.ts';
import { until } from '../until.ts';
import { type Mailbox, startMailbox } from './mailbox.ts';
import { askForMail, confirm, publish, SHOP_URL, startSender } from './notice-sender.ts';

/** E-mail to shoppers, over a real SMTP conversation. */

const { database, worker, web, ops, sale } = await openShop(8);
const sku = await stock(ops, sale, { units: 1_000, title: 'A "<b>thing</b>" & more' });
let mailbox: Mailbox = await startMailbox();
const FROM = 'The shop <shop@shop.example>';
const senders = [1, 2].map(() =>
  startSender(worker, [createMailer({ smtpUrl: mailbox.url, from: FROM }, 4)]),
);
afterAll(async () => {
  await Promise.all(senders.map((sender) => sender.end()));
  await mailbox.close();
});
beforeEach(() => {
  mailbox.onRecipient = () => undefined;
  mailbox.onMessage = () => undefined;
});

function shopper() {
  const userId = uniqueName('user');
  return { sale, userId, address: `${userId}@mail.example` };
}

async function confirmed(language?: string) {
  const one = shopper();
  expect(await askForMail(web, one, language)).toBe('added');
  return { ...one, contact: await confirm(web, mailbox, one.address) };
}

async function buy({ userId }: { userId: string }): Promise<string> {
  const orderNo = await order(worker, sku, { userId });
  await publish(worker);
  return orderNo;
}

async function statesOf(orderNo: string) {
  return database.admin.query<{ kind: string; state: string; last_error: string | null }>({
    text: 'SELECT kind, state, last_error FROM catalog.notice WHERE order_no = $1 ORDER BY kind',
    values: [orderNo],
  });
}

test('a shopper is told of an order within seconds, once, with a link that unsubscribes', async () => {
  const ann = await confirmed();
  const startMs = performance.now();
  const orderNo = await buy(ann);
  const mail = await until('the order is told', () => mailbox.to(ann.address)[1]);
  expect(performance.now() - startMs).toBeLessThan(60_000);
  expect(mail.subject).toBe('Ordered: A "<b>thing</b>" & more');
  expect(mail.from?.text).toBe('"The shop" <shop@shop.example>');
  expect(mail.text).toContain(`Order number: ${orderNo}.`);
  expect(mail.text).toContain('€9.95');
  expect(mail.text).toMatch(/Pay by .* GMT\+[12]\. Otherwise/);
  expect(mail.text).toContain(`${SHOP_URL}/sales/${sale}#orders`);
  expect(mail.html).toContain('A &quot;&lt;b&gt;thing&lt;/b&gt;&quot; &amp; more');
  const list = mail.headerLines.filter(({ key }) => key.startsWith('list-unsubscribe'));
  expect(list.map(({ line }) => line.replaceAll(/\s+/g, ' '))).toEqual([
    expect.stringMatching(
      /^List-Unsubscribe: <https:\/\/shop\.example\/api\/v1\/notices\/unsubscribe\/[\w-]{54}>$/,
    ),
    'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
  ]);
  // A later order of the same shopper comes after every copy of the first one would have come.
  const other = await confirmed();
  await buy(other);
  await until('the other is told', () => mailbox.to(other.address)[1]);
  expect(mailbox.to(ann.address)).toHaveLength(2);
  await until('the notice is recorded as sent', async () => {
    expect(await statesOf(orderNo)).toEqual([
      { kind: 'expiring', state: 'due', last_error: null },
      { kind: 'ordered', state: 'sent', last_error: null },
    ]);
    return true;
  });
});

test('an address gets nothing but one question until its owner confirms, and then what has happened', async () => {
  const bob = shopper();
  await askForMail(web, bob);
  const orderNo = await buy(bob);
  await until('the order waits', async () => {
    expect((await statesOf(orderNo)).map(({ state }) => state)).toEqual(['held', 'held']);
    return true;
  });
  const witness = await confirmed();
  await buy(witness);
  await until('the witness is told', () => mailbox.to(witness.address)[1]);
  expect(mailbox.to(bob.address).map(({ subject }) => subject)).toEqual([
    'Please confirm your e-mail address',
  ]);
  await confirm(web, mailbox, bob.address);
  const mail = await until('the order is told', () => mailbox.to(bob.address)[1]);
  expect(mail.text).toContain(orderNo);
});

test('a shopper is told in the chosen language, and a paid order asks for no money', async () => {
  const ann = await confirmed('ar');
  const orderNo = await order(worker, sku, { userId: ann.userId });
  await payOrder(worker, orderNo, `paid-${orderNo}`);
  await publish(worker);
  const mail = await until('the order is told', () => mailbox.to(ann.address)[1]);
  expect(mail.html).toContain('<html lang="ar" dir="rtl">');
  expect(mail.text).toContain(`رقم الطلب: ${orderNo}`);
  expect(mail.text).not.toContain('ادفع قبل');
});

test('a refusal for now is tried again under the same Message-ID; a final one is given up; neither leaks the address', async () => {
  const [slow, gone] = [await confirmed(), await confirmed()];
  let asked = 0;
  mailbox.onRecipient = (address) => {
    if (address === gone.address) return 550;
    if (address !== slow.address) return undefined;
    asked += 1;
    return asked < 3 ? 451 : undefined;
  };
  const ids: (string | undefined)[] = [];
  mailbox.onMessage = ({ recipient, messageId }) => {
    if (recipient !== slow.address) return undefined;
    ids.push(messageId);
    return ids.length === 1 ? 452 : undefined;
  };
  const orderNo = await buy(slow);
  const goneNo = await buy(gone);
  await until('the slow one is told', () => mailbox.to(slow.address)[1]);
  expect(asked).toBe(4);
  expect(new Set(ids).size).toBe(1);
  expect(ids).toHaveLength(2);
  await until('the other is given up', async () => {
    const ordered = (await statesOf(goneNo)).find(({ kind }) => kind === 'ordered');
    expect(ordered).toMatchObject({ state: 'given_up' });
    expect(ordered?.last_error).toMatch(/550/);
    expect(ordered?.last_error).not.toContain('@');
    return true;
  });
  await until('the notice is recorded as sent', async () =>
    (await statesOf(orderNo)).some(({ state }) => state === 'sent'),
  );
});

test('with the mail server away nothing is lost, and all is sent once when it is back', async () => {
  const shoppers = [await confirmed(), await confirmed(), await confirmed()];
  const port = Number(new URL(mailbox.url).port);
  await mailbox.close();
  const orders: string[] = [];
  for (const one of shoppers) orders.push(await buy(one));
  await until('the lag shows it', async () => {
    const lags = await noticeLags(ops);
    expect(lags.find(({ channel }) => channel === 'email')?.failing).toBeGreaterThan(0);
    return true;
  });
  mailbox = await startMailbox(port);
  for (const [index, { address }] of shoppers.entries()) {
    const mail = await until('it is told', () => mailbox.to(address)[0]);
    expect(mail.text).toContain(orders[index]);
  }
  const witness = await confirmed();
  await buy(witness);
  await until('the witness is told', () => mailbox.to(witness.address)[1]);
  for (const { address } of shoppers) expect(mailbox.to(address)).toHaveLength(1);
});

test('a reminder comes only while the order is unpaid', async () => {
  const [late, paid] = [await confirmed(), await confirmed()];
  const [lateNo, paidNo] = [await buy(late), await buy(paid)];
  await payOrder(worker, paidNo, `paid-${paidNo}`);
  await until('both are planned', async () => (await statesOf(paidNo)).length === 2);
  await database.admin.query({
    text: `UPDATE catalog.notice SET next_at = now() WHERE kind = 'expiring' AND order_no = ANY ($1)`,
    values: [[lateNo, paidNo]],
  });
  const mails = () => mailbox.to(late.address).map(({ subject }) => subject);
  await until('it is reminded', () => {
    expect(mails()).toContain('Your order is about to end: A "<b>thing</b>" & more');
    return true;
  });
  await until('the other is dropped', async () => {
    expect((await statesOf(paidNo))[0]).toMatchObject({ kind: 'expiring', state: 'dropped' });
    return true;
  });
});

test('a sale that is called off is told to its shoppers once, and the money when it goes back', async () => {
  const over = await openSale(ops);
  const thing = await stock(ops, over, { units: 5, title: 'A thing' });
  const ann = { ...shopper(), sale: over };
  await askForMail(web, ann);
  await confirm(web, mailbox, ann.address);
  const orderNo = await order(worker, thing, { userId: ann.userId });
  await payOrder(worker, orderNo, `paid-${orderNo}`);
  await callOffSale(ops, over, { by: 'ann@office', reason: 'the truck was stolen' });
  await callOffOrders(ops, 'hot', over, 'paid', { after: '0', limit: 100 });
  await endRefund(worker, 'hot', `paid-${orderNo}`, { refundRef: `back-${orderNo}` });
  await publish(worker);
  await until('all is told', () => {
    const [, ...told] = mailbox.to(ann.address).map(({ subject }) => subject);
    expect(told.sort()).toEqual(['Called off: A sale', 'Money on its way back: A thing']);
    return true;
  });
  const [mail] = mailbox.to(ann.address).filter(({ subject }) => subject?.startsWith('Money'));
  expect(mail?.text).toContain('€9.95');
});

test('a shopper is told, once, that the shop cancelled an unpaid order, and not of a cancellation of her own', async () => {
  const [ann, own] = [await confirmed(), await confirmed()];
  const [orderNo, ownNo] = [await buy(ann), await buy(own)];
  await until('both are told', () => mailbox.to(ann.address)[1] && mailbox.to(own.address)[1]);
  await cancelForShopper(ops, orderNo, { by: 'ann@office', reason: 'a wrong price' });
  await cancelOrder(web, ownNo, own.userId);
  await publish(worker);
  const mail = await until('the end is told', () => mailbox.to(ann.address)[2]);
  expect(mail.subject).toBe('Cancelled by the shop: A "<b>thing</b>" & more');
  expect(mail.text).toContain(orderNo);
  expect(mail.text).not.toMatch(/wrong price|office/);
  const witness = await confirmed();
  await buy(witness);
  await until('the witness is told', () => mailbox.to(witness.address)[1]);
  expect(mailbox.to(ann.address)).toHaveLength(3);
  expect(mailbox.to(own.address)).toHaveLength(2);
});

test('a shopper who unsubscribed or was erased is told nothing more', async () => {
  const [left, erased] = [await confirmed(), await confirmed()];
  await forgetNoticeContacts(web, { contact: left.contact });
  expect(await forgetNoticeContacts(ops, { userId: erased.userId })).toBe(1);
  await buy(left);
  await buy(erased);
  const witness = await confirmed();
  await buy(witness);
  await until('the witness is told', () => mailbox.to(witness.address)[1]);
  for (const { address } of [left, erased]) expect(mailbox.to(address)).toHaveLength(1);
  const kept = await database.admin.query({
    text: 'SELECT FROM catalog.notice_contact WHERE user_id = ANY ($1)',
    values: [[left.userId, erased.userId]],
  });
  expect(kept).toEqual([]);
});
