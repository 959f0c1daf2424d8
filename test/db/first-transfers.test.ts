import { expect, it } from 'vitest';
import { requests, stock } from './shop.ts';
import { openTwoServers } from './two-servers.ts';

/** Several processes are the first at once to touch the mark of a SKU's transfers. */

const { servers, ops, sale } = await openTwoServers();

const SESSIONS = 12;
const SKUS = 40;
const worker = servers.as('worker', SESSIONS).home('hot');

it.each([
  ['copiers', 'regular', `SELECT FROM hot.copy_start('hot', $1, $2, true)`],
  [
    'carriers',
    'regular',
    `SELECT hot.apply_transfers($1, jsonb_build_array(jsonb_build_object('no', 0, 'hot_home', 'hot', 'body', $2::text)))`,
  ],
  // No transfer is carried here: there is no such order.
  ['late payments', 'hot', `SELECT hot.transfer_units($1, 'ann', 1, 5000000001, $2)`],
] as const)('none of the first %s of a SKU fails', async (_, schema, text) => {
  await Promise.all(requests(SESSIONS).map(() => worker.query({ text: 'SELECT pg_sleep(0.1)' })));
  for (let n = 0; n < SKUS; n += 1) {
    const sku = await stock(ops, sale, { units: 1, schema });
    const calls = requests(SESSIONS).map(({ requestId }) =>
      worker.query({ text, values: [sku, requestId] }),
    );
    expect(await Promise.all(calls)).toHaveLength(SESSIONS);
  }
});
