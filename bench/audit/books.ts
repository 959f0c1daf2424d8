import { randomUUID } from 'node:crypto';
import { placeOrders } from '../../db/calls.ts';
import { createPool, Databases, type Pool } from '../../db/client/pool.ts';
import type { Stage } from '../db/stage.ts';

/**
 * The data of a busy sale, written by the same routines as in a shop. Orders are placed in batches:
 * 70 % are paid, 5 % cancelled, 20 % expired and 5 % wait for their payment. Events are published and
 * logged. A small SKU is sold out and has a waitlist.
 */

const BATCH_ORDERS = 200;
const LANES = 2;
/** Orders, or events, that one statement of the later steps handles. */
const STEP = 2_000;
const STATEMENT_TIMEOUT_MS = 10 * 60_000;
/** Units of the small SKU, as a share of all orders. As many shoppers join its waitlist, at most
 * 10,000. */
const WAITLIST_SHARE = 0.01;

const OPEN = `
  SELECT catalog.create_sale('books', 'Books', now() - interval '1 hour', now() + interval '1 day',
                             interval '1 second');
  SELECT catalog.create_sku('BOOKS', 'books', 'hot', 'Books', 9.95, 'EUR', 1, 1000000000, 16);`;
const setPayWindow = (interval: string) =>
  `UPDATE catalog.sale SET pay_window = interval '${interval}' WHERE sale = 'books'`;

/** Runs `count` steps in LANES parallel loops. */
async function inLanes(count: number, step: (index: number) => Promise<unknown>): Promise<void> {
  const indexes = Array.from({ length: count }, (_, index) => index).values();
  const lane = async () => {
    for (const index of indexes) await step(index);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function place(pool: Pool, sku: string, orders: number): Promise<void> {
  const databases = Databases.ofOne(pool);
  await inLanes(Math.ceil(orders / BATCH_ORDERS), async (index) => {
    const size = Math.min(BATCH_ORDERS, orders - index * BATCH_ORDERS);
    const batch = Array.from({ length: size }, () => {
      const requestId = randomUUID();
      return { requestId, userId: `user-${requestId}`, units: 1, node: 'node-1' };
    });
    let rest = batch;
    for (let wait = false; rest.length > 0; wait = true) {
      const said = await placeOrders(databases, 'hot', sku, rest, { wait });
      rest = rest.filter((_, at) => said[at]?.status === 'locked');
    }
  });
}

/** Runs `text` for the orders $1 < order_no <= $2, in steps of STEP orders. */
async function forOrders(pool: Pool, sku: string, text: string): Promise<void> {
  const [row] = await pool.query<{ last: string }>({
    text: 'SELECT max(order_no) AS last FROM hot.orders WHERE sku = $1',
    values: [sku],
  });
  // Order numbers are even.
  const steps = Math.ceil(Number(row?.last ?? 0) / (2 * STEP));
  await inLanes(steps, (index) =>
    pool.query({ text, values: [index * 2 * STEP, (index + 1) * 2 * STEP] }),
  );
}

/** Unpaid orders whose number, halved and modulo 20, meets the condition. */
const some = (sku: string, condition: string) =>
  `FROM hot.orders o WHERE o.order_no > $1 AND o.order_no <= $2 AND o.sku = '${sku}'
     AND o.status = 'ordered' AND o.order_no / 2 % 20 ${condition}`;

async function until(pool: Pool, text: string, isDone: (rows: number) => boolean): Promise<void> {
  for (;;) {
    const [row] = await pool.query<{ rows: string }>({ text });
    if (isDone(Number(row?.rows ?? 0))) return;
  }
}

async function writeWaitlist(pool: Pool, orders: number): Promise<void> {
  const units = Math.max(20, Math.round(orders * WAITLIST_SHARE));
  await pool.query({
    text: `SELECT catalog.create_sku('WAITLIST', 'books', 'hot', 'Waitlist', 9.95, 'EUR', 1, ${units}, 4)`,
  });
  await place(pool, 'WAITLIST', units);
  await pool.query({
    text: `SELECT count(hot.join_waitlist('WAITLIST', 'waiter-' || n, 1))
           FROM generate_series(1, ${units}) AS n`,
  });
  await forOrders(
    pool,
    'WAITLIST',
    `SELECT count(hot.cancel_order(o.order_no, o.user_id)) ${some('WAITLIST', '< 10')}`,
  );
}

/** @param orders of the large SKU */
export async function writeBooks({ url, admin }: Stage, orders: number): Promise<void> {
  const timeouts = {
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: STATEMENT_TIMEOUT_MS,
  };
  const pool = createPool({ url, max: LANES, applicationName: 'bench books', ...timeouts });
  await admin.run(OPEN);
  // No process expires the unpaid orders here, so they are overdue when the audit runs.
  await admin.run(`SELECT catalog.set_tunable('overdue_alarm_ms', 86400000)`);
  await place(pool, 'BOOKS', Math.round(orders * 0.95));
  await forOrders(
    pool,
    'BOOKS',
    `SELECT count(hot.pay_order(o.order_no, 'paid-' || o.order_no)) ${some('BOOKS', '< 15')}`,
  );
  await forOrders(
    pool,
    'BOOKS',
    `SELECT count(hot.cancel_order(o.order_no, o.user_id)) ${some('BOOKS', '= 15')}`,
  );
  const expire = `SELECT coalesce(sum(orders), 0) AS rows FROM hot.expire_orders(${STEP})`;
  await until(pool, expire, (rows) => rows < STEP);
  await admin.run(setPayWindow('1 hour'));
  await place(pool, 'BOOKS', Math.round(orders * 0.05));
  await writeWaitlist(pool, orders);
  const publish = `SELECT coalesce(max(hot.outbox_done(e.nos)), 0) AS rows FROM (
    SELECT array_agg(DISTINCT b.event_no) AS nos FROM hot.outbox_batch('bench', ${STEP}) b) e`;
  await until(pool, publish, (rows) => rows === 0);
  await pool.close();
}
