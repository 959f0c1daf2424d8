import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  audit,
  cancelOrder,
  expireOrders,
  moveSku,
  orderDetails,
  payOrder,
  placeOrders,
  refundOrder,
  restock,
} from '../../db/calls.ts';
import { createPool, type Databases, type Pool } from '../../db/client/pool.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { acceptHistory, beat, isAccepted, skipNumbers } from '../../db/restore.ts';
import { told } from '../../ops/commands/after-restore.ts';
import { afterRestore, type RestorePlace } from '../../ops/restore/after-restore.ts';
import type { TestDatabase } from './database.ts';
import { Killed, mortal } from './mortal.ts';
import {
  carryAll,
  copyOf,
  heldUnits,
  homeOf,
  openFor,
  openHomes,
  removeCopies,
} from './set-back.ts';
import { openSale, order, request, stock } from './shop.ts';
import { freshDatabase } from './three-homes.ts';

/**
 * A home that is set back, and `after-restore`. A copy of its database, made at that time, takes its place, so the
 * timeline stays and only the beats tell. test/cluster/backup.test.ts does it with pgBackRest.
 */

let sides: readonly [TestDatabase, TestDatabase];

beforeAll(async () => {
  sides = [await freshDatabase(), await freshDatabase()];
  const [regular, hot] = sides;
  await prepareHomes(new Map(Object.entries({ regular: regular.url, hot: hot.url })));
});
afterAll(async () => {
  for (const side of sides) await side.remove();
  await removeCopies();
});

function placeOf(
  databases: Databases,
  lastBeat: string | undefined,
  copies: RestorePlace['copies'] = new Map(),
): RestorePlace {
  return { databases, lastBeat: async () => lastBeat, copies };
}

it('a unit that two homes have sold keeps the shop closed until there is one more', async () => {
  const [regular, hot] = sides;
  const before = openHomes(regular.url, hot.url);
  const sale = await openSale(before);
  const sku = await stock(before, sale, { units: 1, schema: 'regular' });
  const first = await order(before, sku, { userId: 'first' }, 'regular');
  await moveSku(before, 'hot', sku);
  const early = await beat(before, 'regular', undefined);
  const back = await copyOf(regular.url);

  // The lost time: the unit comes back and the hot home sells it.
  expect(await cancelOrder(before, first, 'first')).toBe('cancelled');
  await carryAll(before);
  await order(before, sku, { userId: 'second' }, 'hot');
  const known = await beat(before, 'regular', early);
  expect(await audit(before)).toEqual([]);

  const after = openHomes(back, hot.url);
  expect(await isAccepted(after, 'regular')).toBe(true);
  expect(await beat(after, 'regular', known)).toBeUndefined();
  expect(await isAccepted(after, 'regular')).toBe(false);
  const shut = createPool({ url: back, max: 1, applicationName: 'test', onlyAccepted: true });
  await expect(shut.query({ text: 'SELECT' })).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(shut.ping()).rejects.toMatchObject({ kind: 'unavailable', sqlstate: undefined });
  // The number of a new transfer may belong to a lost one.
  await expect(cancelOrder(after, first, 'first')).rejects.toMatchObject({ sqlstate: 'FS004' });
  await expect(acceptHistory(after, 'regular', known)).rejects.toMatchObject({ sqlstate: 'FS004' });

  const place = placeOf(openHomes(back, hot.url, 'ops'), known);
  // A copy that cannot have what was lost: of another home, or of the time to which this one was set back.
  const wrong = { hot: 'no copy is of regular', 'hot-7': 'no home hot-7', regular: 'ends at' };
  for (const [home, why] of Object.entries(wrong)) {
    const copies = new Map([[home, after.regular]]);
    await expect(afterRestore({ ...place, copies }, true)).rejects.toThrow(why);
  }
  const short = { isAccepted: false, missing: [{ sku, home: 'hot', units: 1 }] };
  expect(await afterRestore(place)).toMatchObject(short);
  expect(await beat(after, 'regular', known)).toBeUndefined();
  await restock(after, 'hot', sku, 1);
  const undone = { sku, from: 'regular', to: 'hot', what: 'undone' };
  // Two operators at once: the second one waits, and finds a shop that sells.
  const both = await Promise.all([afterRestore(place), afterRestore(place)]);
  const [did, found] = both.sort((one, other) => other.homes.length - one.homes.length);
  expect(did).toMatchObject({ isAccepted: true, aligned: [undone] });
  expect(found).toMatchObject({ homes: [], aligned: [] });
  expect(await isAccepted(after, 'regular')).toBe(true);
  await shut.query({ text: 'SELECT' });
  await shut.close();
  const next = await beat(after, 'regular', known);
  expect(Number(next?.split(' ')[1])).toBeGreaterThan(Number(known?.split(' ')[1]));

  // From here on all is as if the cancellation had not happened.
  expect(await cancelOrder(after, first, 'first')).toBe('cancelled');
  await carryAll(after);
  await order(after, sku, { userId: 'third' }, 'hot');
  expect(await audit(after)).toEqual([]);
  sides = [{ ...regular, url: back }, hot];
});

