import { afterAll, expect, it } from 'vitest';
import {
  type AdmittedRequest,
  cancelOrder,
  expireOrders,
  joinWaitlist,
  orderDetails,
  outboxBatch,
  outboxDone,
  payOrder,
  placeOrders,
  requestOutcomes,
  saleBoard,
  unitCounts,
  userOrders,
  waitlistEntries,
} from '../../db/calls.ts';
import { createPool, Databases, type Queryable } from '../../db/client/pool.ts';
import { warmForOrders, warmForShoppers } from '../../db/client/warm.ts';
import { PATIENCE } from './database.ts';
import { openShop } from './open-shop.ts';
import { byNode, openSale, requests, stock } from './shop.ts';

/**
 * Sessions plan their statements before a sale opens, while its tables are empty. To read an empty table from end to end counts
 * as free for the planner once it was vacuumed, and little for a table with a few trial orders. The plan is kept when the
 * table is full.
 */

const { database, worker, ops } = await openShop();
/** A plan is kept from the sixth call on. */
const CALLS = 7;
const TRIAL_ORDERS = 200;
const ORDERS = 2_000;

interface Placed {
  readonly orderNo: string;
  readonly userId: string;
  readonly requestId: string;
}

interface Trial {
  /** Places orders in other sessions. */
  readonly buy: (count: number) => Promise<void>;
  /** Calls of a web node and a worker, each in a session whose plans are looked at. */
  readonly calls: Readonly<Record<string, () => Promise<unknown>>>;
  /** Rows of the sale's tables that were read, from end to end or by an index, by table. */
  readonly rowsRead: () => Promise<ReadonlyMap<string, number>>;
}

const vacuum = () => database.admin.query({ text: 'VACUUM ANALYZE' });

async function openTrial(): Promise<Trial> {
  const sale = await openSale(ops);
  const sku = await stock(ops, sale, { units: 5_000 });
  const tables = await database.admin.query<{ name: string }>({
    text: `SELECT format('%I.%I', n.nspname, c.relname) AS name
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind = 'r' AND c.relname LIKE '%(' || $1 || ')'`,
    values: [sale],
  });
  // It would plan anew after each vacuum, and how soon the server comes to that is not the question.
  for (const { name } of tables)
    await database.admin.query({ text: `ALTER TABLE ${name} SET (autovacuum_enabled = off)` });
  await vacuum();

  const sessions = (['web', 'worker'] as const).map((role) => {
    const warmUp =
      role === 'web' ? warmForShoppers : (one: Queryable) => warmForOrders(one, ['hot']);
    const named = { applicationName: 'early', url: database.url, role };
    return createPool({ ...named, ...PATIENCE, max: 1, min: 1, warmUp });
  });
  afterAll(() => Promise.all(sessions.map((pool) => pool.close())));
  for (const pool of sessions) await pool.fill();
  const [web, worker_] = sessions.map((pool) => Databases.ofOne(pool)) as [Databases, Databases];

  const open: Placed[] = [];
  const next = (): Placed => {
    const one = open.pop();
    if (one === undefined) throw new Error('no order is left');
    return one;
  };
  const place = (count: number, fields: Partial<AdmittedRequest> = {}) =>
    placeOrders(worker_, 'hot', sku, requests(count, fields), { withTerms: true });
  return {
    async buy(count) {
      // Small ones, because each event has the orders of a batch.
      for (let left = count; left > 0; left -= 20) {
        const batch = requests(20);
        const said = await placeOrders(worker, 'hot', sku, batch);
        batch.forEach(({ userId, requestId }, at) => {
          open.push({ orderNo: said[at]?.orderNo ?? '', userId, requestId });
        });
      }
    },
    calls: {
      'a batch': () => place(3),
      'a single request': () => place(1),
      'a batch beyond the limit': () => place(2, { userId: next().userId }),
      'what became of a request': () => requestOutcomes(web, [next().requestId]),
      'an order': () => orderDetails(web, next().orderNo),
      'the orders of a user': () => userOrders(web, next().userId),
      async 'a payment'() {
        const { orderNo } = next();
        expect(await payOrder(web, orderNo, `pay-${orderNo}`, byNode)).toBe('paid');
      },
      async 'a cancellation'() {
        const { orderNo, userId } = next();
        expect(await cancelOrder(web, orderNo, userId)).toBe('cancelled');
      },
      'a place in the waitlist': () =>
        joinWaitlist(web, 'hot', { sku, userId: next().userId, units: 1 }),
      'places in the waitlist': () => waitlistEntries(web, [{ sku, userId: next().userId }]),
      async 'the end of late orders'() {
        await database.admin.query({
          text: `UPDATE hot.orders SET pay_before = now() WHERE order_no = ANY ($1)`,
          values: [[next().orderNo, next().orderNo]],
        });
        expect(await expireOrders(worker_, 'hot', 10)).toMatchObject([{ orders: 2 }]);
      },
      async events() {
        const events = await outboxBatch(worker_, 'hot', 'relay', 5);
        await outboxDone(worker_, 'hot', [...new Set(events.map(({ eventNo }) => eventNo))]);
      },
      'the units': () => unitCounts(worker_),
      'the board': () => saleBoard(web),
    },
    async rowsRead() {
      for (const pool of sessions) await pool.query({ text: 'SELECT pg_stat_force_next_flush()' });
      const rows = await database.admin.query<{ table: string; rows: string }>({
        text: `SELECT t.relname AS table, t.seq_tup_read + coalesce(i.rows, 0) AS rows
               FROM pg_stat_user_tables t LEFT JOIN (
                 SELECT x.relid, sum(x.idx_tup_read) AS rows FROM pg_stat_user_indexes x GROUP BY 1) i USING (relid)
               WHERE t.schemaname = 'hot' AND t.relname LIKE '%(' || $1 || ')'`,
        values: [sale],
      });
      return new Map(rows.map(({ table, rows: read }) => [table, Number(read)]));
    },
  };
}

it.each([
  ['empty', false],
  ['nearly empty', true],
])(
  'plans that were made while the tables were %s do not read all orders of the sale',
  async (_, isVacuumedAgain) => {
    const { buy, calls, rowsRead } = await openTrial();
    await buy(TRIAL_ORDERS);
    if (isVacuumedAgain) await vacuum();
    for (const call of Object.values(calls)) for (let n = 0; n < CALLS; n += 1) await call();
    await buy(ORDERS / 2);
    await buy(ORDERS / 2);
    const found: string[] = [];
    for (const [name, call] of Object.entries(calls)) {
      const before = await rowsRead();
      await call();
      for (const [table, rows] of await rowsRead()) {
        if (rows - (before.get(table) ?? 0) > TRIAL_ORDERS) found.push(`${name}: ${table}`);
      }
    }
    expect(found).toEqual([]);
  },
);
