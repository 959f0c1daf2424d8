import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPool } from '../../../db/client/pool.ts';
import { servers } from '../../servers.ts';
import { until } from '../../until.ts';
import { startRelay } from '../../zk/client/relay.ts';
import { createDatabase, type TestDatabase } from '../database.ts';
import { openSale } from '../shop.ts';

/**
 * How a pool opens its sessions: a few at a time, with a time limit for each, and warmed up before
 * use.
 */

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.remove());

const limits = { applicationName: 'test pool' };
/** Longer than any machine takes. */
const PATIENT = { connectTimeoutMs: 60_000, waitTimeoutMs: 120_000 };

/**
 * A proxy in front of the server that lets one session start at a time, each at least `pauseMs`
 * after the one before.
 */
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
      // At the first answer of the server the session is being set up, and the next one may start.
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

it('a pool opens few connections at a time, so that none fails on a server that is slow to open them', async () => {
  const way = await startSlowWay(200);
  // 24 connections at once would take 4.8 s, each counted from the start: longer than an attempt
  // may take.
  const times = { connectTimeoutMs: 3_000, waitTimeoutMs: 120_000, connectsMax: 2 };
  const pool = createPool({ ...limits, ...times, url: way.url, max: 24 });
  const asked = Array.from({ length: 24 }, () => pool.query({ text: 'SELECT pg_sleep(0.1)' }));
  const failed = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected');
  expect(failed).toEqual([]);
  expect(way.most()).toBeLessThanOrEqual(2 + 1);
  await pool.close();
  way.close();
});

it('a query that waits too long for a connection fails with "unavailable", so the caller knows that nothing was done', async () => {
  const { host } = new URL(servers.databaseUrl);
  const relay = await startRelay(host);
  relay.silence();
  const url = new URL(database.url);
  url.host = relay.address;
  const times = { connectTimeoutMs: 60_000, waitTimeoutMs: 300, connectsMax: 1 };
  const pool = createPool({ ...limits, ...times, url: url.href, max: 2 });
  // The first opens a connection, the second waits to open one, the third waits in the queue.
  const asked = [1, 2, 3].map(() => pool.query({ text: 'SELECT 1' }));
  for (const answer of await Promise.allSettled(asked)) {
    expect(answer).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable' } });
  }
  relay.speak();
  await until('it works again', () => pool.query({ text: 'SELECT 1 AS one' }));
  await pool.close();
  await relay.close();
});

it('a pool warms a session up before it hands it out, and hands it out even if the warm-up fails', async () => {
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

it('a pool survives a server that ends a session in the packet that says "ready for query"', async () => {
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

it('a pool reports errors when it cannot be filled because the server is away', async () => {
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
  'warm_session of %s changes nothing that anybody can see',
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
      database
        .as(places ? 'worker' : 'web')
        .home('hot')
        .query({
          text: `SELECT ${schema}.warm_session($1) AS warm`,
          values: [places],
        });
    await openSale(database.as('ops'));
    const before = await read();
    // Concurrent calls do not block each other.
    expect(await Promise.all([true, false, true, true].map(warm))).toEqual(
      Array(4).fill([{ warm: true }]),
    );
    expect(await read()).toEqual(before);
  },
);
