import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  audit,
  cancelOrder,
  endRefund,
  expireOrders,
  failRefund,
  joinWaitlist,
  moveSku,
  payOrder,
  placeOrders,
  refundOrder,
  refusePayment,
  setWaitlists,
  takeRefunds,
} from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import { Random } from '../../fire/random.ts';
import { Killed, mortal } from './mortal.ts';
import { byNode, openSale, request, stock } from './shop.ts';
import { HOMES, startThreeHomes, type ThreeHomes } from './three-homes.ts';
import { carry } from './two-servers.ts';

/**
 * Random histories of orders, payments and refunds on three servers, between which the SKUs move. Movers die half-way, calls
 * run at once, and the provider fails or fails later. At the end each payment has paid one order or has gone back once, and
 * the events of each order tell its story.
 *
 * `SEEDS=1..200` plays others.
 */

const [FIRST = 1, LAST = 8] = (process.env['SEEDS'] ?? '1..8').split('..').map(Number);
const STEPS = 30;
const DOER = { by: 'sue@support', reason: 'a test' };
const WRONG = { amount: '1500', currency: 'JPY' };

/** Which events may follow an event, refunds apart. */
const AFTER: Readonly<Record<string, string>> = {
  '': 'placed',
  placed: 'paid cancelled expired',
  expired: 'paid',
  paid: 'cancelled',
};

interface OrderRow extends Record<string, unknown> {
  readonly order: string;
  readonly user: string;
  readonly status: string;
}
interface EventRow extends Record<string, unknown> {
  readonly order: string;
  readonly kind: string;
  readonly ref: string | null;
}

let homes: ThreeHomes;
let all: Databases;
beforeAll(async () => {
  homes = await startThreeHomes();
  all = homes.admin;
});
afterAll(() => homes.remove());

const schemaOf = (home: string) => (home === 'regular' ? 'regular' : 'hot');

async function rowsOf<T extends Record<string, unknown>>(
  text: (schema: string) => string,
  sale: string,
): Promise<T[]> {
  const rows: T[] = [];
  for (const home of all.homes) {
    const found = { text: text(schemaOf(home)), values: [sale] };
    rows.push(...(await all.home(home).query<T>(found)));
  }
  return rows;
}

class Shop {
  readonly lines: string[] = [];
  readonly given = new Map<string, number>();
  readonly random: Random;
  readonly sale: string;
  readonly skus: readonly string[];
  #serial = 0;

  constructor(random: Random, sale: string, skus: readonly string[]) {
    this.random = random;
    this.sale = sale;
    this.skus = skus;
  }

  name(prefix: string): string {
    this.#serial += 1;
    return `${prefix}${this.sale}-${this.#serial}`;
  }

  orders(): Promise<OrderRow[]> {
    return rowsOf<OrderRow>(
      (schema) => `SELECT order_no::text AS order, user_id AS user, status FROM ${schema}.orders
                   WHERE sale = $1 ORDER BY order_no`,
      this.sale,
    );
  }

  /** Does what a caller may repeat later. Calls end early when their process dies or a SKU is under way. */
  async try(what: string, work: () => Promise<unknown>): Promise<void> {
    const said = await work().catch((error: unknown) => {
      if (error instanceof Killed) return 'killed';
      if (!(error instanceof DatabaseError) || error.kind !== 'retry') throw error;
      return error.message;
    });
    this.lines.push(`${what}: ${JSON.stringify(said)}`);
  }
}

async function buy(shop: Shop): Promise<void> {
  const { random } = shop;
  const sku = random.one(shop.skus);
  const batch = Array.from({ length: random.between(1, 3) }, () =>
    request({ userId: `user-${random.between(1, 5)}`, units: random.between(1, 2) }),
  );
  await shop.try(`buy ${sku}`, () => placeOrders(all, random.one(HOMES), sku, batch));
}

async function wait({ random, skus, lines }: Shop): Promise<void> {
  const place = { sku: random.one(skus), userId: `user-${random.between(1, 9)}`, units: 1 };
  lines.push(`${place.userId} waits`);
  await joinWaitlist(all, random.one(HOMES), place);
}

async function move(shop: Shop): Promise<void> {
  const [sku, home] = [shop.random.one(shop.skus), shop.random.one(HOMES)];
  const [at, after] = [shop.random.between(1, 16), shop.random.chance(0.5)];
  const mover = shop.random.chance(0.5) ? mortal(all, at, after) : all;
  await shop.try(`move ${sku} to ${home}`, () => moveSku(mover, home, sku));
}

