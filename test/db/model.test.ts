import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAILY_UNITS } from '../../contracts/goods.ts';
import {
  type AdmittedRequest,
  audit,
  cancelOrder,
  type Decision,
  expireOrders,
  payOrder,
  placeOrders,
  refundOrder,
  renewSlots,
  restock,
  setSlots,
  unitCounts,
} from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { LOCK_TIMEOUT_SQLSTATE } from '../../db/client/homes.ts';
import type { Databases } from '../../db/client/pool.ts';
import fc from '../properties.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { DayModel, Model, PotModel } from './model.ts';
import { byNode, openSale, request, stock } from './shop.ts';

/**
 * Random histories of all order routines. Run one after the other, the routines must answer what
 * the model answers. Run on many connections at once, they must keep the promises, and the audit
 * must find nothing. fast-check prints the shortest history that fails.
 */

const CONNECTIONS = 8;
const DOER = { by: 'sue@support', reason: 'a test' };
const USERS = ['ann', 'ben', 'cem', 'dua', 'eli'];

let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let sale: string;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker', CONNECTIONS);
  ops = database.as('ops', 4);
  sale = await openSale(ops);
});
afterAll(async () => {
  await database.remove();
});

const nat = (max: number) => fc.integer({ min: 0, max });
const wish = fc.record({
  user: nat(USERS.length - 1),
  units: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 3 }) }, fc.constant(0)),
  acceptFewer: fc.boolean(),
  /** Repeats the earlier request at this index, if there is one. */
  repeats: fc.option(nat(40), { freq: 5 }),
});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('place' as const),
      batch: fc.array(wish, { minLength: 1, maxLength: 6 }),
      wait: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pay' as const), order: nat(40), ref: nat(1) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), order: nat(40) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refund' as const), order: nat(40) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expire' as const), order: nat(40) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restock' as const),
      units: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('slots' as const),
      slots: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('renew' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
type Wish = typeof wish extends fc.Arbitrary<infer W> ? W : never;

/** Goods whose units are told apart have to answer like counted ones, but get no more units. */
type Kind = 'counted' | 'numbered' | 'amounts' | 'daily';
const ROW = 5;

const MODELS = { counted: Model, numbered: Model, amounts: PotModel, daily: DayModel };

function seatsFor(units: number) {
  return Array.from({ length: Math.ceil(units / ROW) }, (_, at) => ({
    ...{ row: `${at + 1}`, from: 1, to: Math.min(ROW, units - at * ROW) },
  }));
}

async function stockOf(kind: Kind, units: number, slots: number, userLimit: number) {
  const common = { units, slots, userLimit };
  const free = { ...common, price: '0' };
  switch (kind) {
    case 'counted':
      return stock(ops, sale, common);
    case 'numbered':
      return stock(ops, sale, { ...common, section: { seats: seatsFor(units), singles: 'avoid' } });
    case 'amounts': {
      const pot = { amount: `${units}.00`, packets: units, division: 'random' } as const;
      return stock(ops, sale, { ...free, pot });
    }
    case 'daily':
      return stock(ops, sale, { ...free, zone: 'Europe/Berlin' });
  }
}

/** The units that orders have, by the rows of the units. */
async function unitsOfOrders(sku: string): Promise<Map<string, number>> {
  const rows = await database.admin.query<{ order: string; units: number }>({
    text: `SELECT order_no::text AS order, count(*)::int AS units FROM hot.unit
           WHERE sku = $1 AND order_no IS NOT NULL GROUP BY 1`,
    values: [sku],
  });
  return new Map(rows.map(({ order, units }) => [order, units]));
}

const free = async (sku: string) =>
  (await unitCounts(worker)).find((count) => count.sku === sku)?.free;

/** Orders by the index at which they were placed, which is how steps name them. */
class Ledger {
  readonly requests: AdmittedRequest[] = [];
  readonly orders: { requestId: string; orderNo: string; userId: string }[] = [];

  requestFor({ user, units, acceptFewer, repeats }: Wish): AdmittedRequest {
    const earlier = repeats === null ? undefined : this.requests[repeats];
    // Sometimes with another user: the request id is then taken.
    if (earlier !== undefined && units > 0) return earlier;
    const requestId = earlier?.requestId ?? randomUUID();
    const asked = request({ requestId, userId: USERS[user] ?? 'ann', units, acceptFewer });
    this.requests.push(asked);
    return asked;
  }

  note(batch: readonly AdmittedRequest[], said: readonly Decision[]): void {
    for (const { requestId, orderNo } of said) {
      if (orderNo === null || this.orders.some((order) => order.orderNo === orderNo)) continue;
      const asked = batch.find((one) => one.requestId === requestId);
      this.orders.push({ requestId, orderNo, userId: asked?.userId ?? '' });
    }
  }
}

async function overdue(orderNo: string): Promise<void> {
  const text = `UPDATE hot.orders SET pay_before = now() - interval '1 s'
                WHERE order_no = $1 AND status = 'ordered'`;
  await database.admin.query({ text, values: [orderNo] });
}

async function oneAfterTheOther(
  kind: Kind,
  units: number,
  slots: number,
  userLimit: number,
  steps: readonly Step[],
) {
  const sku = await stockOf(kind, units, slots, userLimit);
  const model = new MODELS[kind](units, userLimit);
  const ledger = new Ledger();
  for (const now of steps) {
    const order = 'order' in now ? ledger.orders[now.order] : undefined;
    const known = order && model.orders.get(order.requestId);
    if (now.do === 'place') {
      // Who wants a unit of daily goods gets one, so the number is not asked for.
      const wishes = now.batch.map((one) => (kind === 'daily' ? { ...one, units: 1 } : one));
      const batch = wishes.map((wished) => ledger.requestFor(wished));
      let said = await placeOrders(worker, 'hot', sku, batch, { wait: now.wait });
      for (let calls = 1; said.some(({ status }) => status === 'locked'); calls += 1) {
        expect(calls).toBeLessThan(batch.length);
        said = await placeOrders(worker, 'hot', sku, batch, { wait: true });
      }
      ledger.note(batch, said);
      expect(said.map(({ orderNo: _, ...rest }) => rest)).toEqual(model.place(batch));
    } else if (now.do === 'pay' && order && known) {
      const ref = `${order.orderNo}-${now.ref}`;
      // A reference that was refused once stays refused, which the model does not track.
      if (known.paidBy === undefined && known.state !== 'ordered') continue;
      expect(await payOrder(worker, order.orderNo, ref, byNode)).toBe(model.pay(known, ref));
    } else if (now.do === 'cancel' && order && known) {
      const said = await cancelOrder(worker, order.orderNo, order.userId);
      expect(said).toBe(model.giveUp(known, 'cancelled'));
    } else if (now.do === 'refund' && order && known) {
      expect(await refundOrder(ops, order.orderNo, DOER)).toBe(model.refund(known));
    } else if (now.do === 'expire' && order && known) {
      await overdue(order.orderNo);
      await expireOrders(worker, 'hot', 10);
      model.giveUp(known, 'expired');
    } else if (now.do === 'restock' && kind === 'counted') {
      await restock(ops, 'hot', sku, now.units);
      model.free += now.units;
    } else if (now.do === 'slots') {
      await setSlots(ops, 'hot', sku, now.slots);
    } else if (now.do === 'renew') {
      await renewSlots(worker, 'hot', sku, 0);
    }
    expect(await free(sku)).toBe(model.free);
  }
  if (kind === 'counted' || kind === 'daily') return;
  const held = ledger.orders.map(
    ({ requestId, orderNo }) => [orderNo, model.unitsOf(requestId)] as const,
  );
  expect(await unitsOfOrders(sku)).toEqual(new Map(held.filter(([, count]) => count > 0)));
}

/** Repeats the batch, as a worker does, until every request is decided. */
async function decide(sku: string, batch: readonly AdmittedRequest[], wait: boolean) {
  const final = new Map<string, Decision>();
  let rest = batch;
  for (let again = wait; rest.length > 0; again = true) {
    try {
      for (const decision of await placeOrders(worker, 'hot', sku, rest, { wait: again })) {
        if (decision.status !== 'locked') final.set(decision.requestId, decision);
      }
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.sqlstate !== '23505') throw error;
    }
    rest = batch.filter(({ requestId }) => !final.has(requestId));
  }
  return [...final.values()];
}