it('a hot home gets again what it lost, and numbers are never given out twice', async () => {
  const [regular, hot] = sides;
  const before = openHomes(regular.url, hot.url);
  const sale = await openSale(before);
  const sku = await stock(before, sale, { units: 3, schema: 'regular' });
  const returning = await order(before, sku, { userId: 'returns' }, 'regular');
  await moveSku(before, 'hot', sku);
  const kept = await order(before, sku, { userId: 'kept' }, 'hot');
  const early = await beat(before, 'hot', undefined);
  const back = await copyOf(hot.url);

  await cancelOrder(before, returning, 'returns');
  await carryAll(before);
  const lost = await order(before, sku, { userId: 'loses' }, 'hot');
  expect(await payOrder(before, lost, 'payment-of-lost')).toBe('paid');
  const known = await beat(before, 'hot', early);

  const after = openHomes(regular.url, back);
  expect(await beat(after, 'hot', known)).toBeUndefined();
  const resent = { sku, from: 'regular', to: 'hot', what: 'resent' };
  expect(await afterRestore(placeOf(openHomes(regular.url, back, 'ops'), known))).toMatchObject({
    isAccepted: true,
    homes: [{ home: 'hot' }],
    aligned: [resent],
  });
  await carryAll(after);
  const [one, other] = [
    await order(after, sku, { userId: 'loses' }, 'hot'),
    await order(after, sku, { userId: 'new' }, 'hot'),
  ];
  expect(Math.min(Number(one), Number(other))).toBeGreaterThan(
    Math.max(Number(lost), Number(kept)),
  );
  await expect(order(after, sku, {}, 'hot')).rejects.toThrow('not ordered');
  expect(await audit(after)).toEqual([]);
  // For an accepted database it moves nothing that is in use: the time of the last beat is all.
  expect(await skipNumbers(after, 'hot', true)).toBeInstanceOf(Date);
});

it('work that nobody could do while the shop was closed does not keep it closed', async () => {
  const [regular, hot] = sides;
  const before = openHomes(regular.url, hot.url);
  const sale = await openSale(before);
  const stays = await stock(before, sale, { units: 1, schema: 'regular' });
  const comes = await stock(before, sale, { units: 1, schema: 'hot' });
  await order(before, stays, {}, 'regular');
  const early = await beat(before, 'regular', undefined);
  const back = await copyOf(regular.url);
  await moveSku(before, 'regular', comes);
  const known = await beat(before, 'regular', early);

  // The restore takes hours.
  const after = openHomes(back, hot.url);
  expect(await beat(after, 'regular', known)).toBeUndefined();
  await after.regular.query({
    text: "UPDATE regular.orders SET pay_before = now() - interval '1 h' WHERE sku = $1",
    values: [stays],
  });
  await after.home('hot').query({
    text: "UPDATE regular.transfer SET sent_at = now() - interval '1 h' WHERE sku = $1",
    values: [comes],
  });
  const result = await afterRestore(placeOf(after, known));
  expect(result).toMatchObject({
    isAccepted: true,
    broken: [],
    waiting: [
      { schema: 'regular', sku: stays, promise: 'no_undersell' },
      { schema: 'hot', sku: comes, promise: 'no_undersell' },
    ],
  });
  expect(told(result, false)).toContain(`a transfer to the other server has waited`);
  await carryAll(after);
  await expireOrders(after, 'regular', 10);
  expect(await audit(after)).toEqual([]);
  await order(after, stays, {}, 'regular');
  await order(after, comes, {}, 'regular');
  sides = [{ ...regular, url: back }, hot];
});

