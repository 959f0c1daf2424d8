import { afterAll, beforeAll, expect, test } from 'vitest';
import { drainQueues } from '../../broker/drain.ts';
import { audit, fenceNode, moveSku, requestOutcomes, unitCounts } from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { createConnections } from '../broker/harness.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { createVirtualHost, type VirtualHost } from '../servers.ts';
import { until } from '../until.ts';
import { openSku, openWebNode, openWorker, pack, purchases } from './shop-floor.ts';

/** Messages in the queue of the schema that their SKU has left. */

const connections = createConnections();
let host: VirtualHost;
let database: TestDatabase;
let worker: Databases;
let ops: Databases;

beforeAll(async () => {
  host = await createVirtualHost();
  database = await createDatabase();
  worker = database.as('worker', 8);
  ops = database.as('ops');
});
afterAll(async () => {
  await connections.closeAll();
  await database?.remove();
  await host?.remove();
});

const open = () => connections.open(host.url);

test('while a SKU moves there and back, each of its orders gets one verdict and none is lost', async () => {
  const units = 700;
  const sku = await openSku(ops, units);
  const web = await openWebNode(await open());
  const workers = await Promise.all(
    [1, 2].map(async () =>
      openWorker({ consuming: await open(), publishing: await open() }, worker),
    ),
  );
  const all = purchases(1_000);
  let moves = 0;
  const moving = (async () => {
    while (web.verdicts.size < all.length) {
      const to = moves % 2 === 0 ? 'hot' : 'regular';
      if ((await moveSku(ops, to, sku)).movedFrom !== undefined) moves += 1;
    }
  })();
  // Every envelope is sent twice. The second copy may find the SKU in another home than the first.
  for (const [n, envelope] of pack(sku, all).entries()) {
    // The last envelopes come after several moves, however fast the machine decides.
    if (n === 50) await until('it has moved often', () => moves > 3);
    await web.sendAll([envelope, envelope]);
  }
  await until('all are told twice', () => [...web.verdicts.values()].flat().length === 2_000);
  await moving;
  for (const told of web.verdicts.values()) {
    const [first, second] = told.map(({ amount: _, ...verdict }) => verdict);
    expect(first).toEqual(second);
  }
  const statuses = all.map(({ requestId }) => web.statusOf(requestId));
  expect(statuses.filter((status) => status === 'ordered')).toHaveLength(units);
  expect(statuses.filter((status) => status === 'sold_out')).toHaveLength(300);
  expect((await unitCounts(worker)).find((one) => one.sku === sku)?.free).toBe(0);
  const counted = await Promise.all(workers.map(({ metrics }) => metrics.text()));
  for (const text of counted) expect(text).not.toMatch(/dead_letters_total\{/);
  expect(await audit(ops)).toEqual([]);
  for (const { consumer } of workers) {
    await consumer.drain();
    await consumer.close();
  }
});

test("a dead node is drained through the old queue, and fenced in the SKU's present home", async () => {
  const sku = await openSku(ops, 50);
  await moveSku(ops, 'hot', sku);
  const sender = await open();
  const web = await openWebNode(sender);
  const first = purchases(10);
  await web.sendAll(pack(sku, first));
  // The queue of hot orders is served too. Otherwise the drain would wait for it.
  const pair = { consuming: await open(), publishing: await open() };
  const regular = await openWorker(pair, worker);
  const hot = await openWorker(pair, worker, undefined, 'hot');
  await drainQueues(sender, 'node-1', 60_000);
  const ids = first.map(({ requestId }) => requestId);
  expect(await requestOutcomes(worker, ids)).toHaveLength(10);
  await fenceNode(worker, 'node-1');
  await web.sendAll(pack(sku, purchases(3)));
  await until('the late ones are told', () => web.verdicts.size === 13);
  const late = [...web.verdicts.values()].flat().filter(({ reason }) => reason === 'node_fenced');
  expect(late).toHaveLength(3);
  for (const { consumer } of [regular, hot]) {
    await consumer.drain();
    await consumer.close();
  }
});
