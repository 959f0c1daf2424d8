import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cloudEvent } from '../../contracts/events.ts';
import { type Seats, type Singles, unitsOf } from '../../contracts/seats.ts';
import {
  type AdmittedRequest,
  audit,
  cancelOrder,
  type Decision,
  expireOrders,
  joinWaitlist,
  moveSku,
  orderDetails,
  outboxBatch,
  payOrder,
  placeOrders,
  refundOrder,
  requestOutcomes,
  restock,
  userOrders,
} from '../../db/calls.ts';
import { type Databases, openSession, type Session } from '../../db/client/pool.ts';
import { uniqueName } from '../servers.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { byNode, decideAll, openSale, order, request, requests, stock } from './shop.ts';

/** Numbered goods: each order gets the best free units of a section, side by side. */

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
  session = await openSession(database.url, { applicationName: 'numbered', ...PATIENCE });
});
afterAll(async () => {
  await session.close();
  await database.remove();
});

interface SectionTerms {
  readonly singles?: Singles;
  readonly slots?: number;
  readonly of?: string;
  readonly sku?: string;
}

/** Rows of so many seats, or labels. */
async function section(
  seats: Seats | readonly number[],
  terms: SectionTerms = {},
): Promise<string> {
  const { singles = 'avoid', slots = 2, of = sale, sku = uniqueName('sku') } = terms;
  const lines = seats.map((one, at) =>
    typeof one === 'number' ? { row: `${at + 1}`, from: 1, to: one } : one,
  ) as unknown as Seats;
  const units = unitsOf(lines).length;
  const made = { seats: lines, singles };
  await stock(ops, of, { sku, units, slots, userLimit: 6, section: made });
  return sku;
}

interface Unit extends Record<string, unknown> {
  readonly name: string;
  readonly order: string | null;
}
const unitsIn = (sku: string) =>
  database.admin.query<Unit>({
    text: `SELECT concat_ws('-', line, seat) AS name, order_no::text AS order FROM hot.unit WHERE sku = $1
           ORDER BY position`,
    values: [sku],
  });

/** The names of the units of each order, or the status of a request without one. */
async function seatsOf(sku: string, said: readonly Decision[]): Promise<string[]> {
  const all = await unitsIn(sku);
  return said.map(({ orderNo, status }) =>
    orderNo === null
      ? status
      : all.flatMap((one) => (one.order === orderNo ? one.name : [])).join(' '),
  );
}
const free = async (sku: string) =>
  (await unitsIn(sku)).flatMap(({ name, order: no }) => (no === null ? name : []));
const place = (sku: string, wanted: readonly number[], more: Partial<AdmittedRequest> = {}) => {
  const batch = wanted.map((units) => request({ units, ...more }));
  return placeOrders(worker, 'hot', sku, batch);
};

async function hold(sku: string, names: readonly string[]): Promise<void> {
  await session.run('BEGIN');
  await session.query({
    text: `SELECT FROM hot.unit WHERE sku = $1 AND concat_ws('-', line, seat) = ANY ($2) FOR UPDATE`,
    values: [sku, names],
  });
}

it('orders get the best units, side by side, and the same request again the same ones', async () => {
  const sku = await section([5, 5]);
  const ann = request({ units: 3 });
  const said = await placeOrders(worker, 'hot', sku, [ann, request({ units: 2 }), request()]);
  expect(await seatsOf(sku, said)).toEqual(['1-1 1-2 1-3', '1-4 1-5', '2-1']);
  const again = await placeOrders(worker, 'hot', sku, [ann, request()]);
  expect(again[0]).toEqual(said[0]);
  expect(await seatsOf(sku, again)).toEqual(['1-1 1-2 1-3', '2-2']);
  expect(await audit(ops)).toEqual([]);
});

