import { describe, expect, it } from 'vitest';
import { noticesOf } from '../../../contracts/notices.ts';
import {
  addNoticeContact,
  cancelForShopper,
  cancelOrder,
  confirmNoticeContact,
  endRefund,
  expireOrders,
  fenceNode,
  joinWaitlist,
  logDeadLetter,
  noteOrder,
  noticeContacts,
  noticeEvents,
  outboxBatch,
  outboxDone,
  payOrder,
  placeOrders,
  planNotices,
  refundOrder,
  refuseRequests,
  reportNotices,
  resendNotice,
  takeNotices,
  takeRefunds,
  takeWebhooks,
} from '../../../db/calls.ts';
import { findOrders } from '../../../ops/orders/find.ts';
import type { Sentence } from '../../../ops/orders/sentences.ts';
import { storyOfOrder, storyOfRequest } from '../../../ops/orders/story.ts';
import { tell } from '../../../ops/orders/tell.ts';
import { openShop } from '../../db/open-shop.ts';
import { byNode, order, request, stock } from '../../db/shop.ts';
import { uniqueName } from '../../servers.ts';

/** What customer service is told about orders and requests, from the records of a real database. */

const { database, worker, web, ops, sale } = await openShop();
const DOER = { by: 'sue@support', reason: 'The shopper called' };
const sources = {
  databases: ops,
  findUndecided: async () => ({
    ...{ waiting: 0, deadLetters: 0, areLettersRead: false, letter: undefined },
  }),
};

const spoken = (sentence: Sentence) =>
  sentence.map((part) => (part instanceof Date ? '<time>' : part)).join('');

/** The story as lines. Moments without a time begin with a dash. */
async function told(id: string) {
  const story = await (id.includes('-') ? storyOfRequest(sources, id) : storyOfOrder(sources, id));
  if (story === undefined) return undefined;
  const { now, moments } = tell(story, new Date());
  const times = moments.flatMap(({ at }) => (at === null ? [] : [at.getTime()]));
  expect(times).toEqual(times.toSorted((one, other) => one - other));
  return {
    now: now.map(spoken),
    moments: moments.map(({ at, says }) => `${at === null ? '– ' : ''}${spoken(says)}`),
  };
}

const ADMITTED = '– Web node node-1 admitted the request and published it to RabbitMQ.';
const NOBODY = 'No address is recorded for notices of this order.';
const decided = (orderNo: string, sku: string) =>
  `Decided: order ${orderNo}, 1 × ${sku} for 9.95 EUR, to be paid by <time>.`;

async function publish(): Promise<void> {
  for (const schema of ['hot', 'regular'] as const) {
    const events = await outboxBatch(worker, schema, 'test', 1_000);
    await outboxDone(worker, schema, [...new Set(events.map(({ eventNo }) => eventNo))]);
  }
}

