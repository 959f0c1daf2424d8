import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BrokerConnection } from '../../broker/connection.ts';
import { withDeadLetters } from '../../broker/dead-letters.ts';
import type { Databases } from '../../db/client/pool.ts';
import { createConnections, purge } from '../broker/harness.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { createVirtualHost, type VirtualHost } from '../servers.ts';
import { until } from '../until.ts';
import { openSku, openWebNode, openWorker, pack, purchases } from './shop-floor.ts';

/** Requests of a sale whose opening was postponed after they were admitted. */

const connections = createConnections();
let host: VirtualHost;
let database: TestDatabase;
let worker: Databases;
let ops: Databases;
let direct: BrokerConnection;

beforeAll(async () => {
  host = await createVirtualHost();
  database = await createDatabase();
  worker = database.as('worker', 8);
  ops = database.as('ops');
});

beforeEach(async () => {
  direct = await connections.open(host.url);
  await purge(direct);
});

afterEach(() => connections.closeAll());

afterAll(async () => {
  await database?.remove();
  await host?.remove();
});

test('sales that open later use half of the prefetch, and the rest of their messages become dead letters', async () => {
  const [early, other] = [await openSku(ops, 40), await openSku(ops, 5)];
  await database.admin.query({
    text: `UPDATE catalog.sale SET opens_at = now() + interval '30 min'
           WHERE sale = (SELECT sale FROM catalog.sku WHERE sku = $1)`,
    values: [early],
  });
  const web = await openWebNode(direct);
  const [consuming, publishing] = [
    await connections.open(host.url),
    await connections.open(host.url),
  ];
  const pair = { consuming, publishing };
  const limits = { prefetchMax: 10, batchRequestsMax: 4 };
  const { consumer } = await openWorker(pair, worker, (call) => call, 'regular', limits);
  const [waiting, served] = [purchases(30), purchases(5)];
  await web.sendAll([...pack(early, waiting, 1), ...pack(other, served, 1)]);
  await until('the open sale is served', () => web.verdicts.size === 5);
  await until('the others are told that theirs is late', () => web.delayed.size === 25);
  await database.admin.query({
    text: `UPDATE catalog.sale SET opens_at = now()
           WHERE sale = (SELECT sale FROM catalog.sku WHERE sku = $1)`,
    values: [early],
  });
  await until('those that were held are told', () => web.verdicts.size === 10);
  const causes = await withDeadLetters(direct, async (letters) =>
    letters.map(({ cause }) => cause),
  );
  expect(causes).toEqual(Array(25).fill('not_open'));
  await consumer.drain();
});