/** Several calls for one order, some of them at once. */
async function press(shop: Shop): Promise<void> {
  const { random } = shop;
  const orders = await shop.orders();
  if (orders.length === 0) return;
  const { order, user } = random.one(orders);
  const [ref, home] = [shop.name('stripe:'), all.ofOrder(order)];
  if (random.chance(0.5)) {
    const text = `UPDATE ${schemaOf(home)}.orders SET pay_before = now() - interval '1 s'
                  WHERE order_no = $1 AND status = 'ordered'`;
    await all.home(home).query({ text, values: [order] });
  }
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    pay: () => payOrder(all, order, ref, byNode),
    'pay again': () => payOrder(all, order, ref, byNode),
    'pay twice': () => payOrder(all, order, shop.name('stripe:'), byNode),
    'pay wrong': () => refusePayment(all, order, shop.name('stripe:'), WRONG),
    cancel: () => cancelOrder(all, order, user),
    refund: () => refundOrder(all, order, DOER),
    expire: () => expireOrders(all, home, 5),
  };
  const some = Object.entries(calls).filter(() => random.chance(0.3));
  const carrying = carry(all);
  await Promise.all(some.map(([what, call]) => shop.try(`${what} ${order}`, call)));
  await carrying.catch(() => {});
}

/** @param isWell the provider does not fail */
async function giveBack({ random, given, sale }: Shop, isWell: boolean): Promise<void> {
  for (const home of all.homes) {
    await all.home(home).query({ text: `UPDATE ${schemaOf(home)}.refund SET next_try_at = now()` });
    for (const { paymentRef, tries } of await takeRefunds(all, home, `stripe:${sale}`, 50)) {
      expect([paymentRef, given.get(paymentRef) ?? 0]).toEqual([paymentRef, 0]);
      const refundRef = `${paymentRef}-${tries}`;
      const answers = !isWell && random.chance(0.3) ? { error: 'no answer' } : { refundRef };
      await endRefund(all, home, paymentRef, answers);
      const failsLater = 'refundRef' in answers && !isWell && random.chance(0.3);
      if (failsLater) await failRefund(all, home, paymentRef, { refundRef, error: 'expired card' });
      given.set(paymentRef, 'refundRef' in answers && !failsLater ? 1 : 0);
    }
  }
}

async function checkMoney(shop: Shop): Promise<void> {
  const payments = await rowsOf<{ ref: string; order: string; result: string }>(
    (schema) => `SELECT payment_ref AS ref, order_no::text AS order, result FROM ${schema}.payment
                 WHERE sale = $1`,
    shop.sale,
  );
  const paid = payments.filter(({ result }) => result === 'paid').map(({ order }) => order);
  const orders = (await shop.orders()).filter(({ status }) => status === 'paid');
  expect(paid.sort()).toEqual(orders.map(({ order }) => order).sort());
  const back = payments.filter(({ result }) => result === 'refund_due').map(({ ref }) => ref);
  const given = [...shop.given].filter(([, times]) => times === 1).map(([ref]) => ref);
  expect(given.sort()).toEqual(back.sort());
}

async function checkEvents(shop: Shop): Promise<void> {
  const events = await rowsOf<EventRow>(
    (schema) => `SELECT unnest(order_nos)::text AS order, kind, payment_ref AS ref
                 FROM ${schema}.outbox WHERE sale = $1 ORDER BY event_no`,
    shop.sale,
  );
  for (const { order, status } of await shop.orders()) {
    const mine = events.filter((event) => event.order === order);
    const story = mine.filter(({ ref }) => ref === null).map(({ kind }) => kind);
    for (const [at, kind] of story.entries()) {
      expect([order, AFTER[story[at - 1] ?? ''], story]).toEqual([
        order,
        expect.stringContaining(kind),
        story,
      ]);
    }
    expect([order, story.at(-1)]).toEqual([order, status === 'ordered' ? 'placed' : status]);
    for (const told of Map.groupBy(mine, ({ ref }) => ref)) {
      if (told[0] === null) continue;
      const due = told[1].map(({ kind }, at) => [kind, at % 2 === 0 ? 'refund_due' : 'refunded']);
      expect([told[1].length % 2, due.every(([is, should]) => is === should)]).toEqual([0, true]);
    }
  }
}

async function play(shop: Shop): Promise<void> {
  await setWaitlists(all, shop.skus, []);
  for (let step = 0; step < STEPS; step += 1) {
    const kind = shop.random.between(0, 10);
    if (kind < 3) await buy(shop);
    else if (kind < 7) await press(shop);
    else if (kind < 8) await wait(shop);
    else if (kind < 10) await Promise.all([move(shop), press(shop)]);
    else await giveBack(shop, false);
  }
  for (const sku of shop.skus) await moveSku(all, 'regular', sku);
  await carry(all);
  for (const isWell of [false, true]) await giveBack(shop, isWell);
  await checkMoney(shop);
  await checkEvents(shop);
  expect(await audit(all)).toEqual([]);
}

it.each(Array.from({ length: LAST - FIRST + 1 }, (_, at) => FIRST + at))(
  'seed %i',
  async (seed) => {
    const random = new Random(seed, 'money');
    const sale = await openSale(all);
    const skus: string[] = [];
    for (const schema of HOMES)
      skus.push(await stock(all, sale, { units: 3, schema, userLimit: 3 }));
    const shop = new Shop(random, sale, skus);
    await play(shop).catch((error: Error) => {
      throw new Error(`${error.message}\n${shop.lines.join('\n')}`);
    });
  },
);