/** A renewal does nothing if the SKU is locked for long. */
const unlessHeld = (renewal: Promise<number>) =>
  renewal.catch((error) => {
    if (!(error instanceof DatabaseError) || error.sqlstate !== LOCK_TIMEOUT_SQLSTATE) throw error;
  });

const isFree = (kind: Kind) => kind === 'amounts' || kind === 'daily';

async function allAtOnce(
  kind: Kind,
  units: number,
  slots: number,
  scripts: readonly (readonly Step[])[],
) {
  const sku = await stockOf(kind, units, slots, isFree(kind) ? 1 : 3);
  const ledger = new Ledger();
  const outcomes = new Map<string, Decision>();
  let restocked = 0;
  const play = async (now: Step) => {
    const order = 'order' in now ? ledger.orders[now.order] : undefined;
    if (now.do === 'place') {
      // Each request id belongs to one user here. Otherwise, which user is told 'taken' would
      // depend on the order of arrival.
      const unique = new Map(
        now.batch.map((wished) => {
          const asked = ledger.requestFor({ ...wished, units: Math.max(1, wished.units) });
          return [asked.requestId, asked] as const;
        }),
      );
      const batch = [...unique.values()];
      const said = await decide(sku, batch, now.wait);
      for (const decision of said) {
        const before = outcomes.get(decision.requestId) ?? decision;
        expect(decision).toEqual(before);
        outcomes.set(decision.requestId, decision);
      }
      ledger.note(batch, said);
    } else if (now.do === 'restock' && kind !== 'counted') return;
    else if (now.do === 'restock') {
      restocked += now.units;
      await restock(ops, 'hot', sku, now.units);
    } else if (now.do === 'slots') await setSlots(ops, 'hot', sku, now.slots);
    else if (now.do === 'renew') await unlessHeld(renewSlots(worker, 'hot', sku, 0));
    else if (order === undefined) return;
    else if (now.do === 'pay')
      await payOrder(worker, order.orderNo, `${order.orderNo}-${now.ref}`, byNode);
    else if (now.do === 'cancel') await cancelOrder(worker, order.orderNo, order.userId);
    else if (now.do === 'refund') await refundOrder(ops, order.orderNo, DOER);
    else {
      await overdue(order.orderNo);
      await expireOrders(worker, 'hot', 3);
    }
  };
  await Promise.all(
    scripts.map(async (script) => {
      for (const now of script) await play(now);
    }),
  );
  // Packets stay taken when their order ends.
  const isTaken = kind === 'amounts' ? 'true' : `status IN ('ordered', 'paid')`;
  const text = `SELECT coalesce(sum(units) FILTER (WHERE ${isTaken}), 0)::int AS held
                FROM hot.orders WHERE sku = $1`;
  const [row] = await database.admin.query<{ held: number }>({ text, values: [sku] });
  expect((row?.held ?? 0) + ((await free(sku)) ?? 0)).toBe(units + restocked);
}

