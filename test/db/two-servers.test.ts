import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  audit,
  cancelOrder,
  carryTo,
  createSku,
  dropSale,
  expireOrders,
  fenceNode,
  joinWaiting,
  leaveWaiting,
  moveSku,
  nodeFenced,
  orderDetails,
  outboxBatch,
  outboxDone,
  payOrder,
  placeOrders,
  refusePayment,
  refuseRequests,
  requestOutcomes,
  restock,
  saleBoard,
  setSlots,
  ticketKey,
  unitCounts,
  userOrders,
  waitingEntries,
} from '../../db/calls.ts';
import { createPool, type Databases } from '../../db/pool.ts';
import { uniqueName } from '../servers.ts';
import { openSale, order, request, stock } from './shop.ts';
import { carry, startTwoServers, type TwoServers } from './two-servers.ts';

/** Each schema on a server of its own. */

let servers: TwoServers;
let worker: Databases;
let ops: Databases;
let sale: string;

beforeAll(async () => {
  servers = await startTwoServers();
  worker = servers.as('worker', 8);
  ops = servers.as('ops');
  sale = await openSale(ops);
});
afterAll(async () => {
  expect(await audit(ops)).toEqual([]);
  await servers.remove();
});

async function count(sku: string) {
  const found = (await unitCounts(worker)).find((candidate) => candidate.sku === sku);
  const { skus } = (await saleBoard(worker)).sales.find((one) => one.sale === sale) ?? {};
  const onBoard = skus?.filter((row) => row.sku === sku) ?? [];
  expect(onBoard).toHaveLength(1);
  expect(onBoard[0]).toMatchObject({ free: found?.free, unitsTotal: found?.unitsTotal });
  return { total: found?.unitsTotal, free: found?.free, schema: onBoard[0]?.schema };
}

const expireNow = (schema: 'regular' | 'hot', orderNo: string) =>
  servers.admin[schema].query({
    text: `UPDATE ${schema}.orders SET pay_before = now() - interval '1 s' WHERE order_no = $1`,
    values: [orderNo],
  });

