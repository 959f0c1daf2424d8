import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAILY_UNITS, dayIn } from '../../contracts/goods.ts';
import { openSession } from '../../db/client/pool.ts';
import { audit } from '../../db/operations.ts';
import { refundOrder } from '../../db/support.ts';
import { BookLook } from '../../ops/live/books.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { flashsale } from '../command-line.ts';
import { PATIENCE } from '../db/database.ts';
import { databaseUrl } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/** Goods that are not counted, from the press to the streak, the packet or the seats, over two web nodes and through killed workers. */

const ZONE = 'Europe/Berlin';
const PACKETS = 40;
/** Seats of each of ten rows. */
const SEATS = 7;

let system: System;
let sale: string;

beforeAll(async () => {
  system = await startSystem();
  const terms = { zone: ZONE, price: '0', userLimit: 1 };
  const free = { price: '0', userLimit: 1, units: PACKETS };
  const pot = { amount: '20.00', packets: PACKETS, division: 'random' as const };
  const section = {
    seats: Array.from({ length: 10 }, (_, at) => ({ row: `${at + 1}`, from: 1, to: SEATS })),
    singles: 'avoid' as const,
  };
  const circle = { ...section, seats: [{ row: 'A', from: 1, to: 2 }] };
  sale = await system.createSale([
    { sku: 'SignIn', units: DAILY_UNITS, ...terms },
    { sku: 'Packet', ...free, pot },
    { sku: 'Circle', price: '60.00', userLimit: 2, units: 2, section: circle },
    { sku: 'Stalls', price: '40.00', userLimit: 2, units: 10 * SEATS, section },
  ]);
});
afterAll(() => system?.stop());

const shopper = () => new Shopper(system.url, system.jwtSecret);
async function onSale(sku: string) {
  const { skus } = (await shopper().call('GET', `/api/v1/sales/${sale}`)).body;
  return skus.find((one: { sku: string }) => one.sku === sku);
}
/** Locks all packets and seats, as an open transaction does. */
async function holdUnits(): Promise<() => Promise<void>> {
  const [row] = await system.databases.regular.query<{ name: string }>({
    text: 'SELECT current_database() AS name',
  });
  const session = await openSession(databaseUrl(row?.name ?? ''), {
    applicationName: 'holder',
    ...PATIENCE,
  });
  await session.run('BEGIN; SELECT FROM hot.unit FOR UPDATE');
  return async () => {
    await session.run('ROLLBACK');
    await session.close();
  };
}
/** All buy one unit. The worker dies in the middle of a call, and its session takes units after that. */
async function buyThroughAKill(crowd: readonly Shopper[], sku: string) {
  const release = await holdUnits();
  const buying = crowd.map((one) => one.buy(sale, sku));
  await until('a worker waits for units', async () => {
    const [row] = await system.databases.regular.query<{ waiting: boolean }>({
      text: `SELECT count(*) > 0 AS waiting FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%place_orders%'`,
    });
    return row?.waiting;
  });
  await system.kill('worker-1');
  await release();
  await system.restart('worker-1');
  return Promise.all(buying);
}
const today = (one: Shopper) =>
  one.callUntilAnswered('GET', `/api/v1/sales/${sale}/skus/SignIn/today`);

it('each user gets one unit, however often and wherever they press while a worker is killed', async () => {
  const crowd = Array.from({ length: 40 }, shopper);
  const buying = crowd.map((one) =>
    Promise.all(Array.from({ length: 3 }, () => one.buy(sale, 'SignIn'))),
  );
  await sleep(300);
  await system.kill('worker-1');
  await system.restart('worker-1');
  for (const said of await Promise.all(buying)) {
    const statuses = said.map(({ body }) => body.status).sort();
    expect(statuses).toEqual(['limit_reached', 'limit_reached', 'paid']);
  }
  const day = dayIn(ZONE, new Date());
  for (const one of crowd.slice(0, 5)) {
    expect((await today(one)).body).toEqual({ day, done: true, streak: 1 });
    const { orders } = (await one.call('GET', '/api/v1/orders')).body;
    expect(orders).toHaveLength(1);
  }
  expect((await today(shopper())).body).toEqual({ day, done: false, streak: 0 });
  const { skus } = await new BookLook(system.databases).look();
  const shown = { total: null, free: null, held: 0, sold: crowd.length };
  expect(skus.find(({ sku }) => sku === 'SignIn')).toMatchObject(shown);
  expect(await audit(system.databases)).toEqual([]);
});

it('who has today is answered from memory', async () => {
  const ada = shopper();
  await ada.buy(sale, 'SignIn');
  // Connections go to one node or the other, so that both know.
  for (let n = 0; n < 12; n += 1) expect((await today(ada)).body.done).toBe(true);
  const admin = system.databases.regular;
  await admin.query({ text: 'ALTER FUNCTION hot.days_of RENAME TO gone' });
  for (let n = 0; n < 12; n += 1) expect((await today(ada)).body.done).toBe(true);
  expect((await shopper().call('GET', `/api/v1/sales/${sale}/skus/SignIn/today`)).status).toBe(503);
  await admin.query({ text: 'ALTER FUNCTION hot.gone RENAME TO days_of' });
});

it('the sale says what it sells, and only daily goods have days', async () => {
  expect(await onSale('SignIn')).toMatchObject({
    goods: 'daily',
    zone: ZONE,
    availability: 'plenty',
  });
  const other = await shopper().call('GET', `/api/v1/sales/${sale}/skus/Phone/today`);
  expect(other.status).toBe(404);
});

