import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { audit, cancelOrder, payOrder, placeOrders } from '../../db/calls.ts';
import { type Databases, openSession, type Session } from '../../db/client/pool.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { openSale, request, stock } from './shop.ts';

/** Damage that no routine does. The audit must find it and name the broken promise. */

let database: TestDatabase;
let session: Session;
let sku: string;

beforeAll(async () => {
  database = await createDatabase();
  const ops = database.as('ops');
  const worker: Databases = database.as('worker');
  const sale = await openSale(ops);
  sku = await stock(ops, sale, { units: 20, slots: 4, userLimit: 2 });
  const batch = [
    request({ userId: 'ann', units: 2 }),
    request({ userId: 'ben' }),
    request({ userId: 'cem' }),
    request({ userId: 'dua', units: 2 }),
  ];
  const said = await placeOrders(worker, 'hot', sku, batch);
  await payOrder(worker, said[0]?.orderNo ?? '', 'paid-by-ann');
  await payOrder(worker, said[0]?.orderNo ?? '', 'paid-by-ann-again');
  await cancelOrder(worker, said[1]?.orderNo ?? '', 'ben');
  expect(await audit(ops)).toEqual([]);
  session = await openSession(database.url, {
    applicationName: 'damage',
    ...PATIENCE,
  });
});
afterAll(async () => {
  await session.close();
  await database.remove();
});
afterEach(() => session.run('ROLLBACK'));

const OF_CEM = `user_id = 'cem'`;
const SECOND_OUTCOME = randomUUID();
/** More events of ann's second payment, which has to be given back. */
const told = (...kinds: string[]) =>
  `INSERT INTO hot.outbox (kind, sale, sku, order_nos, payment_ref)
  SELECT unnest('{${kinds}}'::text[]), o.sale, o.sku, ARRAY[o.order_no], 'paid-by-ann-again'
  FROM hot.orders o WHERE user_id = 'ann'`;

