import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  cancelOrder,
  fenceNode,
  payOrder,
  placeOrders,
  requestOutcomes,
  unitCounts,
} from '../../db/calls.ts';
import { blocked, holdSlots } from './locks.ts';
import { openShop } from './open-shop.ts';
import { openSale, order, request, requests, stock } from './shop.ts';

const { database, worker, ops, sale } = await openShop();

const place = (sku: string, batch: Parameters<typeof placeOrders>[3], wait = false) =>
  placeOrders(worker, 'hot', sku, batch, { wait });

async function free(sku: string): Promise<number | undefined> {
  return (await unitCounts(worker)).find((count) => count.sku === sku)?.free;
}

/** Units that count for the user's limit. */
async function unitsOf(userId: string, sku: string): Promise<number | undefined> {
  const [row] = await database.admin.query<{ units: number }>({
    text: 'SELECT units FROM hot.buyer WHERE sku = $1 AND user_id = $2',
    values: [sku, userId],
  });
  return row?.units;
}

describe('one request, one outcome', () => {
  it('gives a request that comes again its old outcome, whatever it was', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const batch = requests(2);
    const first = await place(sku, batch);
    expect(first.map(({ status }) => status)).toEqual(['ordered', 'sold_out']);
    expect(await place(sku, batch)).toEqual(first);
    expect(await place(sku, [...batch].reverse())).toEqual([...first].reverse());
    expect(await free(sku)).toBe(0);
  });

  it('says the terms of the orders that the call has placed, and of no others', async () => {
    const sku = await stock(ops, sale, { units: 3, price: '12.50', userLimit: 2 });
    const say = (batch: Parameters<typeof place>[1]) =>
      placeOrders(worker, 'hot', sku, batch, { withTerms: true });
    const old = request({ units: 1 });
    const [first] = await say([old]);
    expect(first).toMatchObject({ status: 'ordered', amount: '12.50' });
    const fresh = request({ units: 2 });
    const late = request();
    const said = await say([fresh, old, late]);
    const [outcome] = await requestOutcomes(worker, [fresh.requestId]);
    expect(outcome).toMatchObject({ status: 'ordered', amount: '25.00' });
    const { terms } = said[0] ?? {};
    expect(terms).toEqual({
      sale,
      sku,
      currency: outcome?.currency,
      createdAt: outcome?.decidedAt.toISOString(),
      payBefore: outcome?.payBefore?.toISOString(),
    });
    expect(said.map(({ status, amount }) => [status, amount])).toEqual([
      ['ordered', '25.00'],
      ['ordered', undefined],
      ['sold_out', undefined],
    ]);
    // One object, so that it goes over the wire once.
    expect(said.every((decision) => decision.terms === terms)).toBe(true);
    expect((await say([old, fresh])).some((again) => again.terms ?? again.amount)).toBe(false);
  });

  it('says the same twice to a request that is twice in one batch', async () => {
    const sku = await stock(ops, sale, { units: 5, userLimit: 2 });
    const twice = request();
    const [first, second] = await place(sku, [twice, twice]);
    expect(first).toMatchObject({ status: 'ordered', units: 1 });
    expect(second).toEqual(first);
    expect(await free(sku)).toBe(4);
  });

  it("rejects another user's request id, in the batch and later, and records nothing", async () => {
    const sku = await stock(ops, sale, { units: 5 });
    const requestId = randomUUID();
    const [mine, theirs] = await place(sku, [request({ requestId }), request({ requestId })]);
    expect(mine).toMatchObject({ status: 'ordered' });
    expect(theirs).toMatchObject({ status: 'rejected', reason: 'request_id_taken', orderNo: null });
    const [later] = await place(sku, [request({ requestId })]);
    expect(later).toEqual(theirs);
    expect(await requestOutcomes(worker, [requestId])).toMatchObject([{ status: 'ordered' }]);
  });

  it('knows a request id from another sale of the schema', async () => {
    const other = await openSale(ops);
    const [skuA, skuB] = [
      await stock(ops, sale, { units: 1 }),
      await stock(ops, other, { units: 1 }),
    ];
    const same = request();
    const [first] = await place(skuA, [same]);
    const [second] = await place(skuB, [same]);
    expect(second).toEqual(first);
    expect(await free(skuB)).toBe(1);
  });

  it('has forgotten a request id a day after the other sale closed, and not before', async () => {
    const other = await openSale(ops);
    const sku = await stock(ops, sale, { units: 9 });
    const otherSku = await stock(ops, other, { units: 9 });
    const [one, two, three] = [request(), request(), request()];
    const first = await place(otherSku, [one, two, three]);
    const closed = (ago: string) =>
      database.admin.query({
        text: `UPDATE catalog.sale SET opens_at = now() - interval '3 days', closes_at = now() - $2::interval
               WHERE sale = $1`,
        values: [other, ago],
      });
    await closed('23 hours');
    expect(await place(sku, [one])).toEqual(first.slice(0, 1));
    expect(await place(sku, [one, two])).toEqual(first.slice(0, 2));
    await closed('25 hours');
    expect(await place(sku, [one])).toMatchObject([{ status: 'ordered' }]);
    const again = await place(sku, [one, two, three, request()]);
    expect(again.map(({ status }) => status)).toEqual(Array(4).fill('ordered'));
    expect(await free(sku)).toBe(5);
  });
});

