import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  audit,
  cancelOrder,
  expireOrders,
  joinWaitlist,
  leaveWaitlist,
  moveSku,
  payOrder,
  placeOrders,
  unitCounts,
  userOrders,
  waitlistEntries,
} from '../../db/calls.ts';
import type { DatabaseError } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import { Random } from '../keeper/sim/random.ts';
import { uniqueName } from '../servers.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { byNode, openSale, request, stock } from './shop.ts';

/**
 * Everything that touches the waitlist at the same time: orders, cancellations, expiry, payments,
 * moves, and shoppers who join and leave. After each round, audit() checks the promises: the books,
 * one order for each entry, and the order of the waitlist.
 */

const ROUNDS = 100;
const CONNECTIONS = 8;
const CALLS = 5;
const UNITS = 6;
const USERS = 14;
/** Seeds the choice of actions. The machine decides which of them meet. */
const SEED = 20_261_121;

let database: TestDatabase;
let databases: Databases;
let sale: string;

beforeAll(async () => {
  database = await createDatabase();
  databases = database.as('owner', CONNECTIONS);
  sale = await openSale(databases);
});
afterAll(() => database.remove());

type Act = (sku: string, userId: string, random: Random) => Promise<unknown>;

async function unpaidOf(userId: string, sku: string): Promise<string | undefined> {
  const { orders } = await userOrders(databases, userId);
  return orders.find((order) => order.sku === sku && order.status === 'ordered')?.orderNo;
}

const ACTS: readonly Act[] = [
  async (sku, userId, random) => {
    const users = Array.from({ length: random.integer(1, 4) }, () => userOf(sku, random));
    const batch = [...new Set([userId, ...users])].map((each) =>
      request({ userId: each, units: random.integer(1, 2) }),
    );
    return placeOrders(databases, 'hot', sku, batch, { wait: random.chance(0.5) });
  },
  async (sku, userId) => {
    const orderNo = await unpaidOf(userId, sku);
    return orderNo && cancelOrder(databases, orderNo, userId);
  },
  async (sku, userId, random) => {
    const orderNo = await unpaidOf(userId, sku);
    return orderNo && random.chance(0.2) && payOrder(databases, orderNo, uniqueName('ref'), byNode);
  },
  async (sku, _userId, random) => {
    for (const schema of ['regular', 'hot'] as const) {
      // Never waits for a row, so that the test does not cause the deadlocks that it looks for.
      await database.admin.query({
        text: `UPDATE ${schema}.orders o SET pay_before = now() - interval '1 s'
               FROM (SELECT order_no FROM ${schema}.orders
                     WHERE sku = $1 AND status = 'ordered' AND random() < 0.4
                     FOR UPDATE SKIP LOCKED) d WHERE o.order_no = d.order_no`,
        values: [sku],
      });
    }
    return expireOrders(databases, random.chance(0.5) ? 'hot' : 'regular', random.integer(1, 9));
  },
  async (sku, userId, random) =>
    joinWaitlist(databases, 'hot', { sku, userId, units: random.integer(1, 2) }),
  async (sku, userId, random) =>
    joinWaitlist(databases, 'hot', { sku, userId, units: random.integer(1, 2) }),
  async (sku, userId) => leaveWaitlist(databases, sku, userId),
  async (sku, _userId, random) =>
    random.chance(0.3) && moveSku(databases, random.chance(0.5) ? 'hot' : 'regular', sku),
];

const userOf = (sku: string, random: Random) => `${sku}-u${random.integer(0, USERS - 1)}`;

it(`the books and the order of the waitlist are right through ${ROUNDS} rounds of concurrent actions`, async () => {
  const random = new Random(SEED);
  let served = 0;
  const errors: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const sku = await stock(databases, sale, {
      units: UNITS,
      userLimit: 2,
      slots: random.integer(1, 3),
    });
    const filling = Array.from({ length: UNITS }, (_, n) => request({ userId: `${sku}-u${n}` }));
    await placeOrders(databases, 'hot', sku, filling, { wait: true });
    const play = async (dice: Random) => {
      for (let call = 0; call < CALLS; call += 1) {
        const act = dice.pick(ACTS);
        await act(sku, userOf(sku, dice), dice).catch((error: unknown) => {
          const { sqlstate, message, cause } = error as DatabaseError;
          const { detail, where } = (cause ?? {}) as { detail?: string; where?: string };
          errors.push(`${sqlstate} ${message} ${detail} ${where}`);
        });
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, () => play(random.fork())));
    const counts = (await unitCounts(databases)).find((count) => count.sku === sku);
    expect(counts?.unitsTotal).toBe(UNITS);
    const places = Array.from({ length: USERS }, (_, n) => ({ sku, userId: `${sku}-u${n}` }));
    const entries = await waitlistEntries(databases, places);
    served += entries.filter(({ state }) => state === 'served').length;
  }
  expect(errors, `seed ${SEED}`).toEqual([]);
  expect(await audit(databases), `seed ${SEED}`).toEqual([]);
  expect(served, 'the rounds serve the line at all').toBeGreaterThan(ROUNDS / 2);
}, 600_000);
