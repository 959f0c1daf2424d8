import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAULT_NAMES } from '../../fire/kinds.ts';
import { run } from '../../fire/run.ts';
import { scheduleOf } from '../../fire/schedule.ts';
import { type Shop, startShop } from '../../fire/shop/shop.ts';
import { createDatabase } from '../db/database.ts';
import { createVirtualHost, servers, uniqueZkRoot } from '../servers.ts';

/**
 * Three runs of a minute on the servers of all tests: their links are cut, and they stay whole. `npm run fire`
 * breaks servers of its own, for longer, with more shoppers.
 */

const SECONDS = 60;
const LINES = 1;
const SEEDS = [1, 2, 3];

let shop: Shop;
let ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const [database, host] = await Promise.all([createDatabase(), createVirtualHost()]);
  ends = [database.remove, host.remove];
  shop = await startShop({
    environment: process.env,
    given: { databaseUrl: database.url, amqpUrl: host.url, zookeeper: servers.zookeeper },
    zkRoot: uniqueZkRoot(),
    say: () => {},
  });
});
afterAll(async () => {
  await shop?.stop();
  for (const end of ends) await end();
});

it.each(SEEDS)('keeps every promise under the faults of seed %i', async (seed) => {
  const schedule = scheduleOf(seed, SECONDS / 60);
  const { violations, history, orders, faults, requests, recoveryMs } = await run(shop, {
    ...{ seed, schedule, lines: LINES },
    // How soon the system recovers beside other tests is no promise.
    recoveryMaxMs: Number.POSITIVE_INFINITY,
  });
  console.log(`${faults} faults, ${requests} calls, ${orders} orders, well after ${recoveryMs} ms`);
  expect(violations).toEqual([]);
  expect(faults).toBeGreaterThan(3);
  expect(orders).toBeGreaterThan(10);
  const kinds = new Set(
    history.entries.flatMap((entry) => (entry.kind === 'call' ? [entry.name] : [])),
  );
  expect([...kinds]).toEqual(expect.arrayContaining(['ticket', 'press', 'status', 'pay']));
  for (const entry of history.entries) {
    if (entry.kind === 'fault' && !entry.restocked) expect(FAULT_NAMES).toContain(entry.fault);
  }
});
