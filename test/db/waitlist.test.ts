import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { lotteryRank } from '../../contracts/lottery.ts';
import {
  cancelOrder,
  expireOrders,
  joinWaitlist,
  leaveWaitlist,
  moveSku,
  orderDetails,
  outboxBatch,
  outboxDone,
  payOrder,
  placeOrders,
  requestOutcomes,
  restock,
  setWaitlists,
  unitCounts,
  waitlistEntries,
} from '../../db/calls.ts';
import { openSession } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';
import { PATIENCE } from './database.ts';
import { blocked } from './locks.ts';
import { openShop } from './open-shop.ts';
import { byNode, openSale, order, request, stock } from './shop.ts';

const { database, worker, web, ops, sale } = await openShop();

const join = (sku: string, userId: string, units = 1) =>
  joinWaitlist(web, 'hot', { sku, userId, units });
const entry = async (sku: string, userId: string) =>
  (await waitlistEntries(web, [{ sku, userId }]))[0];
const free = async (sku: string) =>
  (await unitCounts(worker)).find((count) => count.sku === sku)?.free;

/** Joins new users to the waitlist and returns them in the order of their turns. */
async function waitlist(sku: string, count: number, units = 1): Promise<string[]> {
  const users = Array.from({ length: count }, () => uniqueName('user'));
  for (const user of users) expect(await join(sku, user, units)).toBe('waiting');
  const entries = await waitlistEntries(
    web,
    users.map((userId) => ({ sku, userId })),
  );
  return entries.toSorted((a, b) => a.rank - b.rank).map(({ userId }) => userId);
}

/** Sets the payment deadline of the orders to the past, and expires them. */
async function lapse(orderNos: readonly string[]): Promise<void> {
  for (const schema of ['regular', 'hot'] as const) {
    await database.admin.query({
      text: `UPDATE ${schema}.orders SET pay_before = now() - interval '1 s'
             WHERE order_no = ANY ($1)`,
      values: [orderNos],
    });
    await expireOrders(worker, schema, 1_000);
  }
}

async function soldOut(fields: Parameters<typeof stock>[2]): Promise<[string, string[]]> {
  const sku = await stock(ops, sale, fields);
  const orders = [];
  for (let n = 0; n < fields.units; n += 1) {
    orders.push(await order(worker, sku, {}, fields.schema ?? 'hot'));
  }
  return [sku, orders];
}

describe('a place in the waitlist', () => {
  it('is given once, with a rank that anybody can recompute', async () => {
    const [sku] = await soldOut({ units: 1 });
    const userId = uniqueName('Üsér');
    expect(await join(sku, userId)).toBe('waiting');
    const first = await entry(sku, userId);
    expect(await join(sku, userId)).toBe('waiting');
    expect(await entry(sku, userId)).toEqual(first);
    const [{ secret } = { secret: Buffer.alloc(0) }] = await database.admin.query<{
      secret: Buffer;
    }>({
      text: 'SELECT lottery_secret AS secret FROM catalog.sale WHERE sale = $1',
      values: [sale],
    });
    expect(first?.rank).toBe(lotteryRank(createSecretKey(secret), userId));
    expect(first).toMatchObject({ sale, state: 'waiting', ahead: 0, inLine: 1, order: null });
  });

  it('tells how many are ahead: by rank, not by time of joining', async () => {
    const [sku] = await soldOut({ units: 1 });
    const users = await waitlist(sku, 7);
    for (const [ahead, userId] of users.entries()) {
      expect(await entry(sku, userId)).toMatchObject({ ahead, inLine: 7 });
    }
    expect(await leaveWaitlist(web, sku, users[0] ?? '')).toBe(true);
    expect(await leaveWaitlist(web, sku, users[0] ?? '')).toBe(false);
    expect(await entry(sku, users[0] ?? '')).toBeUndefined();
    expect(await entry(sku, users[6] ?? '')).toMatchObject({ ahead: 5, inLine: 6 });
  });

  it('that is given up behind a lock leaves half of the sessions for queries', async () => {
    const [sku] = await soldOut({ units: 1 });
    const users = await waitlist(sku, 8);
    const lock = await openSession(database.url, { applicationName: 'lock', ...PATIENCE });
    await lock.run('BEGIN');
    await lock.query({ text: 'SELECT FROM hot.waiting WHERE sku = $1 FOR UPDATE', values: [sku] });
    const few = database.as('web', 4);
    const leaving = users.map((userId) => leaveWaitlist(few, sku, userId).catch(() => false));
    await blocked(database, 2);
    const asked = waitlistEntries(few, [{ sku, userId: users[0] ?? '' }]).then(() => 'told');
    const first = await Promise.race([asked, ...leaving.map((each) => each.then(() => 'ended'))]);
    await lock.run('ROLLBACK');
    await lock.close();
    await Promise.all(leaving);
    expect(first).toBe('told');
  });

  it('is refused while units are free, beyond the limit, and when nothing is on sale', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    expect(await join(sku, 'ann')).toBe('units_available');
    await order(worker, sku, { userId: 'ben' });
    expect(await join(sku, 'ben')).toBe('limit_reached');
    expect(await join(sku, 'ann', 2)).toBe('bad_units');
    expect(await join(sku, 'ann', 0)).toBe('bad_units');
    expect(await join('nothing', 'ann')).toBe('unknown_sku');
    const [later, over] = [
      await openSale(ops, { opensInMs: 60_000 }),
      await openSale(ops, { opensInMs: -60_000, closesInMs: -1_000 }),
    ];
    expect(await join(await stock(ops, later, { units: 0 }), 'ann')).toBe('not_open');
    expect(await join(await stock(ops, over, { units: 0 }), 'ann')).toBe('closed');
    for (const state of ['paused', 'closed'] as const) {
      await ops
        .home('hot')
        .query({ text: 'SELECT catalog.set_sku_state($1, $2)', values: [sku, state] });
      expect(await join(sku, 'ann')).toBe(state);
    }
    await ops
      .home('hot')
      .query({ text: `SELECT catalog.set_sku_state($1, 'open')`, values: [sku] });
    await ops.home('hot').query({ text: `SELECT catalog.set_tunable('line_entries_max', 0)` });
    expect(await join(sku, 'ann')).toBe('line_full');
    await ops.home('hot').query({ text: `SELECT catalog.set_tunable('line_entries_max', 10000)` });
    expect(await join(sku, 'ann')).toBe('waiting');
  });
});

