import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Seats, type Singles, unitsOf } from '../../contracts/seats.ts';
import {
  type AdmittedRequest,
  audit,
  cancelOrder,
  type Decision,
  placeOrders,
  requestOutcomes,
} from '../../db/calls.ts';
import { type Databases, openSession, type Session } from '../../db/client/pool.ts';
import { unitMap } from '../../db/sections.ts';
import { layoutOf, leavesSingle } from '../../server/public/js/plan-layout.js';
import fc from '../properties.ts';
import { uniqueName } from '../servers.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { decideAll, openSale, request, stock } from './shop.ts';

/** Units that shoppers have chosen on a plan: each request gets those that it names, or none. */

let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let session: Session;
let sale: string;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker', 32);
  ops = database.as('ops');
  sale = await openSale(ops);
  session = await openSession(database.url, { applicationName: 'chosen', ...PATIENCE });
});
afterAll(async () => {
  await session.close();
  await database.remove();
});

/** Rows of so many seats. The first has the positions 1, 2, …, and one is left out where a row ends. */
async function section(rows: readonly number[], singles: Singles = 'allow'): Promise<string> {
  const seats: Seats = rows.map((to, at) => ({ row: `${at + 1}`, from: 1, to }));
  const units = unitsOf(seats).length;
  return stock(ops, sale, { units, slots: 2, userLimit: 6, section: { seats, singles } });
}
const wish = (positions: readonly number[], more: Partial<AdmittedRequest> = {}) =>
  request({ positions, units: positions.length, ...more });
const place = (sku: string, batch: readonly AdmittedRequest[], wait = false) =>
  placeOrders(worker, 'hot', sku, batch, { wait });
/** What became of each request, in short. */
const said = (decisions: readonly Decision[]) =>
  decisions.map(({ status, reason }) => reason ?? status);
const map = (sku: string) => unitMap(database.as('web'), 'hot', sku);
async function unitsOfOrder(orderNo: string | null | undefined): Promise<number[]> {
  const rows = await database.admin.query<{ position: number }>({
    text: 'SELECT position FROM hot.unit WHERE order_no = $1 ORDER BY 1',
    values: [orderNo],
  });
  return rows.map(({ position }) => position);
}

async function hold(sku: string, positions: readonly number[]): Promise<void> {
  await session.run('BEGIN');
  await session.query({
    text: 'SELECT FROM hot.unit WHERE sku = $1 AND position = ANY ($2) FOR UPDATE',
    values: [sku, positions],
  });
}

it('an order gets the units that it names, the same request again the same ones, and others none of them', async () => {
  const sku = await section([5, 5]);
  const ann = wish([9, 3], { userId: 'ann' });
  const [first] = await place(sku, [ann]);
  expect(await unitsOfOrder(first?.orderNo)).toEqual([3, 9]);
  const late = wish([9, 10]);
  const again = await place(sku, [ann, late, wish([4])]);
  expect(said(again)).toEqual(['ordered', 'seats_taken', 'ordered']);
  expect(again[0]).toEqual(first);
  expect(await map(sku)).toBe('1100111011');
  // It stays refused when the unit is free again, and a new request gets it.
  await cancelOrder(worker, first?.orderNo ?? '', 'ann');
  expect(said(await place(sku, [late, wish([9, 10])]))).toEqual(['seats_taken', 'ordered']);
  const [outcome] = await requestOutcomes(worker, [late.requestId]);
  expect(outcome).toMatchObject({ status: 'rejected', reason: 'seats_taken', units: 0 });
  expect(await audit(ops)).toEqual([]);
});

it('of two requests of a batch for one unit, the first gets it, unless it gets no order', async () => {
  const sku = await section([5]);
  expect(said(await place(sku, [wish([1, 2]), wish([2, 3]), wish([3])]))).toEqual([
    'ordered',
    'seats_taken',
    'ordered',
  ]);
  const row = await section([9]);
  const apart = await place(row, [wish([8, 2]), wish([9]), wish([1, 5])]);
  expect(await Promise.all(apart.map(({ orderNo }) => unitsOfOrder(orderNo)))).toEqual([
    [2, 8],
    [9],
    [1, 5],
  ]);
  const five = { userId: 'bob', positions: [1, 2, 3, 4, 5], units: 5 };
  const last = await section([9]);
  await place(last, [request(five)]);
  // Bob may have one more. Whoever comes after a request that is refused is asked again.
  const both = [wish([8, 9], { userId: 'bob' }), wish([9])];
  expect(said(await place(last, both))).toEqual(['limit_reached', 'locked']);
  expect(said(await place(last, both, true))).toEqual(['limit_reached', 'ordered']);
  expect(await audit(ops)).toEqual([]);
});