describe("a user's limit", () => {
  it('holds within a batch, in order of arrival, and across calls', async () => {
    const sku = await stock(ops, sale, { units: 20, userLimit: 3 });
    const userId = 'ada';
    const units = [2, 2, 1, 1];
    const batch = units.map((wanted) => request({ userId, units: wanted }));
    batch.splice(1, 0, request());
    const said = await place(sku, batch);
    expect(said.map(({ status }) => status)).toEqual([
      'ordered',
      'ordered',
      'limit_reached',
      'ordered',
      'limit_reached',
    ]);
    const [again] = await place(sku, [request({ userId })]);
    expect(again).toMatchObject({ status: 'limit_reached', units: 0, orderNo: null });
    expect(await free(sku)).toBe(16);
  });

  it('refuses more than the limit in one request, and no units at all', async () => {
    const sku = await stock(ops, sale, { units: 5, userLimit: 2 });
    const [tooMany, none] = await place(sku, [request({ units: 3 }), request({ units: 0 })]);
    expect(tooMany).toMatchObject({ status: 'limit_reached' });
    expect(none).toMatchObject({ status: 'rejected', reason: 'bad_units' });
  });

  it('is free again when the order was cancelled', async () => {
    const sku = await stock(ops, sale, { units: 5 });
    const orderNo = await order(worker, sku, { userId: 'bob' });
    await cancelOrder(worker, orderNo, 'bob');
    expect(await place(sku, [request({ userId: 'bob' })])).toMatchObject([{ status: 'ordered' }]);
  });

  it('does not count what a user did not get because nothing was left', async () => {
    const sku = await stock(ops, sale, { units: 1, userLimit: 2 });
    const [got, not] = await place(sku, [request(), request({ userId: 'eve', units: 1 })]);
    expect([got?.status, not?.status]).toEqual(['ordered', 'sold_out']);
    expect(await unitsOf('eve', sku)).toBe(0);
  });
});

describe('drawing units', () => {
  it('draws one request from several slots', async () => {
    const sku = await stock(ops, sale, { units: 8, slots: 4, userLimit: 7 });
    expect(await place(sku, [request({ units: 7 })])).toMatchObject([{ status: 'ordered' }]);
    expect(await free(sku)).toBe(1);
  });

  it('lets a smaller request behind one that does not fit have what is left', async () => {
    const sku = await stock(ops, sale, { units: 4, userLimit: 3 });
    const said = await place(sku, [
      request({ units: 3 }),
      request({ units: 3 }),
      request({ units: 1 }),
    ]);
    expect(said.map(({ status, units }) => [status, units])).toEqual([
      ['ordered', 3],
      ['sold_out', 0],
      ['ordered', 1],
    ]);
  });

  it('gives fewer only to whom that is welcome', async () => {
    const sku = await stock(ops, sale, { units: 2, userLimit: 3 });
    const [strict, fewer] = await place(sku, [
      request({ units: 3 }),
      request({ units: 3, acceptFewer: true, userId: 'fay' }),
    ]);
    expect(strict).toMatchObject({ status: 'sold_out' });
    expect(fewer).toMatchObject({ status: 'ordered', units: 2 });
    // The third unit was not taken, so the limit has room for it.
    expect(await unitsOf('fay', sku)).toBe(2);
  });

  it('decides the same when it waits for all slots', async () => {
    const sku = await stock(ops, sale, { units: 5, slots: 4, userLimit: 3 });
    const batch = [request({ units: 3 }), request({ units: 3 }), request({ units: 2 })];
    const said = await place(sku, batch, true);
    expect(said.map(({ status }) => status)).toEqual(['ordered', 'sold_out', 'ordered']);
  });
});

describe('sold out', () => {
  it('says that units may return while orders are unpaid, and not when all are paid', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const orderNo = await order(worker, sku);
    const maybe = { status: 'sold_out', reason: 'units_may_return' };
    expect(await place(sku, [request()])).toMatchObject([maybe]);
    await payOrder(worker, orderNo, `pay-${orderNo}`);
    expect(await place(sku, [request()])).toMatchObject([{ status: 'sold_out', reason: null }]);
  });

  it('says that too few are left when there are some', async () => {
    const sku = await stock(ops, sale, { units: 2, userLimit: 3 });
    const none = { status: 'sold_out', reason: 'too_few_left' };
    expect(await place(sku, [request({ units: 3 })])).toMatchObject([none]);
    expect(await free(sku)).toBe(2);
  });
});