describe('two servers', () => {
  it('have a catalogue in common: a name is given once, and each knows where it lives', async () => {
    const regular = await stock(ops, sale, { units: 5, schema: 'regular' });
    const hot = await stock(ops, sale, { units: 6, schema: 'hot' });
    expect(await count(regular)).toEqual({ total: 5, free: 5, schema: 'regular' });
    expect(await count(hot)).toEqual({ total: 6, free: 6, schema: 'hot' });
    const again = { sku: hot, sale, title: 'A thing', price: '9.95', currency: 'EUR', units: 6 };
    expect(await createSku(ops, { ...again, schema: 'hot', userLimit: 1 })).toBe(false);
    const other = createSku(ops, { ...again, schema: 'regular', userLimit: 1 });
    await expect(other).rejects.toMatchObject({ sqlstate: 'FS003' });
    // A worker that asks at the wrong server is sent to the right one.
    await order(worker, hot, {}, 'regular');
    await order(worker, regular, {}, 'hot');
    expect(await ticketKey(servers.as('web', 1), sale)).toHaveLength(32);
    // The wrong server takes no edits of it.
    const abroad = { regular: ops.hot, hot: ops.regular };
    await expect(restock(abroad, 'hot', hot, 1)).rejects.toMatchObject({ sqlstate: 'FS002' });
    await expect(setSlots(abroad, 'hot', hot, 1)).rejects.toMatchObject({ sqlstate: 'FS002' });
    const close = { text: `SELECT catalog.set_sku_state($1, 'closed')`, values: [hot] };
    await expect(ops.regular.query(close)).rejects.toMatchObject({ sqlstate: 'FS002' });
  });

  it('keep a refusal of before the SKU was, wherever it comes to live', async () => {
    const reason = 'refused_by_operator';
    for (const asked of ['regular', 'hot'] as const) {
      for (const home of ['regular', 'hot'] as const) {
        const sku = uniqueName('nowhere');
        const refused = request();
        const refusal = { sku, node: 'node-1', requests: [refused], reason };
        const told = [{ status: 'rejected', reason }];
        expect(await refuseRequests(ops, asked, refusal)).toMatchObject(told);
        await stock(ops, sale, { sku, schema: home, units: 3 });
        expect(await placeOrders(worker, asked, sku, [refused])).toMatchObject(told);
        expect(await refuseRequests(ops, asked, refusal)).toMatchObject(told);
        for (const outcome of await requestOutcomes(ops, [refused.requestId])) {
          expect(outcome).toMatchObject({ status: 'rejected', reason });
        }
        expect(await count(sku)).toEqual({ total: 3, free: 3, schema: home });
        await moveSku(ops, home === 'hot' ? 'regular' : 'hot', sku);
        expect(await placeOrders(worker, asked, sku, [refused])).toMatchObject(told);
      }
    }
  });

  it('settle, show and publish the orders of both', async () => {
    const skus = [
      await stock(ops, sale, { units: 5, schema: 'regular' }),
      await stock(ops, sale, { units: 5, schema: 'hot' }),
    ];
    const userId = `user-of-both-${sale}`;
    const numbers = [
      await order(worker, skus[0] ?? '', { userId }, 'regular'),
      await order(worker, skus[1] ?? '', { userId }, 'hot'),
    ];
    const shown = (await userOrders(servers.as('web', 1), userId)).map(({ orderNo }) => orderNo);
    expect(shown.sort()).toEqual(numbers.toSorted());
    expect(await payOrder(worker, numbers[0] ?? '', 'both-1')).toBe('paid');
    expect(await cancelOrder(worker, numbers[1] ?? '', userId)).toBe('cancelled');
    expect(await orderDetails(worker, numbers[1] ?? '')).toMatchObject({ status: 'cancelled' });
    await fenceNode(worker, 'dead-node');
    expect(await nodeFenced(worker, 'dead-node')).toBe(true);
    for (const [at, schema] of (['regular', 'hot'] as const).entries()) {
      const [late] = await placeOrders(worker, schema, skus[at] ?? '', [
        request({ node: 'dead-node' }),
      ]);
      expect(late).toMatchObject({ status: 'rejected', reason: 'node_fenced' });
      const events = await outboxBatch(worker, schema, 'relay', 1_000);
      expect(events.map(({ orderNo }) => orderNo)).toContain(numbers[at]);
      await outboxDone(worker, schema, [...new Set(events.map(({ eventNo }) => eventNo))]);
    }
  });

  it('book a reference of the provider for one order, whichever server asks first', async () => {
    const [one, two] = [
      await stock(ops, sale, { units: 50, schema: 'regular' }),
      await stock(ops, sale, { units: 50, schema: 'hot' }),
    ];
    const both = async () => {
      const regular = await order(worker, one, {}, 'regular');
      return { regular, hot: await order(worker, two) };
    };
    const web = servers.as('web', 4);
    const [first, second] = [await both(), await both()];
    expect(await payOrder(web, first.regular, 'ref-1')).toBe('paid');
    expect(await payOrder(web, first.hot, 'ref-1')).toBe('reference_taken');
    expect(await refusePayment(web, first.hot, 'ref-1')).toBe('reference_taken');
    expect(await payOrder(web, second.hot, 'ref-2')).toBe('paid');
    expect(await payOrder(web, second.regular, 'ref-2')).toBe('reference_taken');
    expect(await payOrder(web, second.hot, 'ref-2')).toBe('paid');
    expect(await refusePayment(web, first.hot, 'ref-3')).toBe('refund_due');
    expect(await payOrder(web, second.regular, 'ref-3')).toBe('reference_taken');
    expect(await payOrder(web, '999999998', 'ref-4')).toBe('not_found');
    expect(await payOrder(web, second.regular, 'ref-4')).toBe('paid');
    for (let round = 0; round < 20; round += 1) {
      const at = await both();
      const ref = `at-once-${round}`;
      const said = await Promise.all([payOrder(web, at.regular, ref), payOrder(web, at.hot, ref)]);
      expect(said.toSorted()).toEqual(['paid', 'reference_taken']);
    }
  });

  it('book nothing while the one that knows the references is away', async () => {
    const orderNo = await order(worker, await stock(ops, sale, { units: 1, schema: 'hot' }));
    const web = servers.as('web', 1);
    const away = createPool({ url: 'postgres://127.0.0.1:1/x', max: 1, applicationName: 'test' });
    const paying = payOrder({ ...web, regular: away }, orderNo, 'ref-away');
    await expect(paying).rejects.toMatchObject({ kind: 'unavailable' });
    await away.close();
    expect(await orderDetails(web, orderNo)).toMatchObject({ status: 'ordered' });
    expect(await payOrder(web, orderNo, 'ref-away')).toBe('paid');
  });

  it('remove an old sale together, or not at all', async () => {
    const old = await openSale(ops, { opensInMs: -7_200_000, closesInMs: 1_000 });
    const sku = await stock(ops, old, { units: 2, schema: 'hot' });
    await order(worker, sku);
    await moveSku(ops, 'regular', sku);
    for (const pool of [servers.admin.regular, servers.admin.hot]) {
      const text = `UPDATE catalog.sale SET closes_at = now() - interval '1 h' WHERE sale = $1`;
      await pool.query({ text, values: [old] });
    }
    await expect(dropSale(ops, old)).rejects.toMatchObject({ sqlstate: 'FS004' });
    expect((await saleBoard(worker)).sales.map((one) => one.sale)).toContain(old);
    await servers.admin.hot.query({
      text: `UPDATE hot.orders SET pay_before = now() - interval '1 s' WHERE sale = $1`,
      values: [old],
    });
    await expireOrders(worker, 'hot', 100);
    await carry(worker);
    for (const pool of [servers.admin.regular, servers.admin.hot]) {
      await pool.query({ text: `DELETE FROM regular.outbox WHERE sale = $1`, values: [old] });
      await pool.query({ text: `DELETE FROM hot.outbox WHERE sale = $1`, values: [old] });
    }
    await dropSale(ops, old);
    expect((await saleBoard(worker)).sales.map((one) => one.sale)).not.toContain(old);
    await expect(dropSale(ops, old)).rejects.toMatchObject({ sqlstate: 'FS002' });
  });
});