it('a shop with one server sells again after it was set back', async () => {
  const database = await freshDatabase();
  const before = openHomes(database.url, database.url);
  const sale = await openSale(before);
  const moves = await stock(before, sale, { units: 2, schema: 'regular' });
  const stays = await stock(before, sale, { units: 2, schema: 'hot' });
  const kept = await order(before, stays, {}, 'hot');
  const early = await beat(before, 'regular', undefined);
  const back = await copyOf(database.url);

  expect(await payOrder(before, kept, 'paid-on-the-only-server')).toBe('paid');
  const lost = [await order(before, moves, {}, 'regular'), await order(before, stays, {}, 'hot')];
  await moveSku(before, 'hot', moves);
  lost.push(await order(before, moves, {}, 'hot'));
  const known = await beat(before, 'regular', early);
  const end = openFor(await copyOf(database.url), 2);

  const after = openHomes(back, back);
  expect(await beat(after, 'regular', known)).toBeUndefined();
  const result = await afterRestore(placeOf(after, known, new Map([['', end]])));
  expect(result).toMatchObject({ isAccepted: true, aligned: [], missing: [], broken: [] });
  expect(result.homes.flatMap(({ paidAgain }) => paidAgain)).toEqual([kept]);
  const named = result.homes.flatMap((home) => home.lost?.orders ?? []);
  expect(named.map(({ orderNo }) => orderNo).sort()).toEqual(lost.toSorted());
  const next = [
    ...(await Promise.all([1, 2].map(() => order(after, moves, {}, 'regular')))),
    await order(after, stays, {}, 'hot'),
  ];
  expect(next.filter((orderNo) => lost.includes(orderNo))).toEqual([]);
  expect(await audit(after)).toEqual([]);
  await database.remove();
});

it.each(['regular', 'hot'] as const)(
  'both servers are set back, %s to an earlier time',
  async (earlier) => {
    const [regular, hot] = sides;
    const before = openHomes(regular.url, hot.url);
    const sale = await openSale(before);
    const goes = await stock(before, sale, { units: 3, schema: 'regular' });
    const comes = await stock(before, sale, { units: 3, schema: 'hot' });
    const first = await order(before, goes, { userId: 'first' }, 'regular');
    await order(before, comes, { userId: 'first' }, 'hot');
    const beats = new Map<string, string | undefined>();
    const beatAll = async () => {
      for (const home of ['regular', 'hot']) {
        beats.set(home, await beat(before, home, beats.get(home)));
      }
    };
    await beatAll();
    const urls = { regular: regular.url, hot: hot.url };
    const back = { ...urls, [earlier]: await copyOf(urls[earlier]) };
    // The other server is set back to after this.
    await moveSku(before, 'hot', goes);
    await moveSku(before, 'regular', comes);
    await order(before, goes, { userId: 'second' }, 'hot');
    await order(before, comes, { userId: 'second' }, 'regular');
    await cancelOrder(before, first, 'first');
    await carryAll(before);
    await beatAll();
    const later = earlier === 'hot' ? 'regular' : 'hot';
    back[later] = await copyOf(urls[later]);
    await order(before, goes, { userId: 'third' }, 'hot');
    await order(before, comes, { userId: 'third' }, 'regular');
    await carryAll(before);
    await beatAll();

    const after = openHomes(back.regular, back.hot);
    for (const home of ['regular', 'hot']) {
      expect(await beat(after, home, beats.get(home))).toBeUndefined();
    }
    const lastBeat = async (home: string) => beats.get(home);
    const result = await afterRestore({ databases: after, lastBeat, copies: new Map() });
    expect(result).toMatchObject({ isAccepted: true, missing: [], broken: [] });
    expect(result.homes.map(({ home }) => home)).toEqual(['regular', 'hot']);
    await carryAll(after);
    expect(await audit(after)).toEqual([]);
    // Each unit is sold once.
    for (const sku of [goes, comes]) {
      const home = (await homeOf(after, sku)) ?? '';
      for (let left = 3 - (await heldUnits(after, sku)); left > 0; left -= 1) {
        await order(after, sku, {}, home);
      }
      await expect(order(after, sku, {}, home)).rejects.toThrow('not ordered');
      expect(await heldUnits(after, sku)).toBe(3);
    }
    expect(await audit(after)).toEqual([]);
    sides = [
      { ...regular, url: back.regular },
      { ...hot, url: back.hot },
    ];
  },
);

