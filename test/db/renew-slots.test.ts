import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cancelOrder, placeOrders, renewSlots, setSlots, unitCounts } from '../../db/calls.ts';
import { openSession, type Session } from '../../db/client/pool.ts';
import { PATIENCE } from './database.ts';
import { blocked } from './locks.ts';
import { openShop } from './open-shop.ts';
import { order, request, requests, stock } from './shop.ts';

/** Calls of a SKU whose old slots a snapshot keeps. */
const VERSIONS = 4_000;
const RENEWALS = 400;

const { ops, worker, database, sale } = await openShop();
// It would remove old versions between two looks, and have calls planned anew.
await database.admin.query({
  text: 'ALTER TABLE hot.stock_slot SET (autovacuum_enabled = off)',
});

const slotsOf = (sku: string) =>
  database.admin.query<{ slot: number; remaining: number }>({
    text: 'SELECT slot, remaining FROM hot.stock_slot WHERE sku = $1 ORDER BY slot',
    values: [sku],
  });
const ofSku = async (sku: string) => (await unitCounts(worker)).find((one) => one.sku === sku);

describe('renewed slots', () => {
  it('are new rows with the same units, and orders take units from them', async () => {
    const sku = await stock(ops, sale, { units: 10, slots: 4 });
    await placeOrders(worker, 'hot', sku, requests(2), {});
    const before = await slotsOf(sku);
    expect(await renewSlots(worker, 'hot', sku, 0)).toBe(4);
    const after = await slotsOf(sku);
    expect(after.map(({ slot }) => slot)).toEqual([1025, 1026, 1027, 1028]);
    expect(after.map(({ remaining }) => remaining)).toEqual(
      before.map(({ remaining }) => remaining),
    );
    for (const wait of [false, true]) {
      const said = await placeOrders(worker, 'hot', sku, [...requests(2), request()], { wait });
      expect(said.map(({ status }) => status)).toEqual(Array(3).fill('ordered'));
    }
    const [one, two, three] = await placeOrders(worker, 'hot', sku, requests(3), { wait: true });
    expect([one, two, three].map((each) => each?.status)).toEqual([
      'ordered',
      'ordered',
      'sold_out',
    ]);
  });

  it('keep their numbers when their count changes, and may be empty', async () => {
    const sku = await stock(ops, sale, { units: 3, slots: 2 });
    await renewSlots(worker, 'hot', sku, 0);
    expect((await setSlots(ops, 'hot', sku, 3)).map(({ slot }) => slot)).toEqual([
      1025, 1026, 1027,
    ]);
    await placeOrders(worker, 'hot', sku, requests(3), { wait: true });
    await renewSlots(worker, 'hot', sku, 0);
    expect(await slotsOf(sku)).toEqual([2049, 2050, 2051].map((slot) => ({ slot, remaining: 0 })));
    expect((await setSlots(ops, 'hot', sku, 1)).map(({ slot }) => slot)).toEqual([2049]);
    expect(await ofSku(sku)).toMatchObject({ unitsTotal: 3, free: 0 });
  });

  it('are waited for by who orders and who cancels meanwhile', async () => {
    const sku = await stock(ops, sale, { units: 3, slots: 3 });
    const userId = 'ada';
    const orderNo = await order(worker, sku, { userId });
    const renewer = await openSession(database.url, { applicationName: 'renewer', ...PATIENCE });
    await renewer.run(`BEGIN; SELECT hot.renew_slots('${sku}')`);
    const [locked] = await placeOrders(worker, 'hot', sku, [request()], {});
    expect(locked?.status).toBe('locked');
    const placed = placeOrders(worker, 'hot', sku, requests(2), { wait: true });
    const cancelled = cancelOrder(worker, orderNo, userId);
    await blocked(database, 2);
    await renewer.run('COMMIT');
    await renewer.close();
    expect((await placed).map(({ status }) => status)).toEqual(['ordered', 'ordered']);
    expect(await cancelled).toBe('cancelled');
    expect(await ofSku(sku)).toMatchObject({ unitsTotal: 3, free: 1 });
    expect((await slotsOf(sku)).every(({ slot }) => slot > 1024)).toBe(true);
  });

  it('take units that come back while set_slots of the last release gives low numbers again', async () => {
    const sku = await stock(ops, sale, { units: 3, slots: 3 });
    const userId = 'bob';
    const orderNo = await order(worker, sku, { userId });
    await renewSlots(worker, 'hot', sku, 0);
    const dba = await openSession(database.url, { applicationName: 'dba', ...PATIENCE });
    await dba.run(`BEGIN;
      WITH gone AS (DELETE FROM hot.stock_slot WHERE sku = '${sku}' RETURNING slot, remaining),
           made AS (INSERT INTO hot.stock_slot SELECT '${sku}', slot - 1024, remaining FROM gone RETURNING slot, remaining)
      INSERT INTO hot.stock_movement (sale, sku, slot, kind, units)
      SELECT '${sale}', '${sku}', slot, 'merge', -remaining FROM gone WHERE remaining > 0
      UNION ALL SELECT '${sale}', '${sku}', slot, 'split', remaining FROM made WHERE remaining > 0`);
    const cancelled = cancelOrder(worker, orderNo, userId);
    await blocked(database, 1);
    await dba.run('COMMIT');
    await dba.close();
    expect(await cancelled).toBe('cancelled');
    expect(await ofSku(sku)).toMatchObject({ unitsTotal: 3, free: 3 });
  });

  it('are not made while orders are under way for long', async () => {
    const sku = await stock(ops, sale, { units: 3, slots: 3 });
    const buyer = await openSession(database.url, { applicationName: 'buyer', ...PATIENCE });
    await buyer.run(`BEGIN; SELECT * FROM hot.place_orders('${sku}', ARRAY[gen_random_uuid()], '{ann}',
                                                           '{1}', '{f}', '{node}')`);
    await expect(renewSlots(worker, 'hot', sku, 0)).rejects.toMatchObject({ sqlstate: '55P03' });
    await buyer.run('COMMIT');
    await buyer.close();
    expect(await renewSlots(worker, 'hot', sku, 0)).toBe(3);
  });

  it('are not made while few rows are dead', async () => {
    const sku = await stock(ops, sale, { units: 3, slots: 2 });
    expect(await renewSlots(worker, 'hot', sku, 1_000_000)).toBe(0);
    expect((await slotsOf(sku)).map(({ slot }) => slot)).toEqual([1, 2]);
  });
});

