import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPool } from '../../../db/client/pool.ts';
import { servers } from '../../servers.ts';
import { until } from '../../until.ts';
import { startRelay } from '../../zk/client/relay.ts';
import { createDatabase, type TestDatabase } from '../database.ts';
import { openSale } from '../shop.ts';

/** How a pool comes to its sessions: in turn, patiently, and ready for work. */

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.remove());

const limits = { applicationName: 'test pool' };
/** Far beyond any machine. */
const PATIENT = { connectTimeoutMs: 60_000, waitTimeoutMs: 120_000 };

/** A way to the server that starts one session at a time, each no sooner than so long after the last. */
async function startSlowWay(pauseMs: number) {
  const { hostname, port } = new URL(servers.databaseUrl);
  let turn = Promise.resolve();
  let underWay = 0;
  let mostUnderWay = 0;
  const server = createServer({ pauseOnConnect: true }, (client) => {
    underWay += 1;
    mostUnderWay = Math.max(mostUnderWay, underWay);
    turn = turn.then(async () => {
      await delay(pauseMs);
      const upstream = connect(Number(port), hostname);
      const end = () => {
        client.destroy();
        upstream.destroy();
      };
      client.on('close', end).on('error', end);
      upstream.on('close', end).on('error', end);
      // The first answer: the session is being made, its turn is over.
      upstream.once('data', () => {
        underWay -= 1;
      });
      client.pipe(upstream).pipe(client);
      client.resume();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(database.url);
  url.port = String((server.address() as { port: number }).port);
  return { url: url.href, most: () => mostUnderWay, close: () => server.close() };
}

it('makes few connections at a time where the server makes them slowly, and none fails', async () => {
  const way = await startSlowWay(200);
  // 24 at once would take 4.8 s, each of them counted from the start: more than an attempt may take.
  const times = { connectTimeoutMs: 3_000, waitTimeoutMs: 120_000, connectsMax: 2 };
  const pool = createPool({ ...limits, ...times, url: way.url, max: 24 });
  const asked = Array.from({ length: 24 }, () => pool.query({ text: 'SELECT pg_sleep(0.1)' }));
  const failed = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected');
  expect(failed).toEqual([]);
  expect(way.most()).toBeLessThanOrEqual(2 + 1);
  await pool.close();
  way.close();
});

it('tells those who waited for a connection for too long that nothing was done', async () => {
  const { host } = new URL(servers.databaseUrl);
  const relay = await startRelay(host);
  relay.silence();
  const url = new URL(database.url);
  url.host = relay.address;
  const times = { connectTimeoutMs: 60_000, waitTimeoutMs: 300, connectsMax: 1 };
  const pool = createPool({ ...limits, ...times, url: url.href, max: 2 });
  // One has its turn, one waits for it, one waits in the queue.
  const asked = [1, 2, 3].map(() => pool.query({ text: 'SELECT 1' }));
  for (const answer of await Promise.allSettled(asked)) {
    expect(answer).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable' } });
  }
  relay.speak();
  await until('it works again', () => pool.query({ text: 'SELECT 1 AS one' }));
  await pool.close();
  await relay.close();
});

it('makes a session ready before it is handed out, and hands it out all the same if that fails', async () => {
  const warmed: unknown[] = [];
  const errors: unknown[] = [];
  const pool = createPool({
    ...limits,
    ...PATIENT,
    url: database.url,
    max: 3,
    min: 2,
    warmUp: async (session) => {
      warmed.push(await session.query({ text: `SELECT set_config('test.warm', 'yes', false)` }));
      await session.query({ text: 'SELECT 1 / 0' });
    },
    onError: (error) => errors.push(error.sqlstate),
  });
  await pool.fill();
  expect(pool.figures()).toMatchObject({ open: 2, idle: 2 });
  const asked = [1, 2, 3].map(() =>
    pool.query({ text: `SELECT current_setting('test.warm') AS warm, pg_sleep(0.1)` }),
  );
  for (const rows of await Promise.all(asked)) expect(rows).toMatchObject([{ warm: 'yes' }]);
  expect(warmed).toHaveLength(3);
  expect(errors).toEqual(['22012', '22012', '22012']);
  await pool.close();
});

it('survives a server that ends a session in the packet that says it is ready', async () => {
  const { hostname, port } = new URL(servers.databaseUrl);
  const READY = Buffer.from('5a0000000549', 'hex');
  const applicationName = 'thrown out';
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    let held: Buffer | undefined;
    upstream.on('data', (chunk: Buffer) => {
      const isReady = chunk.subarray(-READY.length).equals(READY);
      if (held === undefined && !isReady) client.write(chunk);
      else held = Buffer.concat([held ?? Buffer.alloc(0), chunk]);
      if (!isReady) return;
      void database.admin.query({
        text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`,
        values: [applicationName],
      });
    });
    upstream.on('close', () => client.end(held ?? ''));
    client.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(database.url);
  url.port = String((server.address() as { port: number }).port);
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const pool = createPool({ applicationName, onError, url: url.href, max: 1 });
  await expect(pool.query({ text: 'SELECT 1' })).rejects.toMatchObject({ name: 'DatabaseError' });
  expect(errors[0]).toMatchObject({ sqlstate: '57P01' });
  await pool.close();
  server.close();
});

it('is not filled while the server is away, and says so', async () => {
  const errors: unknown[] = [];
  const pool = createPool({
    ...limits,
    url: 'postgres://nobody@127.0.0.1:1/nothing',
    max: 2,
    min: 2,
    onError: (error) => errors.push(error.kind),
  });
  await pool.fill();
  expect(errors).toEqual(['unavailable', 'unavailable']);
  await pool.close();
});

it.each(['regular', 'hot'])(
  'warm_session of %s changes nothing that anybody sees',
  async (schema) => {
    const read = () =>
      database.admin.query({
        text: `SELECT (SELECT count(*)::int FROM catalog.sku_terms) AS terms,
        (SELECT count(*)::int FROM ${schema}.orders) AS orders,
        (SELECT count(*)::int FROM ${schema}.outcome) AS outcomes,
        (SELECT count(*)::int FROM ${schema}.buyer) AS buyers,
        (SELECT count(*)::int FROM ${schema}.stock_slot) AS slots,
        (SELECT count(*)::int FROM ${schema}.stock_movement) AS movements,
        (SELECT count(*)::int FROM ${schema}.outbox) AS events`,
      });
    const warm = (places: boolean) =>
      database.as(places ? 'worker' : 'web').hot.query({
        text: `SELECT ${schema}.warm_session($1) AS warm`,
        values: [places],
      });
    await openSale(database.as('ops'));
    const before = await read();
    // Many at once do not meet.
    expect(await Promise.all([true, false, true, true].map(warm))).toEqual(
      Array(4).fill([{ warm: true }]),
    );
    expect(await read()).toEqual(before);
  },
);