it.each<[string, number[], number[], string[]]>([
  ['a pair that would split goes to the next row', [3, 4], [2, 2], ['2-1 2-2', '2-3 2-4']],
  ['a pair leaves a single seat if nothing else is free', [3], [2], ['1-1 1-2']],
  ['one seat does not leave another one', [2, 4], [1], ['2-1']],
  ['two single seats fill a pair', [2, 4], [1, 1], ['1-1', '1-2']],
  ['a seat that is single already goes first', [3, 1], [1], ['2-1']],
  ['if no row has enough, an order gets the best seats', [2, 2], [3], ['1-1 1-2 2-1']],
  [
    'rows far behind are looked at',
    [...Array(40).fill(2), 5],
    [5, 2],
    ['41-1 41-2 41-3 41-4 41-5', '1-1 1-2'],
  ],
])('%s', async (_what, rows, wanted, expected) => {
  const sku = await section(rows);
  expect(await seatsOf(sku, await place(sku, wanted))).toEqual(expected);
});

it('a section may allow single seats, and labels are taken in their order', async () => {
  const sku = await section([2, 4], { singles: 'allow' });
  expect(await seatsOf(sku, await place(sku, [1]))).toEqual(['1-1']);
  const numbers = await section(['A-7', 'A-9', 'B-1'], { singles: 'allow' });
  expect(await seatsOf(numbers, await place(numbers, [2, 1]))).toEqual(['A-7 A-9', 'B-1']);
});

it('many sessions sell exactly the last units, each once', async () => {
  const sku = await section(Array(20).fill(11), { slots: 4 });
  const said = (
    await Promise.all(
      Array.from({ length: 32 }, (_, n) =>
        decideAll(
          worker,
          sku,
          n % 4 === 0
            ? [request({ units: 2, acceptFewer: true })]
            : requests(5).map((one, at) => ({ ...one, units: (at % 3) + 1, acceptFewer: true })),
        ),
      ),
    )
  ).flat();
  const sold = said.reduce((sum, { units }) => sum + units, 0);
  expect(sold).toBe(220);
  expect(await free(sku)).toEqual([]);
  const bought = said.filter(({ orderNo }) => orderNo !== null);
  const all = await unitsIn(sku);
  for (const { orderNo, units } of bought) {
    expect(all.filter((one) => one.order === orderNo)).toHaveLength(units);
  }
  expect(said.every(({ status }) => status === 'ordered' || status === 'sold_out')).toBe(true);
  expect(await audit(ops)).toEqual([]);
});

it('a single request gets its unit also with the plain_terms of the last release', async () => {
  const sku = await section([2]);
  const guard = /WHERE NOT EXISTS [^\n]*/;
  const [row] = await database.admin.query<{ body: string }>({
    text: `SELECT pg_get_functiondef('hot.plain_terms'::regproc) AS body`,
  });
  expect(row?.body).toMatch(guard);
  await session.run('BEGIN; SET LOCAL check_function_bodies = off');
  await session.run(row?.body.replace(guard, '') ?? '');
  const text = `SELECT status FROM hot.place_orders($1, $2, '{ann}', '{1}', '{f}', '{web}')`;
  const said = await session.query({ text, values: [sku, [request().requestId]] });
  const taken = `SELECT position FROM hot.unit WHERE sku = $1 AND order_no IS NOT NULL`;
  const units = await session.query({ text: taken, values: [sku] });
  await session.run('ROLLBACK');
  expect([said, units]).toEqual([[{ status: 'ordered' }], [{ position: 1 }]]);
});

it('units that others hold are passed over; if all are held, requests are locked and not sold out', async () => {
  const sku = await section([6], { singles: 'allow' });
  await hold(sku, ['1-1', '1-3']);
  expect(await seatsOf(sku, await place(sku, [1, 1, 1, 1, 1, 1]))).toEqual([
    ...['1-2', '1-4', '1-5', '1-6'],
    ...['locked', 'locked'],
  ]);
  expect(await seatsOf(sku, await place(sku, [1, 2]))).toEqual(['locked', 'locked']);
  const waiting = placeOrders(worker, 'hot', sku, requests(3), { wait: true });
  await session.run('ROLLBACK');
  expect(await seatsOf(sku, await waiting)).toEqual(['1-1', '1-3', 'sold_out']);
  expect(await audit(ops)).toEqual([]);
});