const LIMITS: Readonly<Record<Kind, fc.Arbitrary<number>>> = {
  counted: fc.integer({ min: 1, max: 4 }),
  numbered: fc.integer({ min: 1, max: 4 }),
  amounts: fc.constant(1),
  daily: fc.constant(1),
};
const unitsOf = (kind: Kind, max: number) =>
  kind === 'counted'
    ? nat(max)
    : kind === 'daily'
      ? fc.constant(DAILY_UNITS)
      : fc.integer({ min: 1, max });

it.each<[Kind, number]>([
  ['counted', 80],
  ['numbered', 30],
  ['amounts', 20],
  ['daily', 20],
])(
  'the routines answer what the model answers, one call after the other: %s goods',
  async (kind, numRuns) => {
    const history = fc.array(step, { minLength: 5, maxLength: 25 });
    const property = fc.asyncProperty(
      unitsOf(kind, 12),
      fc.integer({ min: 1, max: 6 }),
      LIMITS[kind],
      history,
      (...given) => oneAfterTheOther(kind, ...given),
    );
    await fc.assert(property, { numRuns });
    expect(await audit(ops)).toEqual([]);
  },
);

it.each<[Kind, number]>([
  ['counted', 30],
  ['numbered', 12],
  ['amounts', 6],
  ['daily', 6],
])(
  'the promises hold when histories run on many connections at once: %s goods',
  async (kind, numRuns) => {
    const script = fc.array(step, { minLength: 4, maxLength: 12 });
    const scripts = fc.array(script, { minLength: CONNECTIONS, maxLength: CONNECTIONS });
    const property = fc.asyncProperty(
      unitsOf(kind, 15),
      fc.integer({ min: 1, max: 6 }),
      scripts,
      async (...history) => {
        await allAtOnce(kind, ...history);
        expect(await audit(ops)).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns });
  },
);