it('units that others hold are locked and not taken, and a call that waits gets them', async () => {
  const sku = await section([5]);
  await hold(sku, [2]);
  const [one, two] = [wish([1]), wish([2, 3])];
  expect(said(await place(sku, [one, two]))).toEqual(['ordered', 'locked']);
  const waiting = place(sku, [two], true);
  await session.run('ROLLBACK');
  expect(said(await waiting)).toEqual(['ordered']);
  await hold(sku, [4]);
  const beaten = place(sku, [wish([4])], true);
  await session.query({
    text: `UPDATE hot.unit SET order_no = 1 WHERE sku = $1 AND position = 4`,
    values: [sku],
  });
  await session.run('COMMIT');
  expect(said(await beaten)).toEqual(['seats_taken']);
  const undo = 'UPDATE hot.unit SET order_no = NULL WHERE sku = $1 AND position = 4';
  await database.admin.query({ text: undo, values: [sku] });
  expect(await audit(ops)).toEqual([]);
});

it.each<[string, number[], number[], Singles, number[], string]>([
  ['one seat beside a free one', [5], [], 'avoid', [2], 'leaves_single'],
  ['the same where it is allowed', [5], [], 'allow', [2], 'ordered'],
  ['the end of a row', [5], [], 'avoid', [1], 'ordered'],
  ['two with one between them', [5, 5], [], 'avoid', [1, 3], 'leaves_single'],
  ['all but one of a row, if another row has two', [3, 2], [], 'avoid', [1, 2], 'leaves_single'],
  ['all but one, if the others would leave one as well', [3, 3], [], 'avoid', [1, 2], 'ordered'],
  ['one of two, if nothing else is free', [2], [], 'avoid', [1], 'ordered'],
  ['a seat that is single already', [3], [2], 'avoid', [1], 'ordered'],
  ['one beside a seat that is single already', [4], [2], 'avoid', [3], 'leaves_single'],
])('singles: %s', async (_what, rows, taken, singles, wanted, expected) => {
  const sku = await section(rows, singles);
  for (const position of taken) {
    const text = `UPDATE hot.unit SET order_no = 1 WHERE sku = $1 AND position = $2`;
    await database.admin.query({ text, values: [sku, position] });
  }
  expect(said(await place(sku, [wish(wanted)]))).toEqual([expected]);
  await database.admin.query({
    text: 'UPDATE hot.unit SET order_no = NULL WHERE sku = $1 AND order_no = 1',
    values: [sku],
  });
});

it('the page has the same rule for singles', async () => {
  const seats = [4, 3, 2].map((to, at) => ({ row: `${at + 1}`, from: 1, to }));
  const positions = unitsOf(seats).map(({ position }) => position);
  const { units } = layoutOf(seats);
  const some = fc.array(fc.nat(8), { minLength: 1, maxLength: 3 });
  const cases = fc.sample(
    fc.record({ taken: fc.array(fc.nat(8), { maxLength: 6 }), wanted: some }),
    300,
  );
  const asked = cases.map(({ taken, wanted }) => {
    const free = units.map(({ at }) => !taken.includes(at));
    const chosen = new Set(wanted.filter((at) => free[at]));
    const placesOf = (are: readonly number[]) => are.flatMap((at) => positions[at] ?? []);
    const all = placesOf(units.flatMap(({ at }) => (free[at] ? at : [])));
    const page = chosen.size > 0 && leavesSingle(units, free, chosen);
    return { free: all, chosen: placesOf([...chosen]), page };
  });
  const rows = await database.admin.query<{ refused: boolean }>({
    text: `SELECT catalog.leaves_single(c.free, c.chosen)
             AND (SELECT flaws = 0 FROM catalog.choose_units(c.free, ARRAY[cardinality(c.chosen)], false)) AS refused
           FROM jsonb_array_elements($1) WITH ORDINALITY AS j (one, at)
           CROSS JOIN LATERAL (SELECT ARRAY(SELECT jsonb_array_elements_text(one->'free')::int) AS free,
                                      ARRAY(SELECT jsonb_array_elements_text(one->'chosen')::int) AS chosen) c
           WHERE c.chosen <> '{}' ORDER BY j.at`,
    values: [JSON.stringify(asked)],
  });
  const judged = asked.filter(({ chosen }) => chosen.length > 0);
  expect(rows.map(({ refused }) => refused)).toEqual(judged.map(({ page }) => page));
  expect(judged.some(({ page }) => page) && judged.some(({ page }) => !page)).toBe(true);
});

