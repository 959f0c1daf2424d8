import { afterAll, afterEach, expect, it } from 'vitest';
import { askHomes } from '../../../db/client/homes.ts';
import { createPool, Databases, openSession, type Pool } from '../../../db/client/pool.ts';
import { servers } from '../../servers.ts';
import { until } from '../../until.ts';
import { startRelay } from '../../zk/client/relay.ts';
import { PATIENCE } from '../database.ts';

/** When a home is asked although it may be away, and what does not keep it from being asked. */

const pools: Pool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function open(
  url: string,
  max: number,
  limits: { min?: number; statementTimeoutMs?: number } = {},
) {
  const pool = createPool({
    applicationName: 'test health',
    lockTimeoutMs: 0,
    url,
    max,
    ...limits,
  });
  pools.push(pool);
  return pool;
}

function openHomes(hotUrl: string, max: number, limits = {}): Databases {
  return new Databases({ regular: open(servers.databaseUrl, max), hot: open(hotUrl, max, limits) });
}

/** Asks a question that each home answers at once; on a slow machine after more than the usual two seconds. */
const SLOW_ANSWER_MS = 60_000;
const who = (databases: Databases, timeoutMs?: number) =>
  askHomes(
    databases,
    'who',
    async (schema, home) => {
      await home.query({ text: 'SELECT' });
      return [schema];
    },
    timeoutMs,
  );

const { host } = new URL(servers.databaseUrl);
const relay = await startRelay(host);
const throughRelay = new URL(servers.databaseUrl);
throughRelay.host = relay.address;
afterAll(() => relay.close());

it('all sessions that a failover left without answers are replaced at once', async () => {
  const homes = openHomes(throughRelay.href, 20, { min: 20 });
  await homes.home('hot').fill();
  expect((await who(homes, SLOW_ANSWER_MS)).missing).toEqual([]);
  relay.strand();
  expect((await who(homes)).missing).toEqual(['hot']);
  // To wait for the read timeout of one session after the other would take 140 s.
  const isWhole = async () => (await who(homes)).missing.length === 0;
  await until('both answer', isWhole);
  for (let call = 0; call < 40; call += 1)
    expect((await who(homes, SLOW_ANSWER_MS)).missing).toEqual([]);
});

it('a query that gets no answer closes the idle sessions as well', async () => {
  const pool = open(throughRelay.href, 4, { min: 4, statementTimeoutMs: 100 });
  await pool.fill();
  relay.strand();
  await expect(pool.query({ text: 'SELECT' })).rejects.toMatchObject({ kind: 'retry' });
  for (let call = 0; call < 8; call += 1) await pool.query({ text: 'SELECT' });
});

it('a question that a home cannot answer in time delays neither its own repetition nor other questions', async () => {
  const key = Math.floor(Math.random() * 2 ** 31);
  const homes = openHomes(servers.databaseUrl, 4, { statementTimeoutMs: 600_000 });
  const lock = await openSession(servers.databaseUrl, { applicationName: 'lock', ...PATIENCE });
  await lock.query({ text: 'SELECT pg_advisory_lock($1)', values: [key] });
  let asked = 0;
  const locked = () =>
    askHomes(homes, 'locked', async (schema, home) => {
      if (schema === 'regular') return [schema];
      asked += 1;
      await home.query({ text: 'SELECT pg_advisory_xact_lock_shared($1)', values: [key] });
      return [schema];
    });
  try {
    for (let call = 0; call < 30; call += 1) {
      expect(await locked()).toEqual({ rows: ['regular'], missing: ['hot'] });
      expect((await who(homes, SLOW_ANSWER_MS)).missing).toEqual([]);
    }
    // The first call, and one call at a time that finds out whether the home answers again.
    expect(asked).toBe(2);
  } finally {
    // The pool does not close before the statements behind this lock end.
    await lock.close();
  }
  await until('it is answered', async () => (await locked()).missing.length === 0);
});

it.each([
  ['no such database', (url: URL) => Object.assign(url, { pathname: '/no_such_database' })],
  ['no such login', (url: URL) => Object.assign(url, { username: 'nobody' })],
])('a home that refuses new sessions does not make the other home fail: %s', async (_, change) => {
  const homes = openHomes(change(new URL(servers.databaseUrl)).href, 2);
  for (let call = 0; call < 3; call += 1) {
    expect(await who(homes)).toEqual({ rows: ['regular'], missing: ['hot'] });
  }
});

it('a statement that both homes refuse is an error', async () => {
  const homes = openHomes(servers.databaseUrl, 2);
  const wrong = askHomes(homes, 'wrong', (_, home) => home.query({ text: 'SELECT 1 / 0' }));
  await expect(wrong).rejects.toMatchObject({ kind: 'refused', sqlstate: '22012' });
});
