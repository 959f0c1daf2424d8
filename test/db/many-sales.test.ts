import { beforeAll, describe, expect, it } from 'vitest';
import { placeOrders, trimRequestIndex } from '../../db/calls.ts';
import { openSession, type Session } from '../../db/client/pool.ts';
import { PATIENCE } from './database.ts';
import { openShop } from './open-shop.ts';
import { openSale, request, requests, stock } from './shop.ts';

/** Many sales are open at the same time. An order of one of them must not cost more for it. */

const { database, worker, ops, sale: firstSale } = await openShop();
/** What create_sale leaves without an index of request ids. */
const SALES_WITHOUT_INDEX = 4;

const sales = [firstSale];
let admin: Session;

beforeAll(async () => {
  while (sales.length < 2 * SALES_WITHOUT_INDEX + 1) sales.push(await openSale(ops));
  // place_orders looks for requests only in sales that have SKUs.
  for (const sale of sales) await stock(ops, sale, { units: 1 });
  admin = await openSession(database.url, { applicationName: 'admin', ...PATIENCE });
  return () => admin.close();
});

const newest = () => sales.at(-1) ?? '';
const place = (sku: string, batch: Parameters<typeof placeOrders>[3]) =>
  placeOrders(worker, 'hot', sku, batch, { withTerms: true });

/** The other sales of which the open transaction has used an index. (A plan locks the tables of all.) */
async function usedSales(own: string): Promise<number> {
  const rows = await admin.query<{ table: string }>({
    text: `SELECT DISTINCT substring(t.relname FROM '[(](.*)[)]$') AS sale
           FROM pg_locks l JOIN pg_index i ON i.indexrelid = l.relation JOIN pg_class t ON t.oid = i.indrelid
           WHERE l.pid = pg_backend_pid() AND t.relname ~ '[)]$' AND t.relname NOT LIKE '%(' || $1 || ')'`,
    values: [own],
  });
  return rows.length;
}

describe('a call uses the tables of few other sales', () => {
  it.each([
    ['a single request', 1, 1, false],
    ['a batch', 3, 1, false],
    ['a request that was decided', 1, 1, true],
    ['a batch that was decided', 3, 1, true],
    ['a single request beyond the limit', 1, 9, false],
    ['a batch, partly sold out', 8, 1, false],
  ])('%s', async (_what, count, units, isRepeated) => {
    const sku = await stock(ops, newest(), { units: 7, slots: 1 });
    const batch = requests(count, { units });
    if (isRepeated) await place(sku, batch);
    const call = async () => {
      const placed = await admin.query<{ order_no: string | null }>({
        text: `SELECT order_no FROM hot.place_orders($1, $2, $3, $4, array_fill(false, ARRAY[$5::int]), $6)`,
        values: [
          sku,
          batch.map(({ requestId }) => requestId),
          batch.map(({ userId }) => userId),
          batch.map((one) => one.units),
          count,
          batch.map(({ node }) => node),
        ],
      });
      const values = [sku, placed.flatMap(({ order_no }) => order_no ?? [])];
      await admin.query({ text: 'SELECT hot.orders_placed($1, $2)', values });
    };
    // A call that makes a plan opens the tables of all: the first one, and one after an ANALYZE of the server.
    let used = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 10 && used > SALES_WITHOUT_INDEX; tries += 1) {
      await admin.run('BEGIN');
      await call();
      used = await usedSales(newest());
      await admin.run('ROLLBACK');
    }
    expect(used).toBeLessThanOrEqual(SALES_WITHOUT_INDEX);
  });
});

describe('what is asked again and again', () => {
  it.each(['unit_counts()', 'overdue_skus()', 'expire_orders(1)'])(
    'looks into no sale if its schema has no SKU: %s',
    async (call) => {
      await admin.run(`BEGIN; SELECT regular.${call}`);
      const used = await usedSales('');
      await admin.run('ROLLBACK');
      expect(used).toBe(0);
    },
  );

  it('writes nothing if no order is due', async () => {
    const sku = await stock(ops, newest(), { units: 3 });
    await place(sku, requests(2));
    await admin.run('BEGIN; SELECT hot.expire_orders(1)');
    const written = await admin.query({
      text: `SELECT l.relation::regclass FROM pg_locks l
             WHERE l.pid = pg_backend_pid() AND l.mode = 'RowExclusiveLock'`,
    });
    const used = await usedSales('');
    await admin.run('ROLLBACK');
    expect(written).toEqual([]);
    expect(used).toBe(sales.length);
  });
});