describe('the story of an order', () => {
  it('that is paid and refunded, with a remark', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const orderNo = await order(worker, sku);
    const unpaid = await told(orderNo);
    expect(unpaid?.now).toEqual([
      'Unpaid. It is to be paid by <time>.',
      NOBODY,
      'The event “placed” of <time> is not published yet.',
    ]);
    await payOrder(web, orderNo, `p:${orderNo}`);
    expect(await noteOrder(ops, orderNo, { by: 'sue@support', reason: 'Wants blue' })).toBe(true);
    await publish();
    expect((await told(orderNo))?.now).toEqual(['Paid. The units belong to the shopper.', NOBODY]);
    await refundOrder(ops, orderNo, DOER);
    await takeRefunds(worker, 'hot', 'p:', 10);
    await endRefund(worker, 'hot', `p:${orderNo}`, { error: 'card closed' });
    await publish();
    expect((await told(orderNo))?.now).toEqual([
      'Cancelled by the shop.',
      `9.95 EUR of payment p:${orderNo} has to go back. People of the shop give it back at the provider, and record it. The provider was asked once. The last error: card closed`,
      NOBODY,
    ]);
    await endRefund(worker, 'hot', `p:${orderNo}`, { refundRef: 're_1' });
    // A second payment of the same order.
    await payOrder(web, orderNo, `twice:${orderNo}`);
    expect((await told(orderNo))?.moments).toEqual([
      ADMITTED,
      decided(orderNo, sku),
      `9.95 EUR came in: payment p:${orderNo}. It paid the order.`,
      'sue@support noted: Wants blue',
      'sue@support cancelled the paid order, so its payment goes back: The shopper called',
      `9.95 EUR went back: refund re_1.`,
      `9.95 EUR came in: payment twice:${orderNo}. The order could not have it, so it goes back.`,
    ]);
  });

  it('of a pot, with what was drawn', async () => {
    const pot = { amount: '3.00', packets: 1, division: 'equal' } as const;
    const sku = await stock(ops, sale, { units: 1, price: '0', pot });
    const orderNo = await order(worker, sku);
    await publish();
    expect((await told(orderNo))?.moments).toEqual([
      ADMITTED,
      `Decided: order ${orderNo}, 1 × ${sku}, a packet of 3.00 EUR. It costs nothing, so it is paid.`,
    ]);
  });

  it('of numbered goods, with the units that it has', async () => {
    const section = { seats: [{ row: 'A', from: 7, to: 9 }], singles: 'allow' } as const;
    const sku = await stock(ops, sale, { units: 3, userLimit: 3, section });
    const orderNo = await order(worker, sku, { userId: 'ann', units: 2 });
    await publish();
    expect((await told(orderNo))?.now[1]).toBe('It has row A, seat 7; row A, seat 8.');
    await cancelOrder(web, orderNo, 'ann');
    expect((await told(orderNo))?.now.join(' ')).not.toContain('seat');
  });

  it('that ended unpaid: by its shopper, by the shop, by its time', async () => {
    const sku = await stock(ops, sale, { units: 4 });
    const [own, shop, late, revived] = [
      await order(worker, sku, { userId: 'ann' }),
      await order(worker, sku),
      await order(worker, sku),
      await order(worker, sku),
    ];
    await cancelOrder(web, own, 'ann');
    await cancelForShopper(ops, shop, DOER);
    await database.admin.query({
      text: `UPDATE hot.orders SET pay_before = now() - interval '1 s' WHERE order_no = ANY ($1)`,
      values: [[late, revived]],
    });
    expect((await told(late))?.now.slice(0, 2)).toEqual([
      'Unpaid. It is to be paid by <time>.',
      'That time is over: it expires as soon as a worker comes to it.',
    ]);
    await expireOrders(worker, 'hot', 100);
    await payOrder(web, revived, `late:${revived}`, byNode);
    await publish();
    expect(await told(own)).toEqual({
      now: ['Cancelled by the shopper.', NOBODY],
      moments: [ADMITTED, decided(own, sku), 'The shopper cancelled the order.'],
    });
    expect((await told(shop))?.moments.at(-1)).toBe(
      'sue@support cancelled the order for the shopper: The shopper called',
    );
    expect(await told(late)).toEqual({
      now: ['Expired: it was not paid in time.', NOBODY],
      moments: [
        ADMITTED,
        decided(late, sku),
        'Nobody paid in time: the order expired, and its units went back.',
      ],
    });
    expect((await told(revived))?.moments.at(-1)).toMatch(
      /It came after the time to pay, and paid the order nevertheless\.$/,
    );
    expect(await told('999999998')).toBeUndefined();
    expect(await noteOrder(ops, '999999998', DOER)).toBe(false);
    await expect(noteOrder(ops, own, { by: 'sue', reason: '' })).rejects.toMatchObject({
      sqlstate: '23514',
    });
  });

  it('that was made for the waitlist', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const first = await order(worker, sku, { userId: 'bob' });
    const waiter = uniqueName('waiter');
    await joinWaitlist(web, 'hot', { sku, userId: waiter, units: 1 });
    expect((await findOrders(ops, waiter)).places).toMatchObject([{ sku, state: 'waiting' }]);
    await cancelOrder(web, first, 'bob');
    const { orders, places } = await findOrders(ops, waiter);
    expect(places).toEqual([]);
    const orderNo = orders[0]?.orderNo ?? '';
    expect((await told(orderNo))?.moments).toEqual([
      'The shopper asked for a place in the waitlist.',
      `Units came back and went to the waitlist: order ${orderNo}, 1 × ${sku} for 9.95 EUR, to be paid by <time>.`,
    ]);
  });

  it('with what its shopper and its webhooks were told, and no address', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const userId = uniqueName('user');
    const address = `${userId}@mail.example`;
    const contact = { sale, userId, language: 'en', reminders: [] };
    await addNoticeContact(web, { ...contact, channel: 'email', address });
    await addNoticeContact(web, {
      ...{ ...contact, channel: 'push', address: 'https://push.example/secret' },
      keys: { p256dh: 'p', auth: 'a' },
    });
    const orderNo = await order(worker, sku, { userId });
    await publish();
    const read = await noticeEvents(worker, 'hot', 1_000);
    if (read === undefined) throw new Error('nothing was read');
    await planNotices(worker, 'hot', read, read.events.flatMap(noticesOf));
    const early = await told(orderNo);
    expect(early?.now).toContain(
      'The notice of the order, by e-mail, waits until the owner confirms the address.',
    );
    const [mail] = await noticeContacts(web, sale, userId);
    await confirmNoticeContact(web, mail?.contact ?? '');
    const limits = { noticesMax: 100, leaseMs: 60_000 };
    const taken = await takeNotices(worker, 'email', limits);
    const own = taken.filter((notice) => notice.address === address && notice.kind === 'ordered');
    expect(own).toHaveLength(1);
    await reportNotices(worker, [{ noticeNo: own[0]?.noticeNo ?? '', state: 'sent' }]);
    const endpoint = uniqueName('wh');
    await takeWebhooks(
      worker,
      'hot',
      {
        ...{ endpoint, url: 'https://shop.example', kinds: ['placed'], secrets: [] },
        createdAt: new Date(0),
      },
      { eventsMax: 1_000, leaseMs: 60_000, pendingMax: 10_000, failingMax: 10_000, failed: false },
    );
    const story = await told(orderNo);
    const hint = `${userId.slice(0, 1)}…@mail.example`;
    expect(story?.moments).toEqual([
      `The shopper asked to be told by e-mail at ${hint}.`,
      'The shopper asked to be told by push messages (push.example).',
      ADMITTED,
      decided(orderNo, sku),
      `The owner of ${hint} confirmed the address.`,
      'Told by e-mail of the order.',
    ]);
    expect(story?.now).toEqual(
      expect.arrayContaining([
        'The notice of the order, by push message, is to be sent at <time>.',
        `The event “placed” of <time> is not at webhook ${endpoint} yet, tried once, the next time at <time>.`,
      ]),
    );
    expect(JSON.stringify(await storyOfOrder(sources, orderNo))).not.toMatch(
      new RegExp(`${address}|secret`),
    );
    expect(await resendNotice(ops, own[0]?.noticeNo ?? '', DOER)).toBe(true);
    expect((await told(orderNo))?.moments.at(-1)).toBe(
      'sue@support had a notice sent again: The shopper called',
    );
    const short = { ...contact, userId: uniqueName('user'), address: 'j@mail.example' } as const;
    await addNoticeContact(web, { ...short, channel: 'email' });
    const hints = await ops.regular.query({
      text: 'SELECT hint FROM catalog.notice_contact_hints($1, $2)',
      values: [sale, short.userId],
    });
    expect(hints).toEqual([{ hint: '…@mail.example' }]);
    await database.admin.query({ text: 'DELETE FROM hot.webhook_delivery' });
  });
});

