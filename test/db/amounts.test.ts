import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cloudEvent } from '../../contracts/events.ts';
import { toUnits } from '../../contracts/money.ts';
import { type Division, potHash } from '../../contracts/pot.ts';
import {
  audit,
  changeSku,
  type Decision,
  joinWaitlist,
  moveSku,
  orderDetails,
  outboxBatch,
  placeOrders,
  refundOrder,
  requestOutcomes,
  restock,
  userOrders,
} from '../../db/calls.ts';
import { type Databases, openSession, type Session } from '../../db/client/pool.ts';
import { unitCounts } from '../../db/operations.ts';
import { uniqueName } from '../servers.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { openSale, request, requests, stock } from './shop.ts';

/** Amounts: a pot of money is divided into packets, and each buyer draws the next one. */

let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let session: Session;
let sale: string;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker', 16);
  ops = database.as('ops');
  sale = await openSale(ops);
  session = await openSession(database.url, { applicationName: 'amounts', ...PATIENCE });
});
afterAll(async () => {
  await session.close();
  await database.remove();
});

interface PotTerms {
  readonly amount?: string;
  readonly division?: Division;
  readonly currency?: string;
  readonly slots?: number;
}

function pot(packets: number, terms: PotTerms = {}): Promise<string> {
  const { amount = '100.00', division = 'random', currency = 'EUR', slots = 4 } = terms;
  const free = { price: '0', units: packets, slots, currency };
  return stock(ops, sale, { ...free, pot: { amount, packets, division } });
}

interface Packet extends Record<string, unknown> {
  readonly position: number;
  readonly amount: string;
  readonly order: string | null;
}
const packets = (sku: string) =>
  database.admin.query<Packet>({
    text: `SELECT position, amount::text, order_no::text AS order FROM hot.unit WHERE sku = $1 ORDER BY 1`,
    values: [sku],
  });
const ordersOf = (said: readonly Decision[]) => said.flatMap(({ orderNo }) => orderNo ?? []);
const draw = (sku: string, count: number, wait = false) =>
  placeOrders(worker, 'hot', sku, requests(count), { wait });

/** Decides a batch as a worker does: what was locked is asked again, and waits. */
async function drawAll(sku: string, count: number): Promise<Decision[]> {
  const batch = requests(count);
  const first = await placeOrders(worker, 'hot', sku, batch);
  const locked = batch.filter((_, at) => first[at]?.status === 'locked');
  if (locked.length === 0) return first;
  const rest = await placeOrders(worker, 'hot', sku, locked, { wait: true });
  return [...first.filter(({ status }) => status !== 'locked'), ...rest];
}

/** Locks packets of the SKU from another session, as an open transaction does. */
async function hold(sku: string, positions: readonly number[]): Promise<void> {
  await session.run('BEGIN');
  await session.query({
    text: 'SELECT FROM hot.unit WHERE sku = $1 AND position = ANY ($2) FOR UPDATE',
    values: [sku, positions],
  });
}

it.each([
  ['EUR', '100.00', 2],
  ['JPY', '5000', 0],
  ['KWD', '7.003', 3],
] as const)(
  'packets in %s add up to the pot, and the hash is of them',
  async (currency, amount, digits) => {
    const sku = await pot(50, { currency, amount });
    const all = await packets(sku);
    const sum = all.reduce((units, one) => units + toUnits(one.amount, digits), 0n);
    expect(sum).toBe(toUnits(amount, digits));
    const [row] = await database.admin.query<{ salt: string; sha256: string }>({
      text: 'SELECT salt, sha256 FROM catalog.pot WHERE sku = $1',
      values: [sku],
    });
    const amounts = all.map((one) => one.amount);
    expect(row?.sha256).toBe(potHash(row?.salt ?? '', amounts));
  },
);

it('each buyer draws one packet, in their order, and an empty pot is sold out', async () => {
  const sku = await pot(5, { division: 'equal', amount: '1.02' });
  const ann = request({ userId: 'ann' });
  const said = await placeOrders(worker, 'hot', sku, [ann, request({ userId: 'ann' }), request()]);
  expect(said.map(({ status }) => status)).toEqual(['ordered', 'limit_reached', 'ordered']);
  // The same request again has the same order, and draws no second packet.
  expect((await placeOrders(worker, 'hot', sku, [ann, request()]))[0]).toEqual(said[0]);
  expect(ordersOf(await draw(sku, 9))).toHaveLength(2);
  const [late] = await draw(sku, 1);
  expect(late).toMatchObject({ status: 'sold_out', reason: null });
  const all = await packets(sku);
  expect(all.map(({ amount }) => amount).toSorted()).toEqual([
    '0.20',
    '0.20',
    '0.20',
    '0.21',
    '0.21',
  ]);
  expect(all.slice(0, 2).map(({ order }) => order)).toEqual(ordersOf(said));
  expect(new Set(all.map(({ order }) => order)).size).toBe(5);
  expect(await audit(ops)).toEqual([]);
});