describe('while a snapshot is held', () => {
  let holder: Session;
  let dba: Session;
  beforeEach(async () => {
    const open = (applicationName: string) =>
      openSession(database.url, { applicationName, ...PATIENCE });
    [holder, dba] = await Promise.all([open('holder'), open('dba')]);
    await dba.run('SET search_path = hot');
    await holder.run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM catalog.sku');
  });
  afterEach(() => Promise.all([holder.close(), dba.close()]));

  /** Pages that a statement reads, with the routines that it calls. */
  async function pagesOf(statement: string): Promise<number> {
    const [row] = await dba.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>({
      text: `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${statement}`,
    });
    const plan = row?.['QUERY PLAN'][0].Plan ?? {};
    return (plan['Shared Hit Blocks'] ?? Number.NaN) + (plan['Shared Read Blocks'] ?? Number.NaN);
  }

  it('a look at renewed slots passes none of the old versions', async () => {
    const sku = await stock(ops, sale, { units: 1_000, slots: 4 });
    const look = `SELECT * FROM current_slots('${sku}')`;
    const fresh = await pagesOf(look);
    await dba.run(`DO $$ BEGIN FOR n IN 1..${VERSIONS} LOOP
      UPDATE hot.stock_slot SET remaining = remaining WHERE sku = '${sku}' AND slot = n % 4 + 1;
    END LOOP; END $$`);
    expect(await pagesOf(look)).toBeGreaterThan(fresh + 10);
    await renewSlots(worker, 'hot', sku, 0);
    expect(await pagesOf(look)).toBeLessThanOrEqual(fresh + 5);
    expect(await ofSku(sku)).toMatchObject({ unitsTotal: 1_000, free: 1_000 });
  });

  it.each([
    ['a renewal', 'renew_slots($)'],
    ['a restock', 'restock($, 16)'],
    ['set_slots', 'set_slots($, 16)'],
    ['a move', 'regular.move_sku($)'],
  ])('%s passes none of the slots that were replaced before', async (_name, call) => {
    // A call that is planned anew, after somebody has vacuumed a table, reads the catalogs as well: the least of three counts.
    const leastAfter = async (renewals: number) => {
      const pages: number[] = [];
      for (let n = 0; n < 3; n += 1) {
        const sku = await stock(ops, sale, { units: 1_000, slots: 16 });
        for (let m = 0; m < renewals; m += 1) await renewSlots(worker, 'hot', sku, 0);
        pages.push(await pagesOf(`SELECT ${call.replace('$', `'${sku}'`)}`));
      }
      return Math.min(...pages);
    };
    const few = await leastAfter(2);
    expect(await leastAfter(RENEWALS)).toBeLessThan(1.5 * few);
  });
});
