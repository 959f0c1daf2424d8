import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drainQueues } from '../../broker/drain.ts';
import { EVENTS_EXCHANGE } from '../../contracts/topology.ts';
import { audit, requestOutcomes } from '../../db/calls.ts';
import { type Canary, canaries, startCanary, stopCanary } from '../../db/canary.ts';
import { Databases } from '../../db/client/pool.ts';
import { openInstaller } from '../../db/install/installer.ts';
import { freePort } from '../../ops/stack/ports.ts';
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
function startWorkerProcess(environment: Record<string, string> = {}) {
  const child = workers.spawn('worker/main.ts', {
    AMQP_URL: host.url,
    DATABASE_URL: database.url,
    DEMO: '1',
    LOG_LEVEL: 'error',
    PREFETCH_MAX: '50',
    ...environment,
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
  expect(await audit(Databases.ofOne(database.admin))).toEqual([]);
  await until('the outbox is empty', async () => {
    return (await database.admin.query({ text: 'SELECT FROM regular.outbox' })).length === 0;
  });
  const events = (await takeAll(connection, EVENTS_QUEUE)).map((text) => JSON.parse(text));
  expect(new Set(events.map(({ subject }) => subject)).size).toBe(1_500);
  survivor.child.kill('SIGTERM');
  expect(await survivor.ended).toBe(0);
});

test('a canary that fails, or is slow, under load is stopped; no request is lost or notices it', async () => {
  const sku = await openSku(database.as('ops'), 100_000);
  const connection = await connections.open(host.url);
  const web = await openWebNode(connection);
  const port = await freePort();
  const worker = startWorkerProcess({
    CALLS_IN_FLIGHT_MAX: '4',
    MONITOR_PORT: String(port),
    LOG_LEVEL: 'silent',
  });
  const installer = await openInstaller(database.url);
  const place = { schema: 'regular', name: 'place_orders' };
  const source = readFileSync(
    new URL('../../db/procedures/place_orders.sql', import.meta.url),
    'utf8',
  );
  const sent: string[] = [];
  const outcomes = database.as('web');
  /** Sends requests one by one, so that each call has few, until the worker has stopped the canary. */
  const judged = async (statement: string): Promise<Canary> => {
    const planted = source.replace('\nBEGIN\n', `\nBEGIN\n  ${statement}\n`);
    await startCanary(installer, { ...place, source: planted, share: 0.5, skus: [] });
    return until('the worker has stopped the canary', async () => {
      const wave = purchases(60);
      sent.push(...wave.map(({ requestId }) => requestId));
      await web.sendAll(pack(sku, wave, 1));
      await until('the wave is decided', async () => {
        const ids = wave.map(({ requestId }) => requestId);
        return (await requestOutcomes(outcomes, ids)).length === ids.length;
      });
      const [row] = await database.admin.query({
        text: 'SELECT FROM catalog.routine_canary WHERE stopped_at IS NOT NULL',
      });
      return row && (await canaries(installer))[0];
    });
  };

  const failing = await judged("RAISE EXCEPTION 'planted' USING ERRCODE = 'XX000';");
  expect(failing.stopReason).toContain('it fails more often');
  expect(failing.present.failed).toBe(0);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(metrics).toMatch(/flashsale_canary_stopped\{routine="regular.place_orders".*\} 1/);
  await stopCanary(installer, place);

  const slow = await judged('PERFORM pg_sleep(0.05);');
  expect(slow.stopReason).toContain('it is slower');
  expect(slow.canary.p50Ms ?? 0).toBeGreaterThan(50);
  expect(slow.canary.failed).toBe(0);
  await stopCanary(installer, place);

  expect(await requestOutcomes(outcomes, sent)).toHaveLength(sent.length);
  const [row] = await database.admin.query<{ count: string }>({
    text: 'SELECT count(*) FROM regular.orders WHERE sku = $1',
    values: [sku],
  });
  expect(Number(row?.count)).toBe(sent.length);
  const stops = await database.admin.query({
    text: `SELECT target FROM catalog.action WHERE action = 'stop_canary' AND acted_by = 'flashsale'`,
  });
  expect(stops).toEqual(Array(2).fill({ target: 'regular.place_orders' }));
  expect(await audit(Databases.ofOne(database.admin))).toEqual([]);
  await installer.close();
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
});