it('many sessions at once draw exactly the pot, each packet once', async () => {
  const sku = await pot(150, { slots: 8 });
  const said = (
    await Promise.all(Array.from({ length: 16 }, (_, n) => drawAll(sku, n % 4 === 0 ? 1 : 16)))
  ).flat();
  const orders = ordersOf(said);
  expect(orders).toHaveLength(150);
  expect(said.filter(({ status }) => status === 'sold_out')).toHaveLength(said.length - 150);
  const all = await packets(sku);
  expect(all.map(({ order }) => order).toSorted()).toEqual(orders.toSorted());
  expect(await audit(ops)).toEqual([]);
});

it('packets that others hold are passed over; if all are held, requests are locked and not sold out', async () => {
  const sku = await pot(6);
  await hold(sku, [1, 3]);
  const some = await draw(sku, 6);
  expect(some.map(({ status }) => status)).toEqual([
    ...Array(4).fill('ordered'),
    'locked',
    'locked',
  ]);
  expect((await draw(sku, 2)).map(({ status }) => status)).toEqual(['locked', 'locked']);
  expect((await packets(sku)).filter(({ order }) => order === null)).toHaveLength(2);
  const waiting = draw(sku, 3, true);
  await session.run('ROLLBACK');
  const last = (await waiting).map(({ status }) => status);
  expect(last).toEqual(['ordered', 'ordered', 'sold_out']);
  expect(await audit(ops)).toEqual([]);
});

it('a place_orders that knows no pots sells no packet', async () => {
  const sku = await pot(2);
  const text = `SELECT hot.place_mixed_batch(t, 'place_orders', $2, $3, '{1}', '{f}', $3, false)
                FROM catalog.sku_terms t WHERE t.sku = $1`;
  const values = [sku, [request().requestId], ['ann']];
  await expect(database.admin.query({ text, values })).rejects.toMatchObject({ sqlstate: 'FS500' });
  expect(await audit(ops)).toEqual([]);
});

it('a single request draws its packet also with the plain_terms of the last release', async () => {
  const sku = await pot(2);
  const guard = /WHERE NOT EXISTS [^\n]*/;
  const [row] = await database.admin.query<{ body: string }>({
    text: `SELECT pg_get_functiondef('hot.plain_terms'::regproc) AS body`,
  });
  expect(row?.body).toMatch(guard);
  // Its names are those of place_orders, which it becomes a part of.
  await session.run('BEGIN; SET LOCAL check_function_bodies = off');
  await session.run(row?.body.replace(guard, '') ?? '');
  const text = `SELECT status, order_no FROM hot.place_orders($1, $2, '{ann}', '{1}', '{f}', '{web}')`;
  const [said] = await session.query({ text, values: [sku, [request().requestId]] });
  const drawn = await session.query({
    text: 'SELECT position FROM hot.unit WHERE order_no = $1',
    values: [said?.['order_no']],
  });
  await session.run('ROLLBACK');
  expect([said?.['status'], drawn]).toEqual(['ordered', [{ position: 1 }]]);
});

it('orders, verdicts and events say what was drawn', async () => {
  const sku = await pot(3, { currency: 'JPY', amount: '900' });
  const batch = requests(2);
  const said = await placeOrders(worker, 'hot', sku, batch, { withTerms: true });
  const drawn = (await packets(sku)).slice(0, 2).map(({ amount }) => amount);
  expect(said.map(({ amount, packet }) => [amount, packet])).toEqual(
    drawn.map((one) => ['0', one]),
  );
  const web = database.as('web');
  const [first] = ordersOf(said);
  expect(await orderDetails(web, first ?? '')).toMatchObject({ amount: '0', packet: drawn[0] });
  const { orders } = await userOrders(web, batch[1]?.userId ?? '');
  expect(orders.map((one) => one.packet)).toEqual([drawn[1]]);
  const outcomes = await requestOutcomes(web, [batch[0]?.requestId ?? '']);
  expect(outcomes[0]).toMatchObject({ status: 'paid', packet: drawn[0] });
  const events = await outboxBatch(worker, 'hot', 'test', 10_000);
  const paid = events.filter((event) => event.sku === sku && event.kind === 'paid');
  expect(paid.map((event) => cloudEvent('hot', event).data.packet)).toEqual(
    drawn.map((amount) => ({ amount, currency: 'JPY' })),
  );
});

