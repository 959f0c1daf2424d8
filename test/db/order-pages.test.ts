import { afterAll, expect, test } from 'vitest';
import { type Order, placeOrders, userOrders } from '../../db/calls.ts';
import fc from '../properties.ts';
import { uniqueName } from '../servers.ts';
import { openSale, requests, stock } from './shop.ts';
import { startTwoServers, type TwoServers } from './two-servers.ts';

/** The pages of a user's orders over two servers have each order once, newest first. */

const servers: TwoServers = await startTwoServers();
afterAll(() => servers.remove());
const worker = servers.as('worker');
const web = servers.as('web');
const ops = servers.as('ops');
const sale = await openSale(ops);
const SCHEMAS = ['regular', 'hot'] as const;
const skus = {
  regular: await stock(ops, sale, { units: 10_000, userLimit: 100, schema: 'regular' }),
  hot: await stock(ops, sale, { units: 10_000, userLimit: 100, schema: 'hot' }),
};

/** Places the orders in one batch, so that they have the same time in each schema. */
async function buy(userId: string, schema: (typeof SCHEMAS)[number], count: number) {
  const decided = await placeOrders(worker, schema, skus[schema], requests(count, { userId }));
  return decided.map(({ orderNo }) => orderNo ?? '');
}

/** Sets the times of the orders a few microseconds apart, with the same times on both servers. */
async function crowd(userId: string, moments: number): Promise<void> {
  for (const schema of SCHEMAS) {
    await servers.admin.home(schema).query({
      text: `UPDATE ${schema}.orders
             SET created_at = date_trunc('second', created_at)
                              + (order_no / 2 % $2::int) * interval '1 microsecond'
             WHERE user_id = $1`,
      values: [userId, moments],
    });
  }
}

test('the pages together have each order once, newest first, while new orders are placed', async () => {
  const run = fc.record({
    orders: fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 12 })),
    moments: fc.integer({ min: 1, max: 5 }),
    limits: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
    arriving: fc.integer({ min: 0, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(run, async ({ orders: [regular, hot], moments, limits, arriving }) => {
      const userId = uniqueName('user');
      const before: string[] = [];
      if (regular > 0) before.push(...(await buy(userId, 'regular', regular)));
      before.push(...(await buy(userId, 'hot', hot)));
      await crowd(userId, moments);
      const seen: Order[] = [];
      let after: Awaited<ReturnType<typeof userOrders>>['next'];
      for (let page = 0; page === 0 || after !== undefined; page += 1) {
        const limit = limits[page % limits.length] ?? 1;
        const { orders, next, missing } = await userOrders(web, userId, { limit, after });
        expect(missing).toEqual([]);
        expect(orders.length).toBeGreaterThan(0);
        if (next !== undefined) expect(orders).toHaveLength(limit);
        seen.push(...orders);
        after = next;
        if (page < arriving) await buy(userId, SCHEMAS[page % 2] ?? 'hot', 1);
      }
      const numbers = seen.map(({ orderNo }) => orderNo);
      expect(numbers.toSorted()).toEqual(before.toSorted());
      for (const [index, { createdAt }] of seen.entries()) {
        const newer = seen[index - 1]?.createdAt ?? createdAt;
        expect(newer.getTime()).toBeGreaterThanOrEqual(createdAt.getTime());
      }
    }),
    { numRuns: 25 },
  );
}, 300_000);
