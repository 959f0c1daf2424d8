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

/** The answers to so many new requests: to a single one, or to a batch that would be plain. */
async function statuses(sku: string, count: number): Promise<string[]> {
  return [...new Set((await place(sku, requests(count))).map(({ status }) => status))];
}

/** The units that count towards the user's limit. */
async function unitsOf(userId: string, sku: string): Promise<number | undefined> {
  const [row] = await database.admin.query<{ units: number }>({
    text: 'SELECT units FROM hot.buyer WHERE sku = $1 AND user_id = $2',
    values: [sku, userId],
  });
  return row?.units;
}

describe('a request', () => {
  it('that is repeated gets its first outcome, whatever it was', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const batch = requests(2);
    const first = await place(sku, batch);
    expect(first.map(({ status }) => status)).toEqual(['ordered', 'sold_out']);
    expect(await place(sku, batch)).toEqual(first);
    expect(await place(sku, [...batch].reverse())).toEqual([...first].reverse());
    expect(await free(sku)).toBe(0);
  });

  it('that is repeated gets its first outcome, also if its user may buy more', async () => {
    // In one slot, so that the batch would be plain again.
    const sku = await stock(ops, sale, { units: 9, userLimit: 3, slots: 1 });
    const batch = requests(3);
    const first = await place(sku, batch);
    expect(await place(sku, batch)).toEqual(first);
    expect(await place(sku, batch.slice(0, 1))).toEqual(first.slice(0, 1));
    expect(await free(sku)).toBe(6);
  });

  it('returns the terms of the orders that the call has placed, and of no others', async () => {
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
    // One object, so that it is sent once.
    expect(said.every((decision) => decision.terms === terms)).toBe(true);
    expect((await say([old, fresh])).some((again) => again.terms ?? again.amount)).toBe(false);
  });

  it('that is twice in a batch gets the same answer twice', async () => {
    const sku = await stock(ops, sale, { units: 5, userLimit: 2 });
    const twice = request();
    const [first, second] = await place(sku, [twice, twice]);
    expect(first).toMatchObject({ status: 'ordered', units: 1 });
    expect(second).toEqual(first);
    expect(await free(sku)).toBe(4);
  });

  it('with the request id of another user is rejected, in the batch and later, and nothing is recorded', async () => {
    const sku = await stock(ops, sale, { units: 5 });
    const requestId = randomUUID();
    const [mine, theirs] = await place(sku, [request({ requestId }), request({ requestId })]);
    expect(mine).toMatchObject({ status: 'ordered' });
    expect(theirs).toMatchObject({ status: 'rejected', reason: 'request_id_taken', orderNo: null });
    const [later] = await place(sku, [request({ requestId })]);
    expect(later).toEqual(theirs);
    expect(await requestOutcomes(worker, [requestId])).toMatchObject([{ status: 'ordered' }]);
  });

  it('gets its first outcome also in another sale of the schema', async () => {
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

  it('is new in another sale a day after its own sale closed, and not before', async () => {
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
  it('holds within a batch, in the order of arrival, and across calls', async () => {
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

  it.each([
    ['too few are left for', false, ['sold_out', 'ordered']],
    ['is served in part', true, ['ordered', 'sold_out']],
  ])(
    'counts no units that an earlier request of the batch did not get: %s',
    async (_, acceptFewer, final) => {
      const sku = await stock(ops, sale, { units: acceptFewer ? 1 : 2, userLimit: 3 });
      const wishes = [{ units: 3, acceptFewer }, { units: 2 }];
      const batch = wishes.map((wish) => request({ userId: 'cleo', ...wish }));
      const [first, second] = await place(sku, batch);
      expect([first?.status, second?.status]).toEqual([final[0], 'locked']);
      const [again, last] = await place(sku, batch, true);
      expect(again).toEqual(first);
      expect(last?.status).toBe(final[1]);
      expect(await free(sku)).toBe(0);
    },
  );

  it('refuses a request for more units than the limit, or for none', async () => {
    const sku = await stock(ops, sale, { units: 5, userLimit: 2 });
    const [tooMany, none] = await place(sku, [request({ units: 3 }), request({ units: 0 })]);
    expect(tooMany).toMatchObject({ status: 'limit_reached' });
    expect(none).toMatchObject({ status: 'rejected', reason: 'bad_units' });
  });

  it('has room again when the order was cancelled', async () => {
    const sku = await stock(ops, sale, { units: 5 });
    const orderNo = await order(worker, sku, { userId: 'bob' });
    await cancelOrder(worker, orderNo, 'bob');
    expect(await place(sku, [request({ userId: 'bob' })])).toMatchObject([{ status: 'ordered' }]);
  });

  it('does not count units that a user did not get because none were left', async () => {
    const sku = await stock(ops, sale, { units: 1, userLimit: 2 });
    const [got, not] = await place(sku, [request(), request({ userId: 'eve', units: 1 })]);
    expect([got?.status, not?.status]).toEqual(['ordered', 'sold_out']);
    expect(await unitsOf('eve', sku)).toBe(0);
  });
});

describe('place_orders', () => {
  it('draws the units of one request from several slots if necessary', async () => {
    const sku = await stock(ops, sale, { units: 8, slots: 4, userLimit: 7 });
    expect(await place(sku, [request({ units: 7 })])).toMatchObject([{ status: 'ordered' }]);
    expect(await free(sku)).toBe(1);
  });

  it('gives the remaining units to a smaller request behind one that does not fit', async () => {
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

  it('gives fewer units only to a request that accepts fewer', async () => {
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

describe('a sold-out answer', () => {
  it('says that units may return while orders are unpaid, and not when all are paid', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const orderNo = await order(worker, sku);
    const maybe = { status: 'sold_out', reason: 'units_may_return' };
    expect(await place(sku, [request()])).toMatchObject([maybe]);
    await payOrder(worker, orderNo, `pay-${orderNo}`);
    expect(await place(sku, [request()])).toMatchObject([{ status: 'sold_out', reason: null }]);
  });

  it('says that too few units are left when there are some', async () => {
    const sku = await stock(ops, sale, { units: 2, userLimit: 3 });
    const none = { status: 'sold_out', reason: 'too_few_left' };
    expect(await place(sku, [request({ units: 3 })])).toMatchObject([none]);
    expect(await free(sku)).toBe(2);
  });
});

describe('the state of a sale', () => {
  it('is judged by the clock of the database', async () => {
    const later = await stock(ops, await openSale(ops, { opensInMs: 60_000 }), { units: 1 });
    // Before the opening no answer is final, because the clock of the web node that admitted the
    // request was ahead.
    const early = request();
    const notOpen = { status: 'locked', reason: 'not_open' };
    expect(await place(later, [early])).toMatchObject([notOpen]);
    expect(await place(later, [early, request()])).toMatchObject([notOpen, notOpen]);
    expect(await requestOutcomes(worker, [early.requestId])).toEqual([]);

    // Closed, but within the grace period for requests that were admitted in time.
    const late = await stock(ops, await openSale(ops, { closesInMs: -1_000 }), { units: 1 });
    expect(await place(late, [request()])).toMatchObject([{ status: 'ordered' }]);
    const over = await openSale(ops, { closesInMs: -1_800_000 });
    const closed = await stock(ops, over, { units: 9, slots: 1 });
    for (const count of [1, 2]) expect(await statuses(closed, count)).toEqual(['closed']);
  });

  it('lets admitted requests be placed while the SKU is paused, but not when it is closed', async () => {
    const sku = await stock(ops, sale, { units: 9, slots: 1 });
    const known = request();
    const setState = (state: string) =>
      ops.home('hot').query({ text: 'SELECT catalog.set_sku_state($1, $2)', values: [sku, state] });
    await setState('paused');
    const [first] = await place(sku, [known]);
    expect(first).toMatchObject({ status: 'ordered' });
    await setState('closed');
    const said = await place(sku, [known, request()]);
    expect(said).toMatchObject([first, { status: 'closed' }]);
    for (const count of [1, 2]) expect(await statuses(sku, count)).toEqual(['closed']);
  });
});

describe('place_orders', () => {
  it('rejects the requests of a fenced node, except those that have an outcome', async () => {
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

  it('delays the fence of a node until the batches with its requests are done', async () => {
    const sku = await stock(ops, sale, { units: 5, slots: 1 });
    // A batch that waits for the slot lock stands in for a slow batch.
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

  it('rejects a request for an unknown SKU without a record', async () => {
    const lost = request();
    const unknown = { status: 'rejected', reason: 'unknown_sku' };
    expect(await place('nothing', [lost])).toMatchObject([unknown]);
    expect(await requestOutcomes(worker, [lost.requestId])).toEqual([]);
    const elsewhere = await stock(ops, sale, { units: 1, schema: 'regular' });
    // The request was sent to the wrong schema, and the SKU is found in its home.
    expect(await place(elsewhere, [lost])).toMatchObject([{ status: 'ordered' }]);
  });

  it('refuses malformed arguments with their own SQLSTATE', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    const call = (text: string) =>
      worker.home('hot').query({ text: `SELECT * FROM hot.place_orders(${text})`, values: [sku] });
    const wrong = { sqlstate: 'FS001', kind: 'refused' };
    await expect(
      call(`$1, ARRAY[gen_random_uuid()], '{}', '{}', '{}', '{}'`),
    ).rejects.toMatchObject(wrong);
    await expect(
      call(`$1, ARRAY[NULL]::uuid[], '{u}', '{1}', '{false}', '{n}'`),
    ).rejects.toMatchObject(wrong);
    await expect(place(sku, requests(1_001))).rejects.toMatchObject(wrong);
  });

  it('accepts an empty batch', async () => {
    const sku = await stock(ops, sale, { units: 1 });
    expect(await place(sku, [])).toEqual([]);
  });
});

describe('a request whose slots are locked', () => {
  it('is answered with "locked" while others hold the slots, and is decided afterwards', async () => {
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

  it('is answered with "locked" while other requests of its batch are served', async () => {
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
