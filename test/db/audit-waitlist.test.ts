import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { audit, cancelOrder, joinWaitlist, moveSku, payOrder } from '../../db/calls.ts';
import { openSession, type Session } from '../../db/client/pool.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { openSale, order, stock } from './shop.ts';

/**
 * Damage to the waitlist, to SKUs that have moved and to transfers between two servers. Some of it
 * exchanges values between rows and leaves every sum unchanged, so only the rows show it.
 */

let database: TestDatabase;
let session: Session;

beforeAll(async () => {
  database = await createDatabase();
  const ops = database.as('ops');
  const worker = database.as('worker');
  const sale = await openSale(ops);
  await stock(ops, sale, { sku: 'line', units: 4, slots: 1, userLimit: 3 });
  const first = await order(worker, 'line', { userId: 'ann', units: 1 });
  const second = await order(worker, 'line', { userId: 'ben', units: 2 });
  await payOrder(worker, second, 'paid-by-ben');
  await order(worker, 'line', { userId: 'cem', units: 1 });
  for (const userId of ['dua', 'eve', 'fay']) {
    const place = { sku: 'line', userId, units: 1 };
    expect(await joinWaitlist(database.as('web'), 'hot', place)).toBe('waiting');
  }
  expect(await cancelOrder(worker, first, 'ann')).toBe('cancelled');
  await stock(ops, sale, { sku: 'moved', schema: 'regular', units: 5, slots: 1 });
  await order(worker, 'moved', { userId: 'gus' }, 'regular');
  await moveSku(ops, 'hot', 'moved');
  await order(worker, 'moved', { userId: 'hal' });
  await stock(ops, sale, { sku: 'still', schema: 'regular', units: 5, slots: 1 });
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

const SERVED = `state = 'served'`;
const AS_SERVED = `(SELECT w.order_no FROM hot.waiting w WHERE w.${SERVED})`;
const NEXT = `(SELECT user_id FROM hot.waiting WHERE state = 'waiting' ORDER BY rank LIMIT 1)`;
const CROSSED = `INSERT INTO regular.transfer_mark (sku) VALUES ('line')`;

const DAMAGE: readonly [what: string, sql: string, found: readonly string[]][] = [
  [
    'a rank that is not that of the lottery',
    `UPDATE hot.waiting SET rank = (rank + 1) / 2 WHERE user_id = ${NEXT}`,
    ['line: the rank of user'],
  ],
  [
    'a shopper who was served before others whose turn it was',
    `UPDATE hot.waiting SET claims = 1 WHERE ${SERVED}`,
    ['line: user ? was served before user'],
  ],
  [
    'a place that was served with an order of another user',
    `UPDATE hot.waiting SET order_no = 4444 WHERE ${SERVED}`,
    ['line: user ? was served with order'],
  ],
  [
    'two places that were served with one order',
    `UPDATE hot.waiting SET state = 'served', ended_at = now(), order_no = ${AS_SERVED}
     WHERE user_id = ${NEXT}`,
    [
      'line: claims of user ?',
      'line: order ? was made for one entry',
      'line: orders made for shoppers who waited',
      'line: user ? was served with order',
    ],
  ],
  [
    'a place that was deleted',
    `DELETE FROM hot.waiting WHERE ${SERVED}`,
    ['line: claims of user ?', 'line: orders made for shoppers who waited'],
  ],
  [
    'a move that does not arrive',
    `INSERT INTO regular.stock_movement (sale, sku, slot, kind, units)
     SELECT sale, sku, 1, 'move', -2 FROM catalog.sku WHERE sku = 'moved'`,
    ['books: moves of both schemas'],
  ],
  [
    'a move that arrives from nowhere',
    `INSERT INTO hot.stock_movement (sale, sku, slot, kind, units)
     SELECT sale, sku, 1, 'move', 2 FROM catalog.sku WHERE sku = 'moved'`,
    ['books: movements of slot', 'books: moves of both schemas', 'no_oversell: units loaded'],
  ],
  [
    'units in a schema that is not the home of the SKU',
    `INSERT INTO hot.stock_slot VALUES ('still', 1, 2)`,
    ['books: movements of slot', 'no_oversell: units loaded', 'no_undersell: units in slots'],
  ],
  [
    'one request that was ordered in both schemas',
    `INSERT INTO regular.orders SELECT * FROM hot.orders WHERE user_id = 'hal'`,
    [
      'one_outcome: order ? and order',
      'user_limit: units of user',
      'user_limit: units that buyer has',
    ],
  ],
  [
    'an order of the other schema that the buyer does not know of',
    `DELETE FROM hot.buyer WHERE user_id = 'gus'`,
    ['user_limit: units that buyer has'],
  ],
  [
    'a transfer that nobody carries',
    `INSERT INTO regular.transfer (sku, transfer_no, sale, kind, units, units_total, body, sent_at)
     SELECT sku, 1, sale, 'units', 1, 1, '{}', now() - interval '1 h' FROM catalog.sku
     WHERE sku = 'line'`,
    ['no_undersell: a transfer to the other server'],
  ],
  [
    'one request that was decided on both servers',
    `${CROSSED}; INSERT INTO regular.outcome SELECT * FROM hot.outcome WHERE user_id = 'cem'`,
    ['one_outcome: request ? was decided in both'],
  ],
  [
    'a user beyond the limit with the orders of both servers',
    `${CROSSED}; UPDATE hot.buyer SET units = 9 WHERE user_id = 'cem'`,
    ['user_limit: units of user'],
  ],
  [
    'two users whose units were exchanged',
    `UPDATE hot.buyer SET units = 3 - units WHERE user_id IN ('ben', 'cem')`,
    ['user_limit: units that buyer has'],
  ],
  [
    'two orders whose users were exchanged',
    `UPDATE hot.orders SET user_id = CASE user_id WHEN 'ben' THEN 'cem' ELSE 'ben' END
     WHERE user_id IN ('ben', 'cem')`,
    ['one_outcome: order ? and the outcome', 'user_limit: units that buyer has'],
  ],
  [
    'a payment that was booked for another order',
    `UPDATE hot.payment SET order_no = (SELECT order_no FROM hot.orders WHERE user_id = 'cem')`,
    ['books: payment', 'books: payments of paid order'],
  ],
];

/** The promise, and the part of the detail that is the same for every order and user. */
async function findings(): Promise<string[]> {
  const rows = await session.query<{ promise: string; detail: string }>({
    text: 'SELECT promise, detail FROM hot.audit()',
  });
  return rows.map(({ promise, detail }) => `${promise}: ${detail}`).sort();
}

const matches = (found: string, wanted: string) => {
  const [head = '', ...rest] = wanted.split('?').map((part) => part.trim());
  return found.startsWith(head) && rest.every((part) => found.includes(part));
};

describe('audit', () => {
  it.each(DAMAGE)('finds %s', async (_what, sql, wanted) => {
    await session.run('BEGIN');
    await session.run(sql);
    const found = await findings();
    for (const line of wanted) expect(found).toSatisfy(() => found.some((f) => matches(f, line)));
    const others = found.filter((line) => !wanted.some((words) => matches(line, words)));
    expect(others).toEqual([]);
  });
});

it('reports nothing when a shopper had to be passed over, came later, or had left', async () => {
  const worse = `UPDATE hot.waiting SET claims = 1 WHERE ${SERVED}`;
  const others = `UPDATE hot.waiting w SET`;
  const moment = `(SELECT e.ended_at FROM hot.waiting e WHERE e.${SERVED})`;
  for (const excuse of [`passed_over_at = ${moment}`, `asked_at = ${moment}`]) {
    await session.run(`BEGIN; ${worse}; ${others} ${excuse} WHERE w.state = 'waiting'`);
    expect(await findings()).toEqual([]);
    await session.run('ROLLBACK');
  }
  await session.run(`BEGIN; ${worse}; ${others} state = 'limit_reached', ended_at = ${moment}
                     WHERE w.state = 'waiting'`);
  expect(await findings()).toEqual([]);
});