const DAMAGE: readonly [what: string, sql: string, promises: readonly string[]][] = [
  [
    'a unit put into a slot',
    'UPDATE hot.stock_slot SET remaining = remaining + 1 WHERE slot = 1',
    ['books', 'no_oversell'],
  ],
  [
    'a unit taken from a slot',
    'UPDATE hot.stock_slot SET remaining = remaining - 1 WHERE slot = 4',
    ['books', 'no_oversell'],
  ],
  [
    'units moved between slots',
    `UPDATE hot.stock_slot
    SET remaining = remaining + CASE slot WHEN 3 THEN 1 ELSE -1 END WHERE slot IN (3, 4)`,
    ['books'],
  ],
  [
    'a slot below 0',
    `ALTER TABLE hot.stock_slot DROP CONSTRAINT stock_slot_remaining_check;
    UPDATE hot.stock_slot SET remaining = -1 WHERE slot = 2`,
    ['books', 'no_oversell'],
  ],
  [
    'an order with more units',
    `UPDATE hot.orders SET units = units + 1 WHERE ${OF_CEM}`,
    ['books', 'no_oversell', 'one_outcome', 'user_limit'],
  ],
  [
    'an order deleted',
    `DELETE FROM hot.orders WHERE ${OF_CEM}`,
    ['books', 'no_oversell', 'one_event', 'one_outcome', 'user_limit'],
  ],
  [
    'a priced order that costs nothing and is paid',
    `UPDATE hot.orders SET amount = 0, status = 'paid' WHERE ${OF_CEM};
    INSERT INTO hot.outbox (kind, sale, sku, order_nos)
    SELECT 'paid', o.sale, o.sku, ARRAY[o.order_no] FROM hot.orders o WHERE ${OF_CEM}`,
    ['books'],
  ],
  [
    'events of a refund that never existed: made, and due again',
    told('refunded', 'refund_due'),
    ['one_event'],
  ],
  ['events of a refund in the wrong order', told('refund_due', 'refunded'), ['one_event']],
  [
    'an order cancelled without its units',
    `UPDATE hot.orders SET status = 'cancelled'
    WHERE ${OF_CEM}`,
    ['books', 'no_oversell', 'one_event', 'user_limit'],
  ],
  [
    'a cancelled order that is unpaid again',
    `UPDATE hot.orders SET status = 'ordered'
    WHERE user_id = 'ben'`,
    ['books', 'no_oversell', 'one_event', 'user_limit'],
  ],
  [
    'an order that costs nothing and waits for money',
    `UPDATE hot.orders SET amount = 0 WHERE ${OF_CEM}`,
    ['books'],
  ],
  [
    'a refund that becomes due without an event',
    `INSERT INTO hot.payment (payment_ref, sale, order_no, result)
    SELECT 'late', sale, order_no, 'refund_due' FROM hot.orders WHERE ${OF_CEM}`,
    ['one_event'],
  ],
  [
    'the event of a refund that was not made',
    `INSERT INTO hot.outbox (kind, sale, sku, order_nos, payment_ref)
    SELECT 'refunded', sale, sku, ARRAY[order_no], 'paid-by-ann' FROM hot.orders WHERE ${OF_CEM}`,
    ['one_event'],
  ],
  ['an outcome deleted', `DELETE FROM hot.outcome WHERE ${OF_CEM}`, ['one_outcome']],
  [
    'an outcome of another user',
    `UPDATE hot.outcome SET user_id = 'eve' WHERE ${OF_CEM}`,
    ['one_outcome'],
  ],
  [
    'one request ordered twice',
    `INSERT INTO hot.orders (order_no, sale, sku, request_id, user_id,
      units, amount, currency, pay_before)
    SELECT nextval('hot.order_no'), sale, sku, request_id, user_id, units, amount, currency,
      pay_before FROM hot.orders WHERE ${OF_CEM}`,
    ['books', 'no_oversell', 'one_event', 'one_outcome', 'user_limit'],
  ],
  [
    'one request decided in two sales',
    `SELECT catalog.create_sale('other', 'x', now(),
      now() + interval '1 h');
    INSERT INTO hot.outcome (request_id, sale, sku, user_id, node, status, units)
    SELECT request_id, 'other', sku, user_id, node, 'sold_out', 0
    FROM hot.outcome WHERE ${OF_CEM}`,
    ['one_outcome'],
  ],
  [
    'an outcome with an order that does not exist',
    `INSERT INTO hot.outcome (request_id, sale, sku, user_id,
      node, status, order_no, units)
    SELECT '${SECOND_OUTCOME}', sale, sku, 'eve', node, 'ordered', 4444, 1
    FROM hot.outcome WHERE ${OF_CEM}`,
    ['one_outcome'],
  ],
  [
    'a limit that was lowered below what users hold',
    'UPDATE catalog.sku SET user_limit = 1',
    ['user_limit'],
  ],
  [
    'terms that are not those of the catalogue',
    'UPDATE catalog.sku_terms SET price = price - 1',
    ['no_lie'],
  ],
  [
    'a buyer with too many units',
    `UPDATE hot.buyer SET units = units + 1 WHERE ${OF_CEM}`,
    ['user_limit'],
  ],
  ['a buyer deleted', `DELETE FROM hot.buyer WHERE ${OF_CEM}`, ['user_limit']],
  ['a movement deleted', `DELETE FROM hot.stock_movement WHERE kind = 'return'`, ['books']],
  [
    'a stock movement that did not happen',
    `INSERT INTO hot.stock_movement (sale, sku, slot, kind, units)
    SELECT sale, sku, 1, 'restock', 5 FROM catalog.sku`,
    ['books', 'no_oversell'],
  ],
  [
    'a change of slots that creates units',
    `INSERT INTO hot.stock_movement (sale, sku, slot, kind, units)
    SELECT sale, sku, 1, 'split', 5 FROM catalog.sku`,
    ['books'],
  ],
  ['a payment deleted', `DELETE FROM hot.payment WHERE result = 'paid'`, ['books']],
  [
    'a paid order that is unpaid again',
    `UPDATE hot.orders SET status = 'ordered'
    WHERE user_id = 'ann'`,
    ['books', 'one_event'],
  ],
  [
    'unpaid orders that nobody expires',
    `UPDATE hot.orders SET pay_before = now() - interval '1 h'
    WHERE ${OF_CEM}`,
    ['no_undersell'],
  ],
  [
    'an order from before the sale',
    `UPDATE catalog.sale SET opens_at = now() + interval '1 min'`,
    ['no_lie'],
  ],
  [
    'an order number of the other schema',
    `UPDATE hot.orders SET order_no = order_no + 1
    WHERE ${OF_CEM}; UPDATE hot.outcome SET order_no = order_no + 1 WHERE ${OF_CEM}`,
    ['no_lie', 'one_event'],
  ],
  ['an event deleted', `DELETE FROM hot.outbox WHERE kind = 'paid'`, ['one_event']],
  [
    'a claim of the waitlist that nobody had',
    `UPDATE hot.buyer SET claims = claims + 1 WHERE ${OF_CEM}`,
    ['line'],
  ],
  [
    'a duplicated event',
    `INSERT INTO hot.outbox (kind, sale, sku, order_nos)
    SELECT kind, sale, sku, order_nos FROM hot.outbox WHERE kind = 'cancelled'`,
    ['one_event'],
  ],
  [
    'a published event that still waits',
    `INSERT INTO hot.event (sale, event_no, kind, sku, order_nos, happened_at)
    SELECT sale, event_no, kind, sku, order_nos, happened_at FROM hot.outbox WHERE kind = 'paid'`,
    ['one_event'],
  ],
  [
    'an event with the number of another order, so that the counts are right',
    `UPDATE hot.outbox SET order_nos = order_nos[2:] || order_nos[2] WHERE kind = 'placed'`,
    ['one_event'],
  ],
  [
    'an event that did not happen',
    `INSERT INTO hot.outbox (kind, sale, sku, order_nos)
    SELECT 'expired', sale, sku, ARRAY[order_no] FROM hot.orders WHERE ${OF_CEM}`,
    ['one_event'],
  ],
];