it('units of an order that ends are free again, and are the same units', async () => {
  const sku = await section([5]);
  const [first, second] = await place(sku, [3, 2], { userId: 'bob' });
  await cancelOrder(worker, first?.orderNo ?? '', 'bob');
  expect(await free(sku)).toEqual(['1-1', '1-2', '1-3']);
  await payOrder(worker, second?.orderNo ?? '', uniqueName('payment'), byNode);
  await refundOrder(ops, second?.orderNo ?? '', { by: 'ann', reason: 'ill' });
  expect(await free(sku)).toHaveLength(5);
  // A repeated request keeps its outcome, and gets no unit of others.
  const said = await place(sku, [5]);
  expect(await seatsOf(sku, said)).toEqual(['1-1 1-2 1-3 1-4 1-5']);
  expect(await audit(ops)).toEqual([]);
});

it('units that expire go to the waitlist, and a late payment takes free ones', async () => {
  const sku = await section([4]);
  const late = await order(worker, sku, { units: 2, userId: 'late' });
  await order(worker, sku, { units: 2 });
  await database.admin.query({
    text: `UPDATE hot.orders SET pay_before = now() - interval '1 s' WHERE sku = $1`,
    values: [sku],
  });
  const ann = { sku, userId: 'ann', units: 1 };
  expect(await joinWaitlist(database.as('web'), 'hot', ann)).toBe('waiting');
  await expireOrders(worker, 'hot', 10);
  expect(await free(sku)).toHaveLength(3);
  expect(await payOrder(worker, late, uniqueName('payment'), byNode)).toBe('paid');
  const all = await unitsIn(sku);
  expect(all.filter((one) => one.order === late)).toHaveLength(2);
  expect(all.filter((one) => one.order === null)).toHaveLength(1);
  expect(await audit(ops)).toEqual([]);
});

it('orders, verdicts, outcomes and events say the units', async () => {
  const sku = await section([4]);
  const batch = [request({ units: 2, userId: 'eve' }), request()];
  const said = await placeOrders(worker, 'hot', sku, batch, { withTerms: true });
  const [two, one] = [
    [
      { row: '1', seat: '1' },
      { row: '1', seat: '2' },
    ],
    [{ row: '1', seat: '3' }],
  ];
  expect(said.map(({ seats }) => seats)).toEqual([two, one]);
  const web = database.as('web');
  const first = said[0]?.orderNo ?? '';
  expect(await orderDetails(web, first)).toMatchObject({ units: 2, seats: two });
  const { orders } = await userOrders(web, 'eve');
  expect(orders.map(({ seats }) => seats)).toEqual([two]);
  const [outcome] = await requestOutcomes(web, [batch[1]?.requestId ?? '']);
  expect(outcome).toMatchObject({ status: 'ordered', seats: one });
  const events = await outboxBatch(worker, 'hot', 'test', 10_000);
  const placed = events.filter((event) => event.sku === sku && event.kind === 'placed');
  expect(placed.map((event) => cloudEvent('hot', event).data.units)).toEqual([two, one]);
  await cancelOrder(web, first, 'eve');
  expect(await orderDetails(web, first)).not.toHaveProperty('seats');
});