describe('the story of a request that became no order', () => {
  const refused = (why: string) => `Refused: ${why}. There is no order and nothing to pay.`;

  it('says why in words', async () => {
    const tv = await stock(ops, sale, { units: 1 });
    await order(worker, tv);
    const dead = uniqueName('node');
    await fenceNode(ops, dead);
    const requests = {
      'every unit was taken, some of them by unpaid orders': request(),
      'the shopper would have held more units than one shopper may': request({ units: 2 }),
      'its web node had ended, and the units of that node had gone to others, when the request arrived':
        request({ node: dead }),
      'it asked for units that are not possible': request({ units: 0 }),
      'another order had one of the seats that the shopper chose': request({ positions: [1] }),
      'the seats that the shopper chose would have left a single one, and others were free':
        request({ positions: [3] }),
    };
    const section = { seats: [{ row: '1', from: 1, to: 6 }], singles: 'avoid' as const };
    const stalls = await stock(ops, sale, { units: 6, section });
    await placeOrders(worker, 'hot', stalls, [request({ positions: [1] })]);
    for (const [why, one] of Object.entries(requests)) {
      const sku = one.positions === undefined ? tv : stalls;
      await placeOrders(worker, 'hot', sku, [one]);
      const story = await told(one.requestId);
      expect(story?.now).toEqual([refused(why)]);
      expect(story?.moments).toEqual([
        ADMITTED.replace('node-1', one.node),
        `Decided. ${refused(why)}`,
      ]);
      const found = await findOrders(ops, one.requestId.toUpperCase());
      expect(found).toMatchObject({ orders: [], undecided: undefined });
      expect(found.refused).toMatchObject([{ requestId: one.requestId, sku }]);
      const [newest] = (await findOrders(ops, one.userId)).refused;
      expect(newest).toMatchObject({ requestId: one.requestId, userId: one.userId, sku });
    }
  });

  it('by an operator, with the dead letter, also of a product that nobody knows', async () => {
    const { requestId, userId } = request();
    const sku = uniqueName('Boat');
    const reason = 'price_was_wrong';
    const refusal = { sku, node: 'node-1', requests: [{ requestId, userId }], reason };
    await refuseRequests(ops, 'regular', refusal);
    await logDeadLetter(ops, 'regular', {
      ...{ letter: 'abc', action: 'refused', queue: 'orders.regular', cause: 'unknown_sku' },
      ...{ error: null, sku, requestIds: [requestId], reason, headers: {}, bytes: 1 },
      ...{ content: Buffer.from('x'), handledBy: 'ops@host' },
    });
    expect((await findOrders(ops, userId)).refused).toMatchObject([{ requestId, sku }]);
    expect(await told(requestId)).toEqual({
      now: [refused('an operator refused it (price was wrong)')],
      moments: [
        '– A web node admitted the request and published it to RabbitMQ.',
        `Decided. ${refused('an operator refused it (price was wrong)')}`,
        'ops@host refused the dead letter with the request (price was wrong). Its cause: unknown sku.',
      ],
    });
  });
});