it('a pot is drawn to the last packet, each once, while a worker is killed', async () => {
  const before = await onSale('Packet');
  expect(before).toMatchObject({ goods: 'amounts', pot: { amount: '20.00', packets: PACKETS } });
  expect(before.waitlist).toBe('off');
  const crowd = Array.from({ length: PACKETS + 20 }, shopper);
  const said = await buyThroughAKill(crowd, 'Packet');
  const drawn = said.flatMap(({ body }) => (body.status === 'paid' ? [body.order.packet] : []));
  expect(drawn).toHaveLength(PACKETS);
  const cents = drawn.reduce((sum, { amount }) => sum + Math.round(Number(amount) * 100), 0);
  expect(cents).toBe(2_000);
  const others = said.filter(({ body }) => body.status !== 'paid');
  // Some were refused at the door, because the pot was known to be empty.
  for (const { body } of others) expect(body.verdict ?? body.status).toBe('sold_out');
  for (const [at, one] of crowd.entries()) {
    const { orders } = (await one.callUntilAnswered('GET', '/api/v1/orders')).body;
    expect(orders.map((order: { packet: unknown }) => order.packet)).toEqual(
      said[at]?.body.status === 'paid' ? [said[at]?.body.order.packet] : [],
    );
  }
  const [{ sha256 } = { sha256: '' }] = await system.databases.regular.query<{ sha256: string }>({
    text: `SELECT sha256 FROM catalog.pots() WHERE sku = 'Packet'`,
  });
  expect(before.pot.sha256).toBe(sha256);
  expect((await onSale('Packet')).availability).toBe('sold_out');
  expect(await audit(system.databases)).toEqual([]);
});

it('the last seats are sold, each once, while a worker is killed', async () => {
  expect(await onSale('Stalls')).toMatchObject({ goods: 'numbered' });
  // Not more than there are seats: somebody may not pay, so others would be told to try again.
  const crowd = Array.from({ length: 10 * SEATS }, shopper);
  const said = await buyThroughAKill(crowd, 'Stalls');
  const sold = said.flatMap(({ body }) => (body.status === 'ordered' ? body.order.units : []));
  const names = sold.map(({ row, seat }: { row: string; seat: string }) => `${row}-${seat}`);
  expect(new Set(names).size).toBe(10 * SEATS);
  expect(names).toHaveLength(10 * SEATS);
  const at = said.findIndex(({ body }) => body.status === 'ordered');
  const { orders } = (await (crowd[at] as Shopper).call('GET', '/api/v1/orders')).body;
  expect(orders[0].units).toEqual(said[at]?.body.order.units);
  expect(await audit(system.databases)).toEqual([]);
});

describe('the codes of seats', () => {
  const codesOf = (one: Shopper, orderNo: string) =>
    one.callUntilAnswered('GET', `/api/v1/orders/${orderNo}/codes`);
  /** A web node may know for half a second that the seats were all paid. */
  const buyTwo = (one: Shopper) =>
    until('two are bought', async () => {
      const said = await one.buy(sale, 'Circle', { quantity: 2 });
      return said.body.order?.orderNo as string | undefined;
    });
  const pay = (one: Shopper, orderNo: string) =>
    one.callUntilAnswered('POST', `/api/v1/demo/orders/${orderNo}/pay`);

  it('are for the owner of a paid order, and void once its seats are sold to another one', async () => {
    const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
    const path = join(folder, 'door.json');
    const { environment } = system;
    const pack = () => flashsale(['door', 'pack', sale, '--out', path], { environment });
    const verify = (...words: string[]) => flashsale(['door', 'verify', path, ...words]);
    const [ann, bob] = [shopper(), shopper()];
    const first = await buyTwo(ann);
    expect(await codesOf(ann, first)).toMatchObject({
      status: 409,
      contentType: expect.stringContaining('application/problem+json'),
      body: {
        verdict: 'not_allowed_now',
        detail: 'The order is ordered: only paid ones have codes',
      },
    });
    expect((await pay(ann, first)).body.status).toBe('paid');
    const given = await codesOf(ann, first);
    expect(given).toMatchObject({ status: 200, cacheControl: 'no-store' });
    const { codes } = given.body;
    expect(codes.map(({ row, seat }: { row: string; seat: string }) => `${row}${seat}`)).toEqual([
      'A1',
      'A2',
    ]);
    // Whichever web node is asked, and however often.
    for (let n = 0; n < 6; n += 1) expect((await codesOf(ann, first)).body.codes).toEqual(codes);
    expect((await codesOf(bob, first)).status).toBe(404);

    const packed = await pack();
    expect(packed.out).toContain(`: 2 of ${10 * SEATS + 2} units are paid`);
    const [old, spare] = codes.map(({ code }: { code: string }) => code);
    expect((await verify(old)).out).toBe('ok row A seat 1 (Circle)\n');

    const refunded = await refundOrder(system.databases, first, { by: 'sue', reason: 'a test' });
    expect(refunded).toBe('refund_due');
    expect(await codesOf(ann, first)).toMatchObject({
      status: 409,
      body: { detail: 'The order is cancelled: only paid ones have codes' },
    });
    const second = await buyTwo(bob);
    await pay(bob, second);
    const [fresh] = (await codesOf(bob, second)).body.codes;
    await pack();
    const said = await verify(old, spare, fresh.code, '--json');
    expect(
      said.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { result: 'void', orderNo: first },
      { result: 'void', orderNo: first },
      { result: 'ok', row: 'A', seat: '1', orderNo: second },
    ]);
    expect(said.code).toBe(1);
    expect(await audit(system.databases)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('are none for other goods', async () => {
    const one = shopper();
    const { order } = (await one.buy(sale, 'SignIn')).body;
    expect((await codesOf(one, order.orderNo)).body).toEqual({ codes: [] });
  });
});