describe('a SKU that moves to another server', () => {
  it('takes its units, its buyers and its outcomes along; orders stay', async () => {
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

  it('gets back what its older orders give up, each once, and lends for a late payment', async () => {
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
    // On their way they are free nowhere, and the shop says that units may return.
    expect(await count(sku)).toMatchObject({ total: 3, free: 0 });
    const board = (await saleBoard(worker)).sales.flatMap(({ skus }) => skus);
    expect(board.find((row) => row.sku === sku)).toMatchObject({ unpaidExists: true });
    expect(await audit(ops)).toEqual([]);
    await carry(worker);
    expect(await count(sku)).toMatchObject({ total: 3, free: 3 });
    await order(worker, sku, { userId: 'ann' });
    await order(worker, sku, { userId: 'dan' });

    const carrying = async (orderNo: string, ref: string) => {
      const paid = payOrder(servers.as('web', 1), orderNo, ref);
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

  it('gives a lent unit back if the order was paid otherwise meanwhile', async () => {
    const sku = await stock(ops, sale, { units: 2, schema: 'regular' });
    const number = await order(worker, sku, { userId: 'ann' }, 'regular');
    await moveSku(ops, 'hot', sku);
    await expireNow('regular', number);
    await expireOrders(worker, 'regular', 10);
    await carry(worker);
    const lend = (ref: string) =>
      worker.hot.query({
        text: 'SELECT hot.lend_units($1, $2, 1, $3, $4) AS said',
        values: [sku, 'ann', number, ref],
      });
    expect(await lend('one')).toEqual([{ said: 'posted' }]);
    expect(await lend('one')).toEqual([{ said: 'posted' }]);
    await moveSku(ops, 'regular', sku);
    expect(await count(sku)).toMatchObject({ total: 2, free: 1, schema: 'regular' });
    expect(await lend('two')).toEqual([{ said: 'moved' }]);
    await carry(worker);
    expect(await payOrder(worker, number, 'one')).toBe('paid');
    expect(await payOrder(worker, number, 'two')).toBe('refund_due');
    expect(await count(sku)).toMatchObject({ total: 2, free: 1 });
    expect(await audit(ops)).toEqual([]);
  });

  it('takes the line along, whose ranks are the same there', async () => {
    const sku = await stock(ops, sale, { units: 1, schema: 'regular' });
    const number = await order(worker, sku, { userId: 'ann' }, 'regular');
    const web = servers.as('web', 1);
    for (const userId of ['w1', 'w2']) {
      expect(await joinWaiting(web, 'regular', { sku, userId, units: 1 })).toBe('waiting');
    }
    await moveSku(ops, 'hot', sku);
    expect(await joinWaiting(web, 'regular', { sku, userId: 'w3', units: 1 })).toBe('waiting');
    const places = ['w1', 'w2', 'w3'].map((userId) => ({ sku, userId }));
    const line = (await waitingEntries(web, places)).toSorted((a, b) => a.rank - b.rank);
    expect(line).toHaveLength(3);
    await cancelOrder(worker, number, 'ann');
    await carry(worker);
    const [first, ...others] = line.map(({ userId }) => userId);
    const after = await waitingEntries(web, places);
    expect(after.find(({ userId }) => userId === first)).toMatchObject({ state: 'served' });
    for (const userId of others) {
      expect(after.find((entry) => entry.userId === userId)).toMatchObject({ state: 'waiting' });
    }
    expect(await count(sku)).toMatchObject({ total: 1, free: 0 });
    expect(await audit(ops)).toEqual([]);
  });

  it('loses nobody who waits while it is on its way, and lets them leave', async () => {
    const sku = await stock(ops, sale, { units: 1, schema: 'regular' });
    await order(worker, sku, { userId: 'ann' }, 'regular');
    const web = servers.as('web', 1);
    for (const userId of ['w1', 'w2']) {
      expect(await joinWaiting(web, 'regular', { sku, userId, units: 1 })).toBe('waiting');
    }
    await ops.regular.query({ text: 'SELECT hot.send_sku($1)', values: [sku] });
    const states = async () => {
      const places = ['w1', 'w2', 'w3'].map((userId) => ({ sku, userId }));
      const entries = await waitingEntries(web, places);
      return entries.map(({ userId, state }) => `${userId} ${state}`).sort();
    };
    expect(await states()).toEqual(['w1 waiting', 'w2 waiting']);
    expect(await leaveWaiting(web, sku, 'w3')).toBe(false);
    const leaving = leaveWaiting(web, sku, 'w1');
    await carry(worker);
    expect(await leaving).toBe(true);
    expect(await states()).toEqual(['w2 waiting']);
  });

  it('that goes on while post is under way gets it where it lives then', async () => {
    const sku = await stock(ops, sale, { units: 4, schema: 'regular' });
    const numbers = [];
    for (const userId of ['a', 'b', 'c']) {
      numbers.push(await order(worker, sku, { userId }, 'regular'));
    }
    await moveSku(ops, 'hot', sku);
    await cancelOrder(worker, numbers[0] ?? '', 'a');
    const post = await worker.regular.query<{ entry: string }>({
      text: 'SELECT entry FROM hot.transfers_waiting($1, 10)',
      values: [sku],
    });
    expect(post).toHaveLength(2);
    // As a carrier that was slow: what it has read is applied by others, and the SKU has gone on.
    await moveSku(ops, 'regular', sku);
    expect(await count(sku)).toMatchObject({ total: 4, free: 2, schema: 'regular' });
    const late = `[${post.map(({ entry }) => entry).join(',')}]`;
    await worker.hot.query({ text: 'SELECT hot.apply_transfers($1, $2)', values: [sku, late] });
    await carry(worker);
    expect(await count(sku)).toMatchObject({ total: 4, free: 2 });
    expect(await audit(ops)).toEqual([]);
    // A piece that is missing is seen, and nothing after it is applied.
    const gap = `[{"no": 99, "sale": "${sale}", "kind": "units", "units": 1, "body": {}}]`;
    const applied = worker.hot.query({
      text: 'SELECT hot.apply_transfers($1, $2)',
      values: [sku, gap],
    });
    await expect(applied).rejects.toMatchObject({ sqlstate: 'FS500' });
  });

  it('does not arrive before everything that was decided is known there', async () => {
    const sku = await stock(ops, sale, { units: 4, schema: 'regular' });
    await placeOrders(worker, 'regular', sku, [request()]);
    await ops.regular.query({ text: 'SELECT hot.send_sku($1)', values: [sku] });
    const [home] = await worker.regular.query<{ entry: string }>({
      text: 'SELECT entry FROM hot.transfers_waiting($1, 10)',
      values: [sku],
    });
    const arrive = worker.hot.query({
      text: 'SELECT hot.apply_transfers($1, $2)',
      values: [sku, `[${home?.entry}]`],
    });
    await expect(arrive).rejects.toMatchObject({ sqlstate: 'FS004' });
    // On its way: sold by nobody, its free units known, nobody told anything final.
    expect(await count(sku)).toMatchObject({ total: 4, free: 3 });
    const [waits] = await placeOrders(worker, 'regular', sku, [request()], { wait: true });
    expect(waits).toMatchObject({ status: 'locked' });
    // Stuck for longer than the alarm: audit says so, with the command that ends it.
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

  it('is told to have arrived, though its carrier died before it could say so', async () => {
    const sku = await stock(ops, sale, { units: 2, schema: 'regular' });
    const number = await order(worker, sku, { userId: 'ann' }, 'regular');
    await moveSku(ops, 'hot', sku);
    // Applied there, and not known to be here.
    const text = 'UPDATE hot.transfer SET done_at = NULL WHERE sku = $1';
    await servers.admin.regular.query({ text, values: [sku] });
    expect(await cancelOrder(worker, number, 'ann')).toBe('cancelled');
    await carry(worker);
    expect(await count(sku)).toEqual({ total: 2, free: 2, schema: 'hot' });
    const left = { text: 'SELECT FROM hot.transfers_waiting($1, 10)', values: [sku] };
    expect(await worker.regular.query(left)).toEqual([]);
  });

  it('holds up no other when its post cannot be applied', async () => {
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

  it('refuses the rows of a copier that was overtaken', async () => {
    const sku = await stock(ops, sale, { units: 4, schema: 'regular' });
    const ask = (text: string, ...values: unknown[]) =>
      worker.hot.query({ text, values: [sku, ...values] });
    const [one, two] = [request().requestId, request().requestId];
    const begin = 'SELECT copied FROM hot.copy_begin($1, $2, $3)';
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