it('a SKU that moved away and back in the lost time asks for another time', async () => {
  const [regular, hot] = sides;
  const before = openHomes(regular.url, hot.url);
  const sale = await openSale(before);
  const sku = await stock(before, sale, { units: 2, schema: 'regular' });
  const early = await beat(before, 'regular', undefined);
  const back = await copyOf(regular.url);
  await moveSku(before, 'hot', sku);
  const between = await copyOf(regular.url);
  await moveSku(before, 'regular', sku);
  const known = await beat(before, 'regular', early);

  const after = openHomes(back, hot.url);
  expect(await beat(after, 'regular', known)).toBeUndefined();
  const books = await booksOf(after.regular);
  const result = await afterRestore(placeOf(after, known));
  expect(result).toMatchObject({
    isAccepted: false,
    movedTwice: [{ sku, home: 'regular', restoreTo: expect.any(Date) }],
  });
  const time = result.movedTwice[0]?.restoreTo.toISOString();
  expect(told(result, false)).toContain(
    `${sku} moved more than once in the lost time: restore regular to ${time} or later`,
  );
  expect(await booksOf(after.regular)).toEqual(books);

  // Restored to between the two moves, the server has lost one.
  const again = openHomes(between, hot.url);
  expect(await beat(again, 'regular', known)).toBeUndefined();
  expect(await afterRestore(placeOf(again, known))).toMatchObject({
    isAccepted: true,
    movedTwice: [],
  });
  await carryAll(again);
  await order(again, sku, {}, 'regular');
  expect(await audit(again)).toEqual([]);
  sides = [{ ...regular, url: between }, hot];
});