describe('audit', () => {
  it.each(DAMAGE)('finds %s', async (_what, sql, promises) => {
    await session.run('BEGIN');
    await session.run(sql);
    const rows = await session.query<{ promise: string; remedy: string }>({
      text: 'SELECT promise, remedy FROM hot.audit()',
    });
    expect([...new Set(rows.map(({ promise }) => promise))].sort()).toEqual(promises);
    for (const { remedy } of rows) expect(remedy).not.toBe('');
  });
});

it('names the orders whose events are missing or duplicated, and counts them', async () => {
  await session.run('BEGIN');
  await session.run(`UPDATE hot.outbox SET order_nos = order_nos[3:] || order_nos[3:]
    WHERE kind = 'placed'`);
  const [first = '', second = '', ...rest] = (
    await session.query<{ order_no: string }>({
      text: 'SELECT order_no FROM hot.orders ORDER BY order_no',
    })
  ).map(({ order_no: no }) => no);
  const found = await session.query({
    text: `SELECT sku, detail, expected::int, actual::int, remedy FROM hot.audit() ORDER BY actual`,
  });
  expect(found).toEqual([
    {
      sku,
      detail: `events "placed" of orders ${first}, ${second}`,
      expected: 2,
      actual: 0,
      remedy: expect.stringContaining('insert kind, sale, sku and order_nos into hot.outbox'),
    },
    {
      sku,
      detail: `events "placed" of orders ${rest.join(', ')}`,
      expected: 2,
      actual: 4,
      remedy: expect.stringContaining('exists twice'),
    },
  ]);
});

it('expects no events of orders older than the event log, and both events of a late payment', async () => {
  await session.run('BEGIN');
  await session.run(`DELETE FROM hot.outbox WHERE kind = 'placed'; DELETE FROM hot.outbox
    WHERE kind = 'cancelled'; UPDATE hot.outbox_relay SET log_since = now()`);
  const rows = { text: 'SELECT detail FROM hot.audit()' };
  expect(await session.query(rows)).toEqual([]);
  await session.run(`ROLLBACK; BEGIN; INSERT INTO hot.outbox (kind, sale, sku, order_nos)
    SELECT 'expired', sale, sku, order_nos FROM hot.outbox WHERE kind = 'paid'`);
  expect(await session.query(rows)).toEqual([]);
});

it('shows how full the slots are and how many orders wait for payment', async () => {
  await session.run('BEGIN; SET LOCAL ROLE flashsale_readonly');
  const fill = await session.query({
    text: 'SELECT slot, free::int, slots::int FROM hot.slot_fill WHERE sku = $1 ORDER BY slot',
    values: [sku],
  });
  expect(fill).toEqual([1, 2, 3, 4].map((slot) => ({ slot, free: 15, slots: 4 })));
  const backlog = await session.query({
    text: `SELECT orders::int, units::int, overdue::int FROM hot.unpaid_backlog WHERE sku = $1`,
    values: [sku],
  });
  expect(backlog).toEqual([{ orders: 2, units: 3, overdue: 0 }]);
});