describe('a unit that comes back', () => {
  it('goes to the best rank as an unpaid order with a payment window of its own', async () => {
    const [sku, [mine = '']] = await soldOut({ units: 1 });
    const [first = '', second = ''] = await waitlist(sku, 2);
    const old = await outboxBatch(worker, 'hot', 'relay', 10_000);
    await outboxDone(worker, 'hot', [...new Set(old.map(({ eventNo }) => eventNo))]);
    await lapse([mine]);
    expect(await free(sku)).toBe(0);
    const served = await entry(sku, first);
    expect(served).toMatchObject({ state: 'served', order: { units: 1, status: 'ordered' } });
    const { orderNo = '', requestId = '', payBefore } = served?.order ?? {};
    const claimMs = (payBefore?.getTime() ?? 0) - Date.now();
    expect(claimMs).toBeGreaterThan(200_000);
    expect(claimMs).toBeLessThan(301_000);
    expect(await orderDetails(web, orderNo)).toMatchObject({ userId: first, amount: '9.95' });
    expect(await requestOutcomes(web, [requestId])).toMatchObject([
      { status: 'ordered', reason: 'waited', orderNo },
    ]);
    const events = await outboxBatch(worker, 'hot', 'relay', 100);
    expect(events.map(({ kind, orderNo: no }) => [kind, no]).sort()).toEqual(
      [
        ['expired', mine],
        ['placed', orderNo],
      ].sort(),
    );
    expect(await entry(sku, second)).toMatchObject({ state: 'waiting', ahead: 0 });
    const crowd = await placeOrders(worker, 'hot', sku, [request()]);
    expect(crowd).toMatchObject([{ status: 'sold_out', reason: 'units_may_return' }]);
    expect(await payOrder(web, orderNo, uniqueName('ref'))).toBe('paid');
  });

  it('goes to the next shopper when it is not paid or is given up, and to everybody when nobody waits', async () => {
    const [sku, [mine = '']] = await soldOut({ units: 1 });
    const users = await waitlist(sku, 3);
    await lapse([mine]);
    const claim = async (user = '') => (await entry(sku, user))?.order?.orderNo ?? '';
    await lapse([await claim(users[0])]);
    const second = await claim(users[1]);
    expect(await cancelOrder(web, second, users[1] ?? '')).toBe('cancelled');
    expect(await entry(sku, users[0] ?? '')).toMatchObject({ order: { status: 'expired' } });
    await lapse([await claim(users[2])]);
    expect(await free(sku)).toBe(1);
  });

  it('stays with the shopper who waited when a late payment arrives, which takes a free unit or is refunded', async () => {
    const [sku, [mine = '']] = await soldOut({ units: 1 });
    const [first = ''] = await waitlist(sku, 1);
    await lapse([mine]);
    expect(await payOrder(web, mine, uniqueName('late'), byNode)).toBe('refund_due');
    await restock(ops, 'hot', sku, 1);
    expect(await payOrder(web, mine, uniqueName('late'), byNode)).toBe('paid');
    expect(await free(sku)).toBe(0);
    expect(await entry(sku, first)).toMatchObject({
      state: 'served',
      order: { status: 'ordered' },
    });
  });

  it('goes to shoppers who had no claim before, then to those whose claim lapsed', async () => {
    const [sku, [mine = '']] = await soldOut({ units: 1 });
    const [best = '', other = ''] = await waitlist(sku, 2);
    await lapse([mine]);
    expect(await join(sku, best)).toBe('limit_reached');
    const claimed = (await entry(sku, best))?.order?.orderNo ?? '';
    await leaveWaitlist(web, sku, other);
    await lapse([claimed]);
    const again = await order(worker, sku);
    expect(await join(sku, best)).toBe('waiting');
    expect(await join(sku, other)).toBe('waiting');
    expect(await entry(sku, best)).toMatchObject({ claims: 1, ahead: 1 });
    await lapse([again]);
    expect(await entry(sku, other)).toMatchObject({ state: 'served' });
    expect(await entry(sku, best)).toMatchObject({ state: 'waiting', ahead: 0 });
  });

  it('is given out with others in one step, up to the quantity and the limit of each shopper', async () => {
    const [sku, orders] = await soldOut({ units: 7, userLimit: 3 });
    const users = await waitlist(sku, 4, 2);
    const [first = '', second = '', third = '', fourth = ''] = users;
    // Sets a quantity that the present limit does not allow.
    await database.admin.query({
      text: `UPDATE hot.waiting SET units = 3 WHERE user_id = $1`,
      values: [first],
    });
    await lapse(orders.slice(0, 6));
    const units = [];
    for (const user of users) units.push((await entry(sku, user))?.order?.units ?? 0);
    expect(units).toEqual([3, 2, 1, 0]);
    expect(await entry(sku, fourth)).toMatchObject({ state: 'waiting', ahead: 0 });
    expect(await cancelOrder(web, (await entry(sku, second))?.order?.orderNo ?? '', second)).toBe(
      'cancelled',
    );
    expect(await entry(sku, fourth)).toMatchObject({ state: 'served', order: { units: 2 } });
    expect(await entry(sku, third)).toMatchObject({ state: 'served' });
    expect(await free(sku)).toBe(0);
  });

  it('does not go to a shopper who has bought up to the limit meanwhile', async () => {
    const [sku, [mine = '']] = await soldOut({ units: 1 });
    const [first = '', second = ''] = await waitlist(sku, 2);
    await restock(ops, 'hot', sku, 1);
    await order(worker, sku, { userId: first });
    await lapse([mine]);
    expect(await entry(sku, first)).toMatchObject({ state: 'limit_reached', order: null });
    expect(await entry(sku, second)).toMatchObject({ state: 'served' });
  });

  it('passes over a shopper whose row another call has locked, and who keeps the place', async () => {
    const [sku, orders] = await soldOut({ units: 2 });
    const [first = '', second = ''] = await waitlist(sku, 2);
    const other = await openSession(database.url, {
      applicationName: 'other',
      ...PATIENCE,
    });
    await other.run('BEGIN');
    await other.query({
      text: 'SELECT FROM hot.buyer WHERE user_id = $1 FOR UPDATE',
      values: [first],
    });
    await lapse(orders.slice(0, 1));
    await other.run('COMMIT');
    await other.close();
    expect(await entry(sku, first)).toMatchObject({ state: 'waiting', ahead: 0 });
    expect(await entry(sku, second)).toMatchObject({ state: 'served' });
    await lapse(orders.slice(1));
    expect(await entry(sku, first)).toMatchObject({ state: 'served' });
  });

  it('is not given to the waitlist while operators forbid sales, or after the end', async () => {
    const [sku, orders] = await soldOut({ units: 3 });
    const [first = ''] = await waitlist(sku, 2);
    await setWaitlists(ops, [], [sku, 'nothing']);
    await setWaitlists(ops, [], [sku]);
    await lapse(orders.slice(0, 1));
    expect(await free(sku)).toBe(1);
    await setWaitlists(ops, [sku], []);
    await ops
      .home('hot')
      .query({ text: `SELECT catalog.set_sku_state($1, 'closed')`, values: [sku] });
    expect(await entry(sku, first)).toMatchObject({ state: 'closed', ahead: null });
    await lapse(orders.slice(1, 2));
    expect(await free(sku)).toBe(2);
    await ops
      .home('hot')
      .query({ text: `SELECT catalog.set_sku_state($1, 'open')`, values: [sku] });
    await lapse(orders.slice(2));
    expect(await entry(sku, first)).toMatchObject({ state: 'served' });
  });
});

describe('a SKU that moves', () => {
  it('takes its waitlist along, and its old orders give their units to the waitlist', async () => {
    const [sku, orders] = await soldOut({ units: 2, schema: 'regular' });
    const users = await waitlist(sku, 3);
    const before = await entry(sku, users[2] ?? '');
    await moveSku(ops, 'hot', sku);
    expect(await entry(sku, users[2] ?? '')).toEqual(before);
    await lapse(orders.slice(0, 1));
    const served = await entry(sku, users[0] ?? '');
    expect(Number(served?.order?.orderNo) % 2).toBe(0);
    await moveSku(ops, 'regular', sku);
    expect(await entry(sku, users[0] ?? '')).toEqual(served);
    await lapse([served?.order?.orderNo ?? '']);
    expect(await entry(sku, users[1] ?? '')).toMatchObject({ state: 'served' });
    expect(await join(sku, uniqueName('user'))).toBe('waiting');
    expect(await free(sku)).toBe(0);
  });
});