/** The routines by which after-restore changes something. */
const CHANGES =
  /skip_numbers|forget_copies|_transfers\(\$1, \$2|claim_reference|pay_order|refuse_payment|refuse_requests|set_buyers|accept_history/;

/** What a server knows, without times. */
async function booksOf(server: Pool) {
  const tables = ['regular', 'hot'].flatMap((schema) => [
    `SELECT order_no, status, units FROM ${schema}.orders`,
    `SELECT request_id, status, reason, order_no FROM ${schema}.outcome`,
    `SELECT payment_ref, order_no, result FROM ${schema}.payment`,
    `SELECT sku, sum(remaining) FROM ${schema}.stock_slot GROUP BY 1`,
    `SELECT sku, kind, sum(units) FROM ${schema}.stock_movement GROUP BY 1, 2`,
    `SELECT sku, user_id, units FROM ${schema}.buyer`,
    `SELECT sku, hot_home, sent, units_sent, applied, units_applied FROM ${schema}.transfer_mark`,
    `SELECT sku, hot_home, transfer_no, units, done_at IS NULL FROM ${schema}.transfer`,
  ]);
  tables.push('SELECT payment_ref, order_no FROM catalog.payment_reference');
  tables.push('SELECT sku, schema, abroad, moves FROM catalog.sku');
  const books: string[][] = [];
  for (const text of tables) {
    const rows = await server.query<{ row: string }>({
      text: `SELECT t::text AS row FROM (${text}) t ORDER BY 1`,
    });
    books.push(rows.map(({ row }) => row));
  }
  return books;
}

it('killed after any of its steps and called again, it ends as if it had not been', async () => {
  const [regular, hot] = sides;
  const before = openHomes(regular.url, hot.url);
  const sale = await openSale(before);
  const stay = await stock(before, sale, { units: 5, schema: 'regular' });
  const goes = await stock(before, sale, { units: 5, schema: 'regular' });
  const comes = await stock(before, sale, { units: 5, schema: 'hot' });
  const gone = await stock(before, sale, { units: 5, schema: 'regular' });
  const paidLater = await order(before, stay, {}, 'regular');
  const regretted = await order(before, stay, {}, 'regular');
  const cancelled = await order(before, gone, { userId: 'cancels' }, 'regular');
  await moveSku(before, 'hot', gone);
  const paidThere = await order(before, comes, {}, 'hot');
  const early = await beat(before, 'regular', undefined);
  const back = await copyOf(regular.url);

  const lost = request();
  await placeOrders(before, 'regular', stay, [lost]);
  expect(await payOrder(before, paidLater, 'paid-in-the-lost-time')).toBe('paid');
  expect(await payOrder(before, paidThere, 'paid-elsewhere')).toBe('paid');
  // The clock of the other server is behind.
  await before.home('hot').query({
    text: `UPDATE hot.orders SET changed_at = changed_at - interval '30 s' WHERE order_no = $1`,
    values: [paidThere],
  });
  expect(await payOrder(before, regretted, 'paid-and-given-back')).toBe('paid');
  await refundOrder(before, regretted, { by: 'meg@shop', reason: 'the shopper asked for it' });
  await cancelOrder(before, cancelled, 'cancels');
  await carryAll(before);
  await moveSku(before, 'hot', goes);
  await moveSku(before, 'regular', comes);
  const known = await beat(before, 'regular', early);
  const end = openFor(await copyOf(regular.url), 2);

  // Two shops with the same past: one command is left alone, the other one dies after each change that it makes.
  const twin = [await copyOf(back), await copyOf(hot.url)] as const;
  const [one, other] = [openHomes(back, hot.url), openHomes(...twin)];
  for (const after of [one, other]) expect(await beat(after, 'regular', known)).toBeUndefined();
  const copies = new Map([['regular', end]]);
  // The command has the rights of operators alone.
  const [byOps, twinByOps] = [openHomes(back, hot.url, 'ops'), openHomes(...twin, 'ops')];
  const result = await afterRestore(placeOf(byOps, known, copies));
  expect(result).toMatchObject({
    isAccepted: true,
    homes: [
      { home: 'regular', paidAgain: [paidLater], lost: { orders: [{ userId: lost.userId }] } },
    ],
  });
  expect(await payOrder(one, paidLater, 'paid-elsewhere')).toBe('reference_taken');
  // The shop has ended this order, and its money goes back: it must not pay the order again.
  expect(await orderDetails(one, regretted)).toMatchObject({
    status: 'ordered',
    refund: { status: 'due', amount: '9.95' },
  });
  // It says what it cannot see.
  const said = told(result, false);
  expect(said).toContain('payments reconcile SALE');
  expect(said).toContain(
    `flashsale orders cancel ${regretted} --reason 'ended before the restore'`,
  );
  expect(said).toContain('dead-letters list');
  expect(said).toContain('sale apply FILE');
  expect(said).toMatch(/the shop sells again$/);
  expect(new Set(result.aligned.map(({ what }) => what))).toEqual(
    new Set(['adopted', 'resent', 'undone']),
  );

  // Each call dies after the first change that no call before has made.
  const made = new Set<string>();
  const isNew = ({ text, values }: { readonly text: string; readonly values?: unknown }) => {
    const change = `${text} ${JSON.stringify(values)}`;
    return CHANGES.test(text) && made.size < made.add(change).size;
  };
  const call = () =>
    afterRestore(placeOf(mortal(twinByOps, 1, true, isNew), known, copies)).catch(
      (error: unknown) => {
        if (!(error instanceof Killed)) throw error;
      },
    );
  let deaths = 0;
  while ((await call()) === undefined) deaths += 1;
  expect(deaths).toBeGreaterThan(10);
  expect(await isAccepted(other, 'regular')).toBe(true);
  for (const [home, first] of [
    ['regular', one.regular],
    ['hot', one.home('hot')],
  ] as const) {
    expect(await booksOf(other.home(home))).toEqual(await booksOf(first));
  }
  expect(await audit(other)).toEqual([]);
  sides = [{ ...regular, url: back }, hot];
});
