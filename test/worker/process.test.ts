import { afterAll, beforeAll, expect, test } from 'vitest';
import { drainQueues } from '../../broker/drain.ts';
import { EVENTS_EXCHANGE } from '../../contracts/topology.ts';
import { audit, requestOutcomes } from '../../db/calls.ts';
import { createConnections, takeAll } from '../broker/harness.ts';
import { Children } from '../children.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { createVirtualHost, type VirtualHost } from '../servers.ts';
import { until } from '../until.ts';
import { openSku, openWebNode, pack, purchases } from './shop-floor.ts';

const EVENTS_QUEUE = 'events';
const connections = createConnections();
const workers = new Children();
let host: VirtualHost;
let database: TestDatabase;

beforeAll(async () => {
  host = await createVirtualHost();
  database = await createDatabase();
});

afterAll(async () => {
  workers.close();
  await connections.closeAll();
  await database?.remove();
  await host?.remove();
});

/** A worker process. `ended` gives its exit code or signal. */
function startWorkerProcess() {
  const child = workers.spawn('worker/main.ts', {
    AMQP_URL: host.url,
    DATABASE_URL: database.url,
    DEMO: '1',
    LOG_LEVEL: 'error',
    PREFETCH_MAX: '50',
  });
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
  });
  return { child, ended };
}

test('workers that are killed under load lose no order and sell no unit twice', async () => {
  const sku = await openSku(database.as('ops'), 1_500);
  const connection = await connections.open(host.url);
  // After this time another worker publishes in place of the killed one.
  await database.admin.query({
    text: `UPDATE catalog.tunable SET value = 500 WHERE name = 'outbox_lease_ms'`,
  });
  const channel = await connection.openChannel();
  await channel.assertQueue(EVENTS_QUEUE, { durable: true });
  await channel.bindQueue(EVENTS_QUEUE, EVENTS_EXCHANGE, 'order.placed');
  const web = await openWebNode(connection);
  const all = purchases(2_000);
  const ids = all.map(({ requestId }) => requestId);
  const outcomes = database.as('web');
  const decided = async () => (await requestOutcomes(outcomes, ids)).length;

  const victims = [startWorkerProcess(), startWorkerProcess()];
  const envelopes = pack(sku, all, 4);
  const sent: Promise<void>[] = [];
  for (const { child } of victims) {
    // Each repetition meets requests that nobody has decided yet, however fast the machine is.
    const before = await decided();
    sent.push(web.sendAll(envelopes.splice(0, 150)));
    await until('it works', async () => (await decided()) > before);
    child.kill('SIGKILL');
  }
  const survivor = startWorkerProcess();
  sent.push(web.sendAll(envelopes));
  await Promise.all(sent);
  await until('all are decided', async () => (await decided()) === 2_000);
  await drainQueues(connection, 'node-1', 60_000);

  const [row] = await database.admin.query<{ count: string }>({
    text: 'SELECT count(*) FROM regular.orders WHERE sku = $1',
    values: [sku],
  });
  expect(Number(row?.count)).toBe(1_500);
  expect(await audit({ regular: database.admin, hot: database.admin })).toEqual([]);
  await until('the outbox is empty', async () => {
    return (await database.admin.query({ text: 'SELECT FROM regular.outbox' })).length === 0;
  });
  const events = (await takeAll(connection, EVENTS_QUEUE)).map((text) => JSON.parse(text));
  expect(new Set(events.map(({ subject }) => subject)).size).toBe(1_500);
  survivor.child.kill('SIGTERM');
  expect(await survivor.ended).toBe(0);
});
