import { describe, expect, it } from 'vitest';
import { placeOrders, trimPlaceCalls } from '../../db/calls.ts';
import { holdSlots } from './locks.ts';
import { openShop } from './open-shop.ts';
import { order, request, requests, stock } from './shop.ts';

/** The DBA's views, and tunables that take effect at the next call. */

const { database, worker, ops, sale } = await openShop();

const look = (text: string, ...values: unknown[]) =>
  database.as('readonly', 1).home('hot').query({ text, values });

describe('place_rates', () => {
  const rates = async (sku: string) =>
    look(
      `SELECT calls::int, requests::int, ordered::int, units::int, locked::int,
              false_empty::int, retry_rate::float8, passed_over_rate::float8, waited_rate::float8,
              slots_a_call::float8, lock_ms_p99 > 0 AS timed
       FROM hot.place_rates WHERE sku = $1 AND routine = 'place_orders'`,
      sku,
    );

  it('counts every call exactly', async () => {
    const sku = await stock(ops, sale, { units: 100, slots: 4 });
    await placeOrders(worker, 'hot', sku, requests(3));
    await placeOrders(worker, 'hot', sku, requests(2));
    expect(await rates(sku)).toMatchObject([
      { calls: 2, requests: 5, ordered: 5, units: 5, locked: 0, false_empty: 0, timed: true },
    ]);
  });

  it('distinguishes a slot that was passed over from a SKU that only looked empty', async () => {
    // Slots of 2 units and of 1 unit. Only a batch looks at all slots.
    const sku = await stock(ops, sale, { units: 3, slots: 2 });
    const one = await holdSlots(database, sku, 1);
    await placeOrders(worker, 'hot', sku, requests(2));
    await one.release();
    expect(await rates(sku)).toMatchObject([{ passed_over_rate: 1, false_empty: 0 }]);

    const locked = await stock(ops, sale, { units: 100, slots: 2 });
    await ops.home('hot').query({ text: `SELECT catalog.set_tunable('pick_retries', 2)` });
    const all = await holdSlots(database, locked);
    const [said] = await placeOrders(worker, 'hot', locked, [request()]);
    await all.release();
    expect(said?.status).toBe('locked');
    expect(await rates(locked)).toMatchObject([
      { calls: 1, ordered: 0, locked: 1, false_empty: 3, retry_rate: 2, slots_a_call: 0 },
    ]);
    await placeOrders(worker, 'hot', locked, [request()], { wait: true });
    expect(await rates(locked)).toMatchObject([
      { calls: 2, ordered: 1, waited_rate: 0.5, false_empty: 3 },
    ]);
  });

  it('is switched off and trimmed by tunables', async () => {
    const sku = await stock(ops, sale, { units: 100 });
    const set = (name: string, value: number) =>
      ops.home('hot').query({ text: 'SELECT catalog.set_tunable($1, $2)', values: [name, value] });
    await set('call_figures', 0);
    await order(worker, sku);
    expect(await rates(sku)).toEqual([]);
    await set('call_figures', 1);
    await order(worker, sku);
    expect(await rates(sku)).toMatchObject([{ calls: 1 }]);
    expect(await trimPlaceCalls(worker, 'hot')).toBe(0);
    await database.admin.query({
      text: `UPDATE hot.place_call SET called_at = now() - interval '1 h' WHERE sku = $1`,
      values: [sku],
    });
    expect(await trimPlaceCalls(worker, 'hot')).toBe(1);
    expect(await rates(sku)).toEqual([]);
  });
});

it('shows fragmentation: the largest slot compared with all remaining units', async () => {
  const sku = await stock(ops, sale, { units: 10, slots: 4 });
  const rows = await look(
    `SELECT slots::int, remaining::int, largest, largest_share::float8 FROM hot.slot_fragmentation
     WHERE sku = $1`,
    sku,
  );
  expect(rows).toEqual([{ slots: 4, remaining: 10, largest: 3, largest_share: 0.3 }]);
});

it('shows HOT updates and dead rows of each table, summed over its partitions', async () => {
  const rows = await look('SELECT relation FROM hot.table_health');
  const relations = rows.map(({ relation }) => relation);
  expect(relations).toEqual(expect.arrayContaining(['orders', 'outcome', 'stock_slot', 'outbox']));
  expect(new Set(relations).size).toBe(relations.length);
});

it('shows how many rows wait for each kind of work, and since when', async () => {
  const sku = await stock(ops, sale, { units: 5, schema: 'regular' });
  await order(worker, sku, {}, 'regular');
  const rows = await look('SELECT waiting, count::int, since FROM regular.backlog');
  expect(rows).toMatchObject([
    { waiting: 'order events to publish', count: 1, since: expect.any(Date) },
    { waiting: 'unpaid orders', count: 1 },
    { waiting: 'unpaid orders past their time', count: 0 },
    { waiting: 'payments to refund', count: 0 },
    { waiting: 'fenced web nodes', count: 0 },
    { waiting: 'payment sessions to end', count: 0 },
    { waiting: 'payments under way', count: 0 },
  ]);
});

it('refuses a tunable that is unknown or out of bounds, and keeps the old value', async () => {
  const set = (name: string, value: number) =>
    ops.home('hot').query({ text: 'SELECT catalog.set_tunable($1, $2)', values: [name, value] });
  await expect(set('nothing', 1)).rejects.toMatchObject({ sqlstate: 'FS002' });
  await expect(set('slots_default', 0)).rejects.toMatchObject({ sqlstate: '23514' });
  await set('slots_default', 7);
  const sku = await stock(ops, sale, { units: 70, slots: undefined as never });
  const rows = await look('SELECT slots::int FROM hot.slot_fragmentation WHERE sku = $1', sku);
  expect(rows).toEqual([{ slots: 7 }]);
});