it('a cancelled order keeps its packet, and nobody gets another one for it', async () => {
  const sku = await pot(2);
  const bob = { userId: uniqueName('bob') };
  const [first] = ordersOf(await placeOrders(worker, 'hot', sku, [request(bob)]));
  await refundOrder(ops, first ?? '', { by: 'ann', reason: 'a robot' });
  expect((await packets(sku)).map(({ order }) => order)).toEqual([first, null]);
  // The keeper grants by these figures: no unit has come back.
  const counts = (await unitCounts(ops)).find((each) => each.sku === sku);
  expect(counts).toMatchObject({ unitsTotal: 2, free: 1, unpaidExists: false });
  const again = [request(bob), request(), request(bob), request()];
  expect((await placeOrders(worker, 'hot', sku, again)).map(({ status }) => status)).toEqual([
    'limit_reached',
    'ordered',
    'limit_reached',
    'sold_out',
  ]);
  expect(await audit(ops)).toEqual([]);
});

it('a request that has an order of other goods draws no packet', async () => {
  const free = await stock(ops, sale, { price: '0', units: 2 });
  const sku = await pot(2);
  const asked = requests(2);
  const before = await placeOrders(worker, 'hot', free, asked);
  // The same request ids, for the pot: each has its outcome already, as for any other goods.
  expect(await placeOrders(worker, 'hot', sku, asked)).toEqual(before);
  const mixed = await placeOrders(worker, 'hot', sku, [...asked, request()]);
  expect(mixed.map(({ status }) => status)).toEqual(['ordered', 'ordered', 'ordered']);
  expect((await packets(sku)).map(({ order }) => order)).toEqual([mixed[2]?.orderNo, null]);
  expect(await audit(ops)).toEqual([]);
});

it('a pot stays as it was divided', async () => {
  const sku = await pot(3);
  const refused = { sqlstate: 'FS004' };
  await expect(moveSku(ops, 'regular', sku)).rejects.toMatchObject(refused);
  await expect(restock(ops, 'hot', sku, 5)).rejects.toMatchObject(refused);
  for (const change of [{ price: '1.00' }, { currency: 'USD' }, { userLimit: 2 }]) {
    await expect(changeSku(ops, 'hot', sku, change)).rejects.toMatchObject(refused);
  }
  await draw(sku, 3);
  const web = database.as('web');
  expect(await joinWaitlist(web, 'hot', { sku, userId: 'ann', units: 1 })).toBe('closed');
});

it('a pot that is made again keeps its division, and is no other pot', async () => {
  const name = uniqueName('sku');
  const make = (more: Partial<PotTerms> = {}) =>
    stock(ops, sale, {
      ...{ sku: name, price: '0', units: 4 },
      pot: { amount: '9.00', packets: 4, division: 'random', ...more },
    });
  await make();
  const before = await packets(name);
  await make();
  expect(await packets(name)).toEqual(before);
  await expect(make({ amount: '9.01' })).rejects.toMatchObject({ sqlstate: 'FS003' });
  await expect(make({ division: 'equal' })).rejects.toMatchObject({ sqlstate: 'FS003' });
  const counted = await stock(ops, sale, { price: '0', units: 4 });
  await draw(counted, 1);
  const text = `SELECT catalog.make_pot($1, 4, 4, 'equal', NULL, '{1,1,1,1}', repeat('a', 64))`;
  const become = ops.regular.query({ text, values: [counted] });
  await expect(become).rejects.toMatchObject({ sqlstate: 'FS003' });
});

it.each([
  [{ price: '1.00' }, '23514'],
  [{ userLimit: 2 }, '23514'],
  [{ units: 3 }, 'FS003'],
])('a pot that cannot be is refused, and leaves no SKU: %j', async (terms, sqlstate) => {
  const name = uniqueName('sku');
  const free = { sku: name, price: '0', units: 2, ...terms };
  const made = stock(ops, sale, {
    ...free,
    pot: { amount: '5.00', packets: 2, division: 'equal' },
  });
  await expect(made).rejects.toMatchObject({ sqlstate });
  const text = 'SELECT FROM catalog.sku WHERE sku = $1';
  expect(await database.admin.query({ text, values: [name] })).toEqual([]);
});

it('packets that do not add up to the pot are refused', async () => {
  const sku = await stock(ops, sale, { price: '0', units: 2 });
  for (const amounts of ['{1,1}', '{2.999,0.001}', '{3,0}', '{1,1,1}', '{4,-1}', null]) {
    const text = `SELECT catalog.make_pot($1, 3, 2, 'random', NULL, $2, repeat('a', 64))`;
    const made = ops.regular.query({ text, values: [sku, amounts] });
    await expect(made).rejects.toMatchObject({ sqlstate: 'FS001' });
  }
});