it('whether a single seat is left is asked again, if an earlier request of the batch decides about it', async () => {
  const sku = await section([9], 'avoid');
  // Seats 4 and 5 leave 3 single only beside an order for 1 and 2.
  expect(said(await place(sku, [wish([1, 2]), wish([4, 5])]))).toEqual(['ordered', 'locked']);
  expect(said(await place(sku, [wish([4, 5])], true))).toEqual(['leaves_single']);
  expect(await audit(ops)).toEqual([]);
});

it('units that do not exist, a unit twice, and goods of another kind are refused', async () => {
  const sku = await section([3]);
  const limit = wish([1, 2, 3, 1, 2, 3, 1]);
  expect(said(await place(sku, [wish([4]), wish([1, 1]), limit, wish([1])]))).toEqual([
    'bad_units',
    'bad_units',
    'limit_reached',
    'ordered',
  ]);
  const phones = await stock(ops, sale, { units: 3 });
  await expect(place(phones, [wish([1])])).rejects.toMatchObject({ sqlstate: 'FS001' });
  expect(said(await place(uniqueName('none'), [wish([1])]))).toEqual(['unknown_sku']);
  const early = await openSale(ops, { opensInMs: 60_000 });
  const section_ = { seats: ['A', 'B'], singles: 'allow' as const };
  const soon = await stock(ops, early, { units: 2, section: section_ });
  const [not_open] = await place(soon, [wish([1])]);
  expect(not_open).toMatchObject({ status: 'locked', reason: 'not_open' });
  expect(await map(phones)).toBeUndefined();
});

it('32 sessions that choose at random sell each seat once, and the figures name the routine', async () => {
  const sku = await section(Array(10).fill(20), 'avoid');
  const all = Array.from({ length: 10 }, (_, row) =>
    Array.from({ length: 20 }, (_, seat) => row * 21 + seat + 1),
  );
  const any = (seed: number) => {
    const row = all[seed % 10] ?? [];
    const first = (seed * 7) % 19;
    return row.slice(first, first + 1 + (seed % 2));
  };
  const decided = await Promise.all(
    Array.from({ length: 32 }, (_, n) =>
      decideAll(
        worker,
        sku,
        Array.from({ length: 12 }, (_, at) => wish(any(n * 13 + at * 5))),
      ),
    ),
  );
  const ordered = decided.flat().filter(({ status }) => status === 'ordered');
  const sold = ordered.reduce((sum, { units }) => sum + units, 0);
  const free = [...((await map(sku)) ?? '')].filter((one) => one === '1').length;
  expect(sold + free).toBe(200);
  expect(sold).toBeGreaterThan(50);
  for (const { orderNo, units } of ordered.slice(0, 20)) {
    expect(await unitsOfOrder(orderNo)).toHaveLength(units);
  }
  const reasons = new Set(said(decided.flat()));
  expect([...reasons].sort()).toEqual(['leaves_single', 'ordered', 'seats_taken']);
  const figures = await database.admin.query({
    text: 'SELECT DISTINCT routine FROM hot.place_call WHERE sku = $1',
    values: [sku],
  });
  expect(figures).toEqual([{ routine: 'place_chosen' }]);
  expect(await audit(ops)).toEqual([]);
});
