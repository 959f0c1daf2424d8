import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cloudEvent } from '../../contracts/events.ts';
import { DAILY_UNITS, dayIn } from '../../contracts/goods.ts';
import { audit, moveSku, outboxBatch, placeOrders, restock } from '../../db/calls.ts';
import { type Databases, openSession, type Session } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { openSale, request, stock } from './shop.ts';

/** Daily goods: each user gets one unit for each day of the SKU's calendar, and streaks are true. */

/** The day that is furthest ahead of that of the database server's own zone. */
const ZONE = 'Pacific/Kiritimati';

let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let session: Session;
let sale: string;
let sku: string;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker', 16);
  ops = database.as('ops');
  sale = await openSale(ops);
  sku = await daily();
  session = await openSession(database.url, { applicationName: 'damage', ...PATIENCE });
});
afterAll(async () => {
  await session.close();
  await database.remove();
});

const daily = () => stock(ops, sale, { zone: ZONE, price: '0', units: DAILY_UNITS, slots: 8 });

/** Today, or a day before it, by the calendar of the SKU. */
function day(before = 0): string {
  const today = Date.parse(dayIn(ZONE, new Date()));
  return new Date(today - before * 86_400_000).toISOString().slice(0, 10);
}

/** Lets a day pass: everything that was written is a day older. */
async function aDayLater(of = sku): Promise<void> {
  for (const [table, column] of [
    ['buyer', 'last_day'],
    ['orders', 'day'],
  ]) {
    await database.admin.query({
      text: `UPDATE hot.${table} SET ${column} = ${column} - 1 WHERE sku = $1`,
      values: [of],
    });
  }
}

/** The answer to a request of the user. @param before days before today on which the user pressed */
async function press(userId: string, before = 0, of = sku): Promise<string> {
  const [decision] = await placeOrders(worker, 'hot', of, [request({ userId, day: day(before) })]);
  return decision?.status ?? '';
}

const daysOf = (userId: string, of = sku) =>
  database.admin.query<{ streak: number }>({
    text: `SELECT last_day::text AS last, streak FROM hot.days_of($1, $2)`,
    values: [of, userId],
  });

it('a user gets one unit a day, and a streak for days in a row', async () => {
  expect([await press('ann'), await press('ann')]).toEqual(['ordered', 'limit_reached']);
  await aDayLater();
  expect([await press('ann'), await press('ann')]).toEqual(['ordered', 'limit_reached']);
  expect(await daysOf('ann')).toEqual([{ last: day(), streak: 2 }]);
  await aDayLater();
  await aDayLater();
  expect(await press('ann')).toBe('ordered');
  expect(await daysOf('ann')).toEqual([{ last: day(), streak: 1 }]);
  expect(await daysOf('nobody')).toEqual([]);
  expect(await audit(ops)).toEqual([]);
});

it('a request that waited over midnight is for its own day; no other day is believed', async () => {
  expect([await press('bea', 1), await press('bea')]).toEqual(['ordered', 'ordered']);
  expect(await daysOf('bea')).toEqual([{ last: day(), streak: 2 }]);
  // The day before is over for somebody who has today.
  expect(await press('bea', 1)).toBe('limit_reached');
  expect([await press('cyd', -2), await press('dan', 7)]).toEqual(['ordered', 'ordered']);
  for (const user of ['cyd', 'dan']) {
    expect(await daysOf(user)).toEqual([{ last: day(), streak: 1 }]);
  }
  // Without a day, as an older web node sends it.
  const [decision] = await placeOrders(worker, 'hot', sku, [request({ userId: 'eve' })]);
  expect(decision?.status).toBe('ordered');
  expect(await daysOf('eve')).toEqual([{ last: day(), streak: 1 }]);
});

it('the same request again has the same answer, and the id of another user is refused', async () => {
  const first = request({ userId: 'fay', day: day() });
  const [one] = await placeOrders(worker, 'hot', sku, [first]);
  const [again, stolen] = await placeOrders(worker, 'hot', sku, [
    first,
    { ...first, userId: 'gil' },
  ]);
  expect(again).toEqual(one);
  expect(stolen).toMatchObject({ status: 'rejected', reason: 'request_id_taken' });
  const twice = request({ userId: 'hal', day: day() });
  const both = await placeOrders(worker, 'hot', sku, [twice, twice]);
  expect(both[0]).toMatchObject({ status: 'ordered', units: 1 });
  expect(both[1]).toEqual(both[0]);
});