it('a section stays as it was made', async () => {
  const name = uniqueName('sku');
  const sku = await section([3], { sku: name });
  const refused = { sqlstate: 'FS004' };
  await expect(moveSku(ops, 'regular', sku)).rejects.toMatchObject(refused);
  await expect(restock(ops, 'hot', sku, 5)).rejects.toMatchObject(refused);
  await section([3], { sku: name });
  for (const other of [
    section([1, 2], { sku: name }),
    section([3], { sku: name, singles: 'allow' }),
  ]) {
    await expect(other).rejects.toMatchObject({ sqlstate: 'FS003' });
  }
  const text = `SELECT hot.place_mixed_batch(t, 'place_orders', '{}', '{}', '{}', '{}', '{}', false)
                FROM catalog.sku_terms t WHERE t.sku = $1`;
  const older = database.admin.query({ text, values: [sku] });
  await expect(older).rejects.toMatchObject({ sqlstate: 'FS500' });
});

it.each<[string, Seats | number[]]>([
  ['seat', [1]],
  ['thing with a serial number', ['1 of 1']],
])('a section may be a single %s', async (_what, seats) => {
  const sku = await section(seats, { slots: 1 });
  const said = await placeOrders(worker, 'hot', sku, [request(), request()]);
  expect(said.map(({ status }) => status)).toEqual(['ordered', 'sold_out']);
  expect(await audit(ops)).toEqual([]);
});

it('two units of one name are refused, and leave no SKU', async () => {
  const name = uniqueName('sku');
  const made = section(['A', 'A'], { sku: name });
  await expect(made).rejects.toMatchObject({ sqlstate: 'FS001' });
  const text = 'SELECT FROM catalog.sku WHERE sku = $1';
  expect(await database.admin.query({ text, values: [name] })).toEqual([]);
});

describe('the audit finds', () => {
  let sku: string;
  beforeAll(async () => {
    sku = await section([6]);
    await place(sku, [2, 1]);
  });
  afterEach(() => session.run('ROLLBACK'));
  it.each([
    [
      'an order with too few units',
      'UPDATE hot.unit SET order_no = NULL WHERE sku = $sku AND position = 1',
      'too few numbered units',
    ],
    [
      'an order with too many units',
      `UPDATE hot.unit SET order_no = (
         SELECT o.order_no FROM hot.unit o WHERE o.sku = $sku AND o.position = 1)
       WHERE sku = $sku AND position = 4`,
      'too many numbered units',
    ],
    [
      'an order that was cancelled and kept its units',
      `UPDATE hot.orders SET status = 'cancelled' WHERE sku = $sku`,
      'too many numbered units',
    ],
    [
      'a unit of an order that does not exist',
      'UPDATE hot.unit SET order_no = 999999 WHERE sku = $sku AND position = 6',
      'orders that do not exist',
    ],
    [
      'a free unit that no slot counts',
      `UPDATE hot.stock_slot SET remaining = remaining - 1 WHERE (sku, slot) = (
         SELECT s.sku, s.slot FROM hot.stock_slot s WHERE s.sku = $sku AND s.remaining > 0 LIMIT 1)`,
      'that are free = units',
    ],
    [
      'a unit that is gone',
      'DELETE FROM hot.unit WHERE sku = $sku AND position = 6',
      'numbered units = units of the section',
    ],
    [
      'two units of one name',
      `UPDATE hot.unit SET seat = '1' WHERE sku = $sku AND position = 2`,
      'of the same name',
    ],
    [
      'a section that is gone',
      'DELETE FROM catalog.section WHERE sku = $sku',
      'numbered units = units of the section',
    ],
  ])('%s', async (_what, sql, detail) => {
    await session.run('BEGIN');
    await session.run(sql.replaceAll('$sku', `'${sku}'`));
    const text = 'SELECT promise, sku, detail FROM hot.unit_books()';
    const found = await session.query<{ sku: string; detail: string }>({ text });
    expect(found.map((row) => row.detail).join('\n')).toContain(detail);
    expect(new Set(found.map((row) => row.sku))).toEqual(new Set([sku]));
    const all = await session.query({ text: 'SELECT * FROM hot.audit()' });
    expect(all.length).toBeGreaterThanOrEqual(found.length);
  });
});
