import { describe, expect, it } from 'vitest';
import {
  audit,
  cancelOrder,
  expireOrders,
  joinWaitlist,
  leaveWaitlist,
  moveSku,
  payOrder,
  placeOrders,
  requestOutcomes,
  restock,
  saleBoard,
  waitlistEntries,
} from '../../db/calls.ts';
import { fenceNode } from '../../db/operations.ts';
import { byNode, order, request, stock } from './shop.ts';
import { carry, carryTo, openTwoServers } from './two-servers.ts';

/** A SKU moves between servers with everything that belongs to it. */

const { servers, worker, ops, sale, count } = await openTwoServers();

const expireNow = (schema: 'regular' | 'hot', orderNo: string) =>
  servers.admin.home(schema).query({
    text: `UPDATE ${schema}.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
    values: [orderNo],
  });

describe('a SKU that moves to another server', () => {
  it('takes its units, its buyers and its outcomes along, while its orders stay', async () => {
    const sku = await stock(ops, sale, { units: 10, slots: 4, schema: 'regular' });
    const before = [request({ userId: 'ann' }), request({ units: 5 })];
    const said = await placeOrders(worker, 'regular', sku, before);
    const moved = await moveSku(ops, 'hot', sku, 3);
    expect(moved).toMatchObject({ movedFrom: 'regular', units: 9, slots: 3 });
    expect(moved.buyers).toBeGreaterThanOrEqual(1);
    expect(await count(sku)).toEqual({ total: 10, free: 9, schema: 'hot' });
    expect(await moveSku(ops, 'hot', sku)).toMatchObject({ movedFrom: undefined, slots: 3 });
    const stolen = { ...request(), requestId: before[0]?.requestId ?? '' };
    for (const schema of ['regular', 'hot'] as const) {
      const [first, second, limit, theft] = await placeOrders(worker, schema, sku, [
        ...before,
        request({ userId: 'ann' }),
        stolen,
      ]);
      expect([first, second]).toEqual(said);
      expect(limit).toMatchObject({ status: 'limit_reached' });
      expect(theft).toMatchObject({ status: 'rejected', reason: 'request_id_taken' });
    }
    const outcomes = await requestOutcomes(worker, [before[0]?.requestId ?? '']);
    expect(outcomes).toHaveLength(1);
    const number = await order(worker, sku, {}, 'regular');
    expect(Number(number) % 2).toBe(0);
    expect(await restock(ops, 'hot', sku, 5)).toBe(5);
    expect(await count(sku)).toEqual({ total: 15, free: 13, schema: 'hot' });
    await moveSku(ops, 'regular', sku);
    expect(await count(sku)).toEqual({ total: 15, free: 13, schema: 'regular' });
    const back = await placeOrders(worker, 'hot', sku, before);
    expect(back).toEqual(said);
    expect(await audit(ops)).toEqual([]);
  });

  it('gets back the units that its older orders give up, each once, and transfers units for a late payment', async () => {
    const sku = await stock(ops, sale, { units: 3, schema: 'regular', slots: 2 });
    const first = await order(worker, sku, { userId: 'ann' }, 'regular');
    const second = await order(worker, sku, { userId: 'ben' }, 'regular');
    const third = await order(worker, sku, { userId: 'cid' }, 'regular');
    await moveSku(ops, 'hot', sku);
    const [none] = await placeOrders(worker, 'hot', sku, [request()]);
    expect(none).toMatchObject({ status: 'sold_out', reason: 'units_may_return' });
    expect(await cancelOrder(worker, first, 'ann')).toBe('cancelled');
    await expireNow('regular', second);
    await expireNow('regular', third);
    expect(await expireOrders(worker, 'regular', 10)).toEqual([{ sku, orders: 2, units: 2 }]);
    // Units on their way are not free in either home, and the shop says that units may return.
    expect(await count(sku)).toMatchObject({ total: 3, free: 0 });
    const board = (await saleBoard(worker)).sales.flatMap(({ skus }) => skus);
    expect(board.find((row) => row.sku === sku)).toMatchObject({ unpaidExists: true });
    expect(await audit(ops)).toEqual([]);
    await carry(worker);
    expect(await count(sku)).toMatchObject({ total: 3, free: 3 });
    await order(worker, sku, { userId: 'ann' });
    await order(worker, sku, { userId: 'dan' });

    const carrying = async (orderNo: string, ref: string) => {
      const paid = payOrder(servers.as('web', 1), orderNo, ref, byNode);
      let settled = false;
      void paid.finally(() => (settled = true));
      while (!settled) await carry(worker);
      return paid;
    };
    expect(await carrying(second, 'late-ben')).toBe('paid');
    expect(await carrying(second, 'late-ben')).toBe('paid');
    expect(await count(sku)).toMatchObject({ total: 3, free: 0 });
    expect(await carrying(third, 'late-cid')).toBe('refund_due');
    expect(await carrying(third, 'late-cid')).toBe('refund_due');
    const [ben] = await placeOrders(worker, 'hot', sku, [request({ userId: 'ben' })]);
    expect(ben).toMatchObject({ status: 'sold_out' });
    expect(await audit(ops)).toEqual([]);
  });

  it('gets a transferred unit back if the order was paid in another way meanwhile', async () => {
    const sku = await stock(ops, sale, { units: 2, schema: 'regular' });
    const number = await order(worker, sku, { userId: 'ann' }, 'regular');
    await moveSku(ops, 'hot', sku);
    await expireNow('regular', number);
    await expireOrders(worker, 'regular', 10);
    await carry(worker);
    const transfer = (ref: string, node = 'node-late') =>
      worker.home('hot').query({
        text: 'SELECT hot.transfer_units($1, $2, 1, $3, $4, $5) AS said',
        values: [sku, 'ann', number, ref, node],
      });
    await fenceNode(ops, 'node-fenced');
    expect(await transfer('one', 'node-fenced')).toEqual([{ said: 'late' }]);
    expect(await count(sku)).toMatchObject({ total: 2, free: 2 });
    expect(await transfer('one')).toEqual([{ said: 'sent' }]);
    expect(await transfer('one')).toEqual([{ said: 'sent' }]);
    await moveSku(ops, 'regular', sku);
    expect(await count(sku)).toMatchObject({ total: 2, free: 1, schema: 'regular' });
    expect(await transfer('two')).toEqual([{ said: 'moved' }]);
    await carry(worker);
    expect(await payOrder(worker, number, 'one')).toBe('paid');
    expect(await payOrder(worker, number, 'two')).toBe('refund_due');
    expect(await count(sku)).toMatchObject({ total: 2, free: 1 });
    expect(await audit(ops)).toEqual([]);
  });

  it('takes its waitlist along with the same ranks', async () => {
    const sku = await stock(ops, sale, { units: 1, schema: 'regular' });
    const number = await order(worker, sku, { userId: 'ann' }, 'regular');
    const web = servers.as('web', 1);
    for (const userId of ['w1', 'w2']) {
      expect(await joinWaitlist(web, 'regular', { sku, userId, units: 1 })).toBe('waiting');
    }
    await moveSku(ops, 'hot', sku);
    expect(await joinWaitlist(web, 'regular', { sku, userId: 'w3', units: 1 })).toBe('waiting');
    const places = ['w1', 'w2', 'w3'].map((userId) => ({ sku, userId }));
    const line = (await waitlistEntries(web, places)).toSorted((a, b) => a.rank - b.rank);
    expect(line).toHaveLength(3);
    await cancelOrder(worker, number, 'ann');
    await carry(worker);
    const [first, ...others] = line.map(({ userId }) => userId);
    const after = await waitlistEntries(web, places);
    expect(after.find(({ userId }) => userId === first)).toMatchObject({ state: 'served' });
    for (const userId of others) {
      expect(after.find((entry) => entry.userId === userId)).toMatchObject({ state: 'waiting' });
    }
    expect(await count(sku)).toMatchObject({ total: 1, free: 0 });
    expect(await audit(ops)).toEqual([]);
  });

  it('keeps the places in its waitlist while it is on its way, and lets shoppers leave', async () => {
    const sku = await stock(ops, sale, { units: 1, schema: 'regular' });
    await order(worker, sku, { userId: 'ann' }, 'regular');
    const web = servers.as('web', 1);
    for (const userId of ['w1', 'w2']) {
      expect(await joinWaitlist(web, 'regular', { sku, userId, units: 1 })).toBe('waiting');
    }
    await ops.regular.query({ text: 'SELECT hot.send_sku_to($1, $2)', values: [sku, 'hot'] });
    const states = async () => {
      const places = ['w1', 'w2', 'w3'].map((userId) => ({ sku, userId }));
      const entries = await waitlistEntries(web, places);
      return entries.map(({ userId, state }) => `${userId} ${state}`).sort();
    };
    expect(await states()).toEqual(['w1 waiting', 'w2 waiting']);
    expect(await leaveWaitlist(web, sku, 'w3')).toBe(false);
    const leaving = leaveWaitlist(web, sku, 'w1');
    await carry(worker);
    expect(await leaving).toBe(true);
    expect(await states()).toEqual(['w2 waiting']);
  });

  it('and moves on while transfers are under way gets them in its latest home', async () => {
    const sku = await stock(ops, sale, { units: 4, schema: 'regular' });
    const numbers = [];
    for (const userId of ['a', 'b', 'c']) {
      numbers.push(await order(worker, sku, { userId }, 'regular'));
    }
    await moveSku(ops, 'hot', sku);
    await cancelOrder(worker, numbers[0] ?? '', 'a');
    const post = await worker.regular.query<{ entry: string }>({
      text: 'SELECT entry FROM hot.transfers_to($2, $1, 10)',
      values: [sku, 'hot'],
    });
    expect(post).toHaveLength(2);
    // Simulates a slow worker: others have applied the transfers that it read, and the SKU has
    // moved on.
    await moveSku(ops, 'regular', sku);
    expect(await count(sku)).toMatchObject({ total: 4, free: 2, schema: 'regular' });
    const late = `[${post.map(({ entry }) => entry).join(',')}]`;
    await worker
      .home('hot')
      .query({ text: 'SELECT hot.apply_transfers($1, $2)', values: [sku, late] });
    await carry(worker);
    expect(await count(sku)).toMatchObject({ total: 4, free: 2 });
    expect(await audit(ops)).toEqual([]);
    // A gap in the numbers is detected, and nothing after it is applied.
    const gap = `[{"no": 99, "sale": "${sale}", "kind": "units", "units": 1, "body": {}}]`;
    const applied = worker.home('hot').query({
      text: 'SELECT hot.apply_transfers($1, $2)',
      values: [sku, gap],
    });
    await expect(applied).rejects.toMatchObject({ sqlstate: 'FS500' });
  });

  it('does not arrive before all its earlier decisions are known there', async () => {
    const sku = await stock(ops, sale, { units: 4, schema: 'regular' });
    await placeOrders(worker, 'regular', sku, [request()]);
    await ops.regular.query({ text: 'SELECT hot.send_sku_to($1, $2)', values: [sku, 'hot'] });
    const [home] = await worker.regular.query<{ entry: string }>({
      text: 'SELECT entry FROM hot.transfers_to($2, $1, 10)',
      values: [sku, 'hot'],
    });
    const arrive = worker.home('hot').query({
      text: 'SELECT hot.apply_transfers($1, $2)',
      values: [sku, `[${home?.entry}]`],
    });
    await expect(arrive).rejects.toMatchObject({ sqlstate: 'FS004' });
    // While it is on its way it is not sold, its free units are known, and no answer is final.
    expect(await count(sku)).toMatchObject({ total: 4, free: 3 });
    const [waits] = await placeOrders(worker, 'regular', sku, [request()], { wait: true });
    expect(waits).toMatchObject({ status: 'locked' });
    // After a longer delay than the alarm allows, the audit reports it with the command that ends
    // it.
    const late = `UPDATE hot.transfer SET sent_at = now() - interval '2 min' WHERE sku = $1`;
    await servers.admin.regular.query({ text: late, values: [sku] });
    expect(await audit(ops)).toMatchObject([
      {
        schema: 'regular',
        promise: 'no_undersell',
        sku,
        actual: 1,
        remedy: `start a worker; or: npx flashsale db move-sku ${sku} hot`,
      },
    ]);
    expect(await moveSku(ops, 'hot', sku)).toMatchObject({ movedFrom: 'regular', units: 3 });
    expect(await count(sku)).toMatchObject({ total: 4, free: 3, schema: 'hot' });
    expect(await audit(ops)).toEqual([]);
  });

  it('counts as arrived although the worker that carried it died before it could record that', async () => {
    const sku = await stock(ops, sale, { units: 2, schema: 'regular' });
    const number = await order(worker, sku, { userId: 'ann' }, 'regular');
    await moveSku(ops, 'hot', sku);
    // The transfer is applied at its target, and its source does not know it.
    const text = 'UPDATE hot.transfer SET done_at = NULL WHERE sku = $1';
    await servers.admin.regular.query({ text, values: [sku] });
    expect(await cancelOrder(worker, number, 'ann')).toBe('cancelled');
    await carry(worker);
    expect(await count(sku)).toEqual({ total: 2, free: 2, schema: 'hot' });
    const left = { text: 'SELECT FROM hot.transfers_to($2, $1, 10)', values: [sku, 'hot'] };
    expect(await worker.regular.query(left)).toEqual([]);
  });

  it('does not delay other SKUs when its transfers cannot be applied', async () => {
    const skus = [
      await stock(ops, sale, { units: 1, schema: 'regular' }),
      await stock(ops, sale, { units: 1, schema: 'regular' }),
    ].toSorted();
    const [stuck = '', other = ''] = skus;
    for (const sku of skus) {
      const number = await order(worker, sku, { userId: 'ann' }, 'regular');
      await moveSku(ops, 'hot', sku);
      await cancelOrder(worker, number, 'ann');
    }
    const shift = async (by: number) => {
      const text = `UPDATE hot.transfer SET transfer_no = transfer_no + $2
                    WHERE sku = $1 AND done_at IS NULL`;
      await servers.admin.regular.query({ text, values: [stuck, by] });
    };
    await shift(100);
    await expect(carryTo(worker, 'hot')).rejects.toMatchObject({ sqlstate: 'FS500' });
    expect(await count(other)).toMatchObject({ total: 1, free: 1 });
    await shift(-100);
    await carry(worker);
    expect(await count(stuck)).toMatchObject({ total: 1, free: 1 });
  });

  it('refuses the rows of a mover that another mover has replaced', async () => {
    const sku = await stock(ops, sale, { units: 4, schema: 'regular' });
    const ask = (text: string, ...values: unknown[]) =>
      worker.home('hot').query({ text, values: [sku, ...values] });
    const [one, two] = [request().requestId, request().requestId];
    const begin = `SELECT copied FROM hot.copy_start('hot', $1, $2, $3)`;
    expect(await ask(begin, one, false)).toHaveLength(1);
    expect(await ask(begin, two, false)).toHaveLength(0);
    expect(await ask(begin, two, true)).toHaveLength(1);
    const rows = JSON.stringify([{ u: 'eve', n: 1 }]);
    const write = `SELECT hot.copy_in($1, $2, 'buyers', $3) AS ok`;
    expect(await ask(write, one, rows)).toEqual([{ ok: false }]);
    await moveSku(ops, 'hot', sku);
    expect(await ask(write, two, rows)).toEqual([{ ok: false }]);
    expect(await ask(begin, one, true)).toHaveLength(0);
  });
});