it('many sessions at once give each user one unit a day', async () => {
  const of = await daily();
  const users = Array.from({ length: 20 }, (_, n) => `user-${n}`);
  const said = await Promise.all(
    Array.from({ length: 16 }, async (_, n) => {
      const batch = users
        .flatMap((userId) => [1, 0].map((before) => request({ userId, day: day(before) })))
        .sort(() => 0.5 - Math.random());
      return (await placeOrders(worker, 'hot', of, n % 4 === 0 ? batch.slice(0, 1) : batch)).map(
        ({ status }, at) => `${status} ${batch[at]?.userId}`,
      );
    }),
  );
  for (const user of users) {
    const ordered = said.flat().filter((one) => one === `ordered ${user}`).length;
    const [row] = await daysOf(user, of);
    // Somebody whose press of today came first has no unit of yesterday any more.
    expect({ user, ordered }).toEqual({ user, ordered: row?.streak });
  }
  expect(await audit(ops)).toEqual([]);
});

it('a daily SKU stays in its home, and its stock is not added to', async () => {
  await expect(moveSku(ops, 'regular', sku)).rejects.toMatchObject({ sqlstate: 'FS004' });
  await expect(restock(ops, 'hot', sku, 5)).rejects.toMatchObject({ sqlstate: 'FS004' });
});

it.each([
  [{ zone: ZONE, userLimit: 2 }, '23514'],
  [{ zone: ZONE, price: '1.00' }, '23514'],
  [{ zone: 'Mars/Olympus' }, '22023'],
  [{ zone: 'CET' }, 'FS001'],
] as const)(
  'daily goods that cannot be are refused, and leave no SKU: %j',
  async (terms, sqlstate) => {
    const name = uniqueName('sku');
    const made = stock(ops, sale, { sku: name, price: '0', units: DAILY_UNITS, ...terms });
    await expect(made).rejects.toMatchObject({ sqlstate });
    const text = 'SELECT FROM catalog.sku WHERE sku = $1';
    expect(await database.admin.query({ text, values: [name] })).toEqual([]);
  },
);

it('a SKU that somebody has bought does not become daily, and a zone stays', async () => {
  const counted = await stock(ops, sale, { price: '0', units: 5 });
  await placeOrders(worker, 'hot', counted, [request()]);
  for (const [name, zone] of [
    [counted, ZONE],
    [sku, 'UTC'],
  ]) {
    const text = 'SELECT catalog.make_daily($1, $2)';
    await expect(ops.regular.query({ text, values: [name, zone] })).rejects.toMatchObject({
      sqlstate: 'FS003',
    });
  }
});

it('events have the day of the press, and the streak', async () => {
  const of = await daily();
  await press('gus', 1, of);
  await press('gus', 0, of);
  const events = await outboxBatch(worker, 'hot', 'test', 10_000);
  const told = events.filter((event) => event.sku === of && event.kind === 'paid');
  expect(told.map((event) => cloudEvent('hot', event).data)).toMatchObject([
    { userId: 'gus', day: day(1), streak: 1 },
    { userId: 'gus', day: day(), streak: 2 },
  ]);
});

describe('the audit finds', () => {
  afterEach(() => session.run('ROLLBACK'));
  it.each([
    [
      'two orders of a user and day',
      `UPDATE hot.orders SET day = day + 1 WHERE user_id = 'ann' AND streak = 1 AND day < '$day'`,
    ],
    [
      'an order without its day',
      'UPDATE hot.orders SET day = NULL, streak = NULL WHERE day IS NOT NULL',
    ],
    ['a streak that is too long', `UPDATE hot.orders SET streak = 3 WHERE user_id = 'eve'`],
    ['a last day that is not that of the orders', 'UPDATE hot.buyer SET last_day = last_day - 1'],
    [
      'a streak of a user that is not that of the orders',
      'UPDATE hot.buyer SET streak = 9 WHERE last_day IS NOT NULL',
    ],
  ])('%s', async (_what, sql) => {
    await session.run('BEGIN');
    await session.run(sql.replace('$day', day()));
    const found = await session.query<{ promise: string }>({
      text: 'SELECT promise FROM hot.day_books()',
    });
    expect(found).not.toEqual([]);
    const all = await session.query({ text: 'SELECT * FROM hot.audit()' });
    expect(all.length).toBeGreaterThanOrEqual(found.length);
  });
});
