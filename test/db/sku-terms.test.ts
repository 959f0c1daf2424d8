import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { placeOrders } from '../../db/calls.ts';
import { type Databases, openSession } from '../../db/client/pool.ts';
import { createDatabase, PATIENCE, type TestDatabase } from './database.ts';
import { blocked } from './locks.ts';
import { openSale, request, requests, stock } from './shop.ts';

/**
 * place_orders reads a copy of the catalogue. A change of the catalogue, also by hand, takes effect
 * at the next call.
 */

let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let sale: string;
let sku: string;

beforeAll(async () => {
  database = await createDatabase();
  worker = database.as('worker');
  ops = database.as('ops');
});
afterAll(() => database.remove());
beforeEach(async () => {
  sale = await openSale(ops);
  sku = await stock(ops, sale, { units: 100 });
});

const edit = (text: string, ...values: unknown[]) => database.admin.query({ text, values });

/** The answers to a single request and to a batch. */
async function statuses(): Promise<string[]> {
  const one = await placeOrders(worker, 'hot', sku, [request()]);
  const two = await placeOrders(worker, 'hot', sku, requests(2));
  return [...new Set([...one, ...two].map(({ status, reason }) => reason ?? status))];
}

describe('a change by hand', () => {
  it.each([
    ['closed SKU', `UPDATE catalog.sku SET state = 'closed' WHERE sale = $1`, 'closed'],
    [
      'sale that opens later',
      `UPDATE catalog.sale SET opens_at = now() + interval '1 min' WHERE sale = $1`,
      'not_open',
    ],
    [
      'sale that is long over',
      `UPDATE catalog.sale SET closes_at = now() - interval '30 min' WHERE sale = $1`,
      'closed',
    ],
    [
      'SKU of the other server',
      `UPDATE catalog.sku SET abroad = true, schema = 'regular' WHERE sale = $1`,
      'regular',
    ],
  ])('takes effect at the next call: %s', async (_name, text, said) => {
    expect(await statuses()).toEqual(['ordered']);
    await edit(text, sale);
    expect(await raw()).toEqual([said]);
  });

  /** What the routine itself says: `moved` is not followed. */
  async function raw(): Promise<string[]> {
    const said: string[] = [];
    for (const size of [1, 2]) {
      const rows = await edit(
        `SELECT coalesce(reason, status) AS said FROM hot.place_orders($1,
           ARRAY(SELECT gen_random_uuid() FROM generate_series(1, $2)),
           ARRAY(SELECT gen_random_uuid()::text FROM generate_series(1, $2)),
           array_fill(1, ARRAY[$2::int]), array_fill(false, ARRAY[$2::int]),
           array_fill('node-1'::text, ARRAY[$2::int]))`,
        sku,
        size,
      );
      said.push(...rows.map((row) => String(row['said'])));
    }
    return [...new Set(said)];
  }

  it('of price, currency and payment window takes effect at the next call', async () => {
    await edit(`UPDATE catalog.sku SET price = 4.20, currency = 'CHF' WHERE sku = $1`, sku);
    await edit(`UPDATE catalog.sale SET pay_window = interval '7 min' WHERE sale = $1`, sale);
    expect(await statuses()).toEqual(['ordered']);
    const orders = await edit(
      `SELECT amount::text, currency, (pay_before - created_at)::text AS wait
       FROM hot.orders WHERE sku = $1`,
      sku,
    );
    expect(orders).toEqual(Array(3).fill({ amount: '4.20', currency: 'CHF', wait: '00:07:00' }));
  });

  it('of a tunable takes effect at the next call', async () => {
    const calls = async () => (await edit('SELECT FROM hot.place_call WHERE sku = $1', sku)).length;
    await edit(`UPDATE catalog.tunable SET value = 0 WHERE name = 'call_figures'`);
    expect(await statuses()).toEqual(['ordered']);
    expect(await calls()).toBe(0);
    await edit(`UPDATE catalog.tunable SET value = 1 WHERE name = 'call_figures'`);
    await statuses();
    expect(await calls()).toBe(2);
    await edit(
      `UPDATE catalog.sale SET closes_at = now() - interval '1 min' WHERE sale = $1`,
      sale,
    );
    expect(await statuses()).toEqual(['ordered']);
    await edit(`UPDATE catalog.tunable SET value = 1000 WHERE name = 'late_grace_ms'`);
    expect(await statuses()).toEqual(['closed']);
    await edit(`UPDATE catalog.tunable SET value = 600000 WHERE name = 'late_grace_ms'`);
  });
});

it('two concurrent changes are both kept', async () => {
  const open = () =>
    openSession(database.url, {
      applicationName: 'operator',
      ...PATIENCE,
    });
  const [one, two] = [await open(), await open()];
  await one.run('BEGIN');
  await one.run(`UPDATE catalog.sku SET price = 1 WHERE sku = '${sku}'`);
  const late = two.run(
    `UPDATE catalog.sale SET pay_window = interval '3 min' WHERE sale = '${sale}'`,
  );
  await blocked(database, 1);
  await one.run('COMMIT');
  await late;
  await Promise.all([one.close(), two.close()]);
  expect(
    await edit('SELECT price::text, pay_window::text FROM catalog.sku_terms WHERE sku = $1', sku),
  ).toEqual([{ price: '1.00', pay_window: '00:03:00' }]);
});

it('the terms are removed together with their SKU', async () => {
  await edit('DELETE FROM hot.stock_slot WHERE sku = $1', sku);
  await edit('DELETE FROM catalog.sku WHERE sku = $1', sku);
  expect(await edit('SELECT FROM catalog.sku_terms WHERE sku = $1', sku)).toEqual([]);
});