describe('the sale window', () => {
  it('is judged by the clock of the database', async () => {
    const later = await stock(ops, await openSale(ops, { opensInMs: 60_000 }), { units: 1 });
    // Before the opening nothing is final: the web node that took it had a clock that was further on.
    const early = request();
    const notOpen = { status: 'locked', reason: 'not_open' };
    expect(await place(later, [early])).toMatchObject([notOpen]);
    expect(await place(later, [early, request()])).toMatchObject([notOpen, notOpen]);
    expect(await requestOutcomes(worker, [early.requestId])).toEqual([]);

    // Closed, but within the grace for requests that were taken in time.
    const late = await stock(ops, await openSale(ops, { closesInMs: -1_000 }), { units: 1 });
    expect(await place(late, [request()])).toMatchObject([{ status: 'ordered' }]);
    const closed = await stock(ops, await openSale(ops, { closesInMs: -1_800_000 }), { units: 1 });
    expect(await place(closed, [request()])).toMatchObject([{ status: 'closed' }]);
  });

  it('honours what was admitted when a SKU is paused, and refuses when it is closed', async () => {
    const sku = await stock(ops, sale, { units: 2 });
    const known = request();
    const setState = (state: string) =>
      ops.hot.query({ text: 'SELECT catalog.set_sku_state($1, $2)', values: [sku, state] });
    await setState('paused');
    const [first] = await place(sku, [known]);
    expect(first).toMatchObject({ status: 'ordered' });
    await setState('closed');
    const said = await place(sku, [known, request()]);
    expect(said).toMatchObject([first, { status: 'closed' }]);
  });
});

describe('what cannot be decided', () => {
  it('rejects requests of a fenced node, but keeps the outcomes that it has', async () => {
    const sku = await stock(ops, sale, { units: 5 });
    const before = request({ node: 'dead-node' });
    const [first] = await place(sku, [before]);
    await fenceNode(worker, 'dead-node');
    await fenceNode(worker, 'dead-node');
    const said = await place(sku, [before, request({ node: 'dead-node' }), request()]);
    expect(said).toMatchObject([
      first,
      { status: 'rejected', reason: 'node_fenced' },
      { status: 'ordered' },
    ]);
  });

  it('fences only after the batches that hold a request of the node', async () => {
    const sku = await stock(ops, sale, { units: 5, slots: 1 });
    // A batch that waits for the slot lock stands for one that is slow.
    const holder = await holdSlots(database, sku);
    const slow = place(sku, [request({ node: 'slow-node' })], true);
    await blocked(database, 1);
    let fenced = false;
    const fence = fenceNode(worker, 'slow-node').then(() => {
      fenced = true;
    });
    await blocked(database, 2);
    expect(fenced).toBe(false);
    await holder.release();
    expect(await slow).toMatchObject([{ status: 'ordered' }]);
    await fence;
  });

  it('rejects a SKU that is not there, without a record', async () => {
    const lost = request();
    const unknown = { status: 'rejected', reason: 'unknown_sku' };
    expect(await place('nothing', [lost])).toMatchObject([unknown]);
    expect(await requestOutcomes(worker, [lost.requestId])).toEqual([]);
    const elsewhere = await stock(ops, sale, { units: 1, schema: 'regular' });
    // Asked in the wrong schema: the SKU is found where it lives.
    expect(await place(elsewhere, [lost])).toMatchObject([{ status: 'ordered' }]);
  });

  it('refuses malformed arguments with its own SQLSTATE', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const call = (text: string) =>
      worker.hot.query({ text: `SELECT * FROM hot.place_orders(${text})`, values: [sku] });
    const wrong = { sqlstate: 'FS001', kind: 'refused' };
    await expect(
      call(`$1, ARRAY[gen_random_uuid()], '{}', '{}', '{}', '{}'`),
    ).rejects.toMatchObject(wrong);
    await expect(
      call(`$1, ARRAY[NULL]::uuid[], '{u}', '{1}', '{false}', '{n}'`),
    ).rejects.toMatchObject(wrong);
    await expect(place(sku, requests(1_001))).rejects.toMatchObject(wrong);
  });

  it('takes an empty batch', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    expect(await place(sku, [])).toEqual([]);
  });
});

describe('locked is not sold out', () => {
  it('says locked while others hold the slots, then decides', async () => {
    const sku = await stock(ops, sale, { units: 2, slots: 2 });
    const holder = await holdSlots(database, sku);
    const batch = requests(3);
    const locked = await place(sku, batch);
    expect(locked.map(({ status }) => status)).toEqual(['locked', 'locked', 'locked']);
    expect(
      await requestOutcomes(
        worker,
        batch.map(({ requestId }) => requestId),
      ),
    ).toEqual([]);
    const waiting = place(sku, batch, true);
    await blocked(database, 1);
    await holder.release();
    const said = await waiting;
    expect(said.map(({ status }) => status)).toEqual(['ordered', 'ordered', 'sold_out']);
  });

  it('serves whom it can, and says locked to the rest', async () => {
    const sku = await stock(ops, sale, { units: 4, slots: 2, userLimit: 3 });
    const holder = await holdSlots(database, sku, 1);
    const said = await place(sku, [
      request({ units: 2 }),
      request({ units: 1 }),
      request({ units: 3 }),
      request({ units: 2, acceptFewer: true }),
    ]);
    await holder.release();
    expect(said.map(({ status }) => status)).toEqual(['ordered', 'locked', 'sold_out', 'locked']);
  });
});