it('a pot goes with its sale', async () => {
  const later = await openSale(ops, { opensInMs: 3_600_000, closesInMs: 7_200_000 });
  const pot = { amount: '5.00', packets: 2, division: 'equal' } as const;
  const sku = await stock(ops, later, { price: '0', units: 2, pot });
  await ops.regular.query({ text: 'SELECT catalog.remove_sale($1)', values: [later] });
  expect(await packets(sku)).toEqual([]);
  const text = 'SELECT FROM catalog.pot WHERE sku = $1';
  expect(await database.admin.query({ text, values: [sku] })).toEqual([]);
});

it('nobody sees salt and packets before the sale is over', async () => {
  const sku = await pot(2);
  const open = () => ops.regular.query({ text: 'SELECT * FROM hot.open_pot($1)', values: [sku] });
  await expect(open()).rejects.toMatchObject({ sqlstate: 'FS004' });
  const web = database.as('web');
  for (const text of [
    'SELECT * FROM catalog.pot',
    'SELECT * FROM hot.unit',
    `SELECT * FROM hot.open_pot('${sku}')`,
  ]) {
    await expect(web.regular.query({ text })).rejects.toMatchObject({ sqlstate: '42501' });
  }
  await session.run('BEGIN');
  const past = `opens_at = now() - interval '2 days', closes_at = now() - interval '1 day'`;
  await session.run(`UPDATE catalog.sale SET ${past}`);
  const [row] = await session.query<{ salt: string; sha256: string; amounts: string[] }>({
    text: 'SELECT * FROM hot.open_pot($1)',
    values: [sku],
  });
  await session.run('ROLLBACK');
  expect(row?.sha256).toBe(potHash(row?.salt ?? '', row?.amounts ?? []));
});

describe('the audit finds', () => {
  let sku: string;
  beforeAll(async () => {
    sku = await pot(6);
    await draw(sku, 3);
  });
  afterEach(() => session.run('ROLLBACK'));
  it.each([
    [
      'an order without a packet',
      'UPDATE hot.unit SET order_no = NULL WHERE sku = $sku AND position = 1',
      'orders without a packet',
    ],
    [
      'two packets of one order',
      `DROP INDEX hot.unit_packet; UPDATE hot.unit SET order_no = (
         SELECT o.order_no FROM hot.unit o WHERE o.sku = $sku AND o.position = 1)
       WHERE sku = $sku AND position = 2`,
      'packets of one order',
    ],
    [
      'a packet of an order that does not exist',
      'UPDATE hot.unit SET order_no = 999999 WHERE sku = $sku AND position = 6',
      'orders that do not exist',
    ],
    [
      'a free packet that no slot counts',
      `UPDATE hot.stock_slot SET remaining = remaining - 1 WHERE (sku, slot) = (
         SELECT s.sku, s.slot FROM hot.stock_slot s WHERE s.sku = $sku AND s.remaining > 0 LIMIT 1)`,
      'packets that are free = units',
    ],
    [
      'a packet that is gone',
      'DELETE FROM hot.unit WHERE sku = $sku AND position = 6',
      'packets = packets of the pot',
    ],
    [
      'a packet of another amount',
      'UPDATE hot.unit SET amount = amount + 1 WHERE sku = $sku AND position = 2',
      'add up to the pot',
    ],
    [
      'a packet below the smallest unit',
      'UPDATE hot.unit SET amount = 0.001 WHERE sku = $sku AND position = 2',
      'no amount of the currency',
    ],
    [
      'packets that were exchanged',
      `UPDATE hot.unit SET amount = (
         SELECT o.amount FROM hot.unit o WHERE o.sku = $sku AND o.position = 7 - unit.position)
       WHERE sku = $sku AND position IN (1, 6)`,
      'the published hash',
    ],
    [
      'another salt',
      `UPDATE catalog.pot SET salt = repeat('0', 64) WHERE sku = $sku`,
      'the published hash',
    ],
    [
      'a pot that is gone',
      'DELETE FROM catalog.pot WHERE sku = $sku',
      'packets = packets of the pot',
    ],
  ])('%s', async (_what, sql, detail) => {
    await session.run('BEGIN');
    await session.run(sql.replaceAll('$sku', `'${sku}'`));
    const text = 'SELECT promise, sku, detail FROM hot.pot_books()';
    const found = await session.query<{ sku: string; detail: string }>({ text });
    expect(found.map((row) => row.detail).join('\n')).toContain(detail);
    expect(new Set(found.map((row) => row.sku))).toEqual(new Set([sku]));
    const all = await session.query({ text: 'SELECT * FROM hot.audit()' });
    expect(all.length).toBeGreaterThanOrEqual(found.length);
  });
});