async function entriesOf(sale: string): Promise<number> {
  const text = 'SELECT FROM hot.request_index WHERE sale = $1';
  return (await database.admin.query({ text, values: [sale] })).length;
}

describe('a request', () => {
  it.each([
    ['a later sale, and is repeated in the first', -1, 0],
    ['the first sale, and is repeated in a later one', 0, -1],
    ['a later sale, and is repeated in another one', -1, -2],
  ])('that was decided in %s has one outcome', async (_where, decidedAt, repeatedAt) => {
    const [decided, repeated] = [
      await stock(ops, sales.at(decidedAt) ?? '', { units: 9 }),
      await stock(ops, sales.at(repeatedAt) ?? '', { units: 9 }),
    ];
    const [one, two, three] = [request(), request(), request()];
    const first = (await place(decided, [one, two, three])).map(({ orderNo }) => orderNo);
    const again = [
      ...(await place(repeated, [one])),
      ...(await place(repeated, [two, request(), three])),
    ].map(({ orderNo }) => orderNo);
    expect([again[0], again[1], again[3]]).toEqual(first);
    expect(first).not.toContain(again[2]);
    const theirs = await place(repeated, [request({ requestId: one.requestId })]);
    expect(theirs).toMatchObject([{ status: 'rejected', reason: 'request_id_taken' }]);
  });

  it('is new in another sale a day after its own sale closed, and its entry is removed', async () => {
    const past = await openSale(ops);
    const pastSku = await stock(ops, past, { units: 9 });
    const sku = await stock(ops, newest(), { units: 9 });
    const [one, two] = [request(), request()];
    const first = await place(pastSku, [one, two]);
    const kept = await place(sku, [request()]);
    const closed = (ago: string) =>
      database.admin.query({
        text: `UPDATE catalog.sale SET opens_at = now() - interval '3 days', closes_at = now() - $2::interval
               WHERE sale = $1`,
        values: [past, ago],
      });
    await closed('23 hours');
    expect(await trimRequestIndex(worker, 'hot')).toBe(0);
    expect((await place(sku, [one]))[0]?.orderNo).toBe(first[0]?.orderNo);
    await closed('25 hours');
    expect(await place(sku, [one])).toMatchObject([{ status: 'ordered' }]);
    expect((await place(sku, [two, request()])).map(({ status }) => status)).toEqual(
      Array(2).fill('ordered'),
    );
    expect(await trimRequestIndex(worker, 'hot')).toBe(2);
    expect(await entriesOf(past)).toBe(0);
    expect(await entriesOf(newest())).toBeGreaterThanOrEqual(kept.length);
  });

  it('of a sale that runs is not read when entries of a past sale are looked for', async () => {
    const past = await openSale(ops);
    await database.admin.query({
      text: `UPDATE catalog.sale SET opens_at = now() - interval '3 days', closes_at = now() - interval '2 days'
             WHERE sale = $1`,
      values: [past],
    });
    await admin.run(`BEGIN; INSERT INTO hot.request_index
      SELECT gen_random_uuid(), '${newest()}' FROM generate_series(1, 5000);
      ANALYZE hot.request_index`);
    const rowsRead = async () => {
      const [row] = await admin.query<{ rows: string }>({
        text: `SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables
               WHERE schemaname = 'hot' AND relname = 'request_index'`,
      });
      return Number(row?.rows);
    };
    const before = await rowsRead();
    const [trimmed] = await admin.query({ text: 'SELECT hot.trim_request_index() AS removed' });
    const read = (await rowsRead()) - before;
    await admin.run('ROLLBACK');
    expect(trimmed).toEqual({ removed: '0' });
    expect(read).toBeLessThan(100);
  });

  it('has no entry when its sale was deleted', async () => {
    const past = await openSale(ops);
    const sku = await stock(ops, past, { units: 9 });
    await place(sku, requests(2));
    expect(await entriesOf(past)).toBe(2);
    await database.admin.query({ text: 'DELETE FROM hot.outbox WHERE sale = $1', values: [past] });
    // drop_sale calls it when the sale is over.
    await database.admin.query({
      text: 'SELECT catalog.delete_sale($1, $2)',
      values: [past, [sku]],
    });
    expect(await entriesOf(past)).toBe(0);
  });
});
