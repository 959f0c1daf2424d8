import { afterAll, expect, test } from 'vitest';
import { SCHEMAS } from '../../contracts/names.ts';
import { createMailer } from '../../worker/notices/mail.ts';
import { order, stock } from '../db/shop.ts';
import { openTwoServers } from '../db/two-servers.ts';
import { uniqueName } from '../servers.ts';
import { until } from '../until.ts';
import { startMailbox } from './mailbox.ts';
import { askForMail, confirm, publish, startSender } from './notice-sender.ts';

/** Addresses are on the server of regular. The orders and the log of hot are on another server. */

const { servers, worker, ops, sale } = await openTwoServers();
const web = servers.as('web');
const mailbox = await startMailbox();
const sender = startSender(worker, [
  createMailer({ smtpUrl: mailbox.url, from: 'shop@shop.example' }, 4),
]);
afterAll(async () => {
  await sender.end();
  await mailbox.close();
});

async function confirmed() {
  const userId = uniqueName('user');
  const shopper = { sale, userId, address: `${userId}@mail.example` };
  expect(await askForMail(web, shopper)).toBe('added');
  await confirm(web, mailbox, shopper.address);
  return shopper;
}

test('orders of both servers are told; with the second one away, those of the first one are, and the rest afterwards', async () => {
  const skus = {
    regular: await stock(ops, sale, { units: 10, schema: 'regular' }),
    hot: await stock(ops, sale, { units: 10, schema: 'hot' }),
  };
  const told = (address: string) => mailbox.to(address)[1];
  for (const schema of SCHEMAS) {
    const shopper = await confirmed();
    const orderNo = await order(worker, skus[schema], { userId: shopper.userId }, schema);
    await publish(worker);
    const mail = await until(`an order of ${schema} is told`, () => told(shopper.address));
    expect(mail.text).toContain(orderNo);
  }
  const stored = await servers.admin
    .home('hot')
    .query({ text: 'SELECT FROM catalog.notice_contact' });
  expect(stored).toEqual([]);

  const [late, soon] = [await confirmed(), await confirmed()];
  await order(worker, skus.hot, { userId: late.userId }, 'hot');
  servers.second.freeze();
  await order(worker, skus.regular, { userId: soon.userId }, 'regular');
  await publish(worker, ['regular']);
  await until('the first one is told', () => told(soon.address));
  expect(told(late.address)).toBeUndefined();
  servers.second.thaw();
  await publish(worker);
  await until('the other is told', () => told(late.address));
});
