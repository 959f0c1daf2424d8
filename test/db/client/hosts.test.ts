import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Hosts, type ServerState } from '../../../db/client/hosts.ts';
import { createPool, openSession, type Pool } from '../../../db/client/pool.ts';
import { userIds } from '../../../ops/stack/processes.ts';
import { findPostgres } from '../../../ops/stack/programs.ts';
import { makeCertificate } from '../../certificate.ts';
import { type SilentServer, startSilentServer } from '../../silent-server.ts';
import { until } from '../../until.ts';
import { type CrashServer, startCrashServer } from '../crash-server.ts';
import { openPool, PATIENCE } from '../database.ts';
import { type Standby, startStandby } from '../standby.ts';

/** How sessions find the server that takes writes among several hosts, and how they leave another one. */

let first: CrashServer;
let second: Standby;
let silent: SilentServer;
const pools: Pool[] = [];

beforeAll(async () => {
  first = await startCrashServer({ restart: false });
  second = await startStandby(first.url);
  const admin = openPool(first.url, 1);
  await admin.query({ text: 'CREATE TABLE written (by text)' });
  await admin.close();
  silent = await startSilentServer();
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  await silent.close();
  await second.remove();
  await first.remove();
});

const hostOf = (url: string) => new URL(url).host;

function urlOf(target: string, ...hosts: string[]): string {
  const url = first.url.replace(hostOf(first.url), hosts.join(','));
  return `${url}?target_session_attrs=${target}`;
}

function open(url: string): Pool {
  const pool = createPool({ applicationName: 'test hosts', max: 3, ...PATIENCE, url });
  pools.push(pool);
  return pool;
}

const portOf = async (pool: Pool) => {
  const text = `SELECT current_setting('port') AS port`;
  return `127.0.0.1:${(await pool.query<{ port: string }>({ text }))[0]?.port}`;
};
const write = (pool: Pool, by: string) =>
  pool.query({ text: 'INSERT INTO written VALUES ($1)', values: [by] });
/** A query that lasts until its session is gone. */
const hang = (pool: Pool) => pool.query({ text: 'SELECT pg_sleep(100000)' });

it('a pool finds the server that takes writes, behind a silent host and a standby', async () => {
  const [one, two] = [hostOf(first.url), hostOf(second.urlOf(first.url))];
  for (const target of ['read-write', 'primary']) {
    const pool = open(urlOf(target, silent.address, two, one));
    await write(pool, target);
    expect(await portOf(pool)).toBe(one);
  }
  expect(await portOf(open(urlOf('standby', silent.address, one, two)))).toBe(two);
  expect(await portOf(open(urlOf('prefer-standby', one, two)))).toBe(two);
  expect(await portOf(open(urlOf('prefer-standby', one, silent.address)))).toBe(one);
  expect([one, two]).toContain(await portOf(open(urlOf('any', silent.address, one, two))));
  const session = await openSession(urlOf('read-write', two, one), {
    applicationName: 'test hosts',
    ...PATIENCE,
  });
  await session.run("INSERT INTO written VALUES ('session')");
  await session.close();
});

it('psql finds the same server by the same URL', async () => {
  const [programs] = findPostgres({ path: process.env['PATH'] ?? '', root: '/' });
  const [one, two] = [hostOf(first.url), hostOf(second.urlOf(first.url))];
  const ask = ['-XAtc', `SELECT current_setting('port')`];
  const psql = join(programs?.bin ?? '', 'psql');
  const { stdout } = await promisify(execFile)(psql, [urlOf('read-write', two, one), ...ask]);
  expect(`127.0.0.1:${stdout.trim()}`).toBe(one);
});

it('a session is not handed out on a server that takes no writes', async () => {
  const two = hostOf(second.urlOf(first.url));
  await expect(write(open(urlOf('read-write', two)), 'nobody')).rejects.toMatchObject({
    kind: 'unavailable',
    message: `${two} is not read-write`,
  });
  const none = open(urlOf('read-write', two, silent.address));
  await expect(write(none, 'nobody')).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining(`no server is read-write (${two}: ${two} is not read-write; `),
  });
});

const PRIMARY = { isStandby: false, isReadOnly: false };
const STANDBY = { isStandby: true, isReadOnly: true };
const TWO = 'postgres://one:1,two:2/shop?target_session_attrs=read-write';
const isFirst = (url: string) => new URL(url).host === 'one:1';

it('an old primary that is silent does not hold up the search for the new one', async () => {
  let states = [Promise.resolve(PRIMARY), Promise.resolve(STANDBY)] as Promise<ServerState>[];
  const hosts = new Hosts(TWO, async (url) => states[isFirst(url) ? 0 : 1] ?? STANDBY);
  expect(new URL(await hosts.search()).host).toBe('one:1');
  states = [new Promise(() => {}), Promise.resolve(PRIMARY)];
  expect(new URL(await hosts.search()).host).toBe('two:2');
});

it('a search waits until the server that was promoted is accepted', async () => {
  let beats = 0;
  const hosts = new Hosts(TWO, async (url) => {
    if (isFirst(url)) throw new Error('gone');
    beats += 1;
    return { ...PRIMARY, isAccepted: beats > 3 };
  });
  expect(new URL(await hosts.choose()).host).toBe('two:2');
});

it('servers that all answer too late are asked with more patience, until one answers', async () => {
  const given: number[] = [];
  let answerMs = 1_500;
  const hosts = new Hosts(TWO, async (url, withinMs) => {
    if (isFirst(url)) given.push(withinMs);
    await sleep(Math.min(answerMs, withinMs));
    if (answerMs > withinMs) throw new Error('timeout expired');
    return isFirst(url) ? PRIMARY : STANDBY;
  });
  await expect(hosts.search()).rejects.toThrow('timeout expired');
  expect(new URL(await hosts.search()).host).toBe('one:1');
  answerMs = 0;
  for (let again = 0; again < 2; again += 1) await hosts.search();
  const [first, second, third, fourth] = given as [number, number, number, number];
  expect(first).toBe(1_000);
  expect(second).toBeGreaterThan(1_900);
  expect(third).toBeGreaterThan(2_900);
  expect(fourth).toBeLessThan(third);
});

it('a server that is silent gets no more patience while another one answers', async () => {
  const given: number[] = [];
  const hosts = new Hosts(TWO, async (url, withinMs) => {
    given.push(withinMs);
    if (!isFirst(url)) return STANDBY;
    await sleep(withinMs);
    throw new Error('timeout expired');
  });
  for (let again = 0; again < 2; again += 1) {
    await expect(hosts.search()).rejects.toThrow('no server is read-write');
  }
  expect(given.length).toBe(4);
  expect(Math.max(...given)).toBeLessThan(1_900);
});

it('a session with TLS takes only the certificate of the host that it names', async () => {
  const owner = process.getuid?.() === 0 ? userIds('postgres') : undefined;
  const { certificate, key } = makeCertificate(first.folder, owner);
  const admin = openPool(first.url, 1);
  pools.push(admin);
  for (const [name, value] of Object.entries({
    ssl_cert_file: certificate,
    ssl_key_file: key,
    ssl: 'on',
  })) {
    await admin.query({ text: `ALTER SYSTEM SET ${name} = '${value}'` });
  }
  await admin.query({ text: 'SELECT pg_reload_conf()' });
  const isSecure = async (pool: Pool) => {
    const text = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
    return (await pool.query<{ ssl: boolean }>({ text }))[0]?.ssl;
  };
  const trusting = `&sslmode=verify-full&sslrootcert=${certificate}`;
  const [one, two] = [hostOf(first.url), hostOf(second.urlOf(first.url))];
  const url = urlOf('read-write', two, one);
  await until('the server speaks TLS', () => isSecure(open(url + trusting)));
  // The certificate is of the address and of no name; and without the file nobody trusts it.
  const named = urlOf('read-write', one.replace('127.0.0.1', 'localhost')) + trusting;
  await expect(isSecure(open(named))).rejects.toThrow("does not match certificate's altnames");
  await expect(isSecure(open(`${first.url}?sslmode=verify-full`))).rejects.toThrow('self-signed');
});

it('a pool leaves a frozen primary for the new one, with the queries that wait for it', async () => {
  const [one, two] = [hostOf(first.url), hostOf(second.urlOf(first.url))];
  const pool = open(urlOf('read-write', one, two));
  await Promise.all([1, 2, 3].map(() => pool.query({ text: 'SELECT pg_sleep(0.2)' })));
  const waiting = hang(pool).catch((error: unknown) => error);
  first.freeze();
  await second.promote();
  // The timeouts of these queries are minutes away.
  expect(await waiting).toMatchObject({ kind: 'retry' });
  // A write may still meet a session to the old primary that is being closed; it is told to repeat.
  await until('a write succeeds', () => write(pool, 'after the failover'));
  expect(await portOf(pool)).toBe(two);
  // The old primary, which has not learned yet that it is one no longer.
  first.thaw();
  const other = open(urlOf('read-write', one));
  await until('it answers again', () => write(other, 'lost'));
  pool.discardIdle();
  for (let call = 0; call < 3; call += 1) expect(await portOf(pool)).toBe(two);
  first.stopImmediately();
});

it('a pool drops its sessions on a server that takes no writes any more, and returns to it', async () => {
  const [one, two] = [hostOf(first.url), hostOf(second.urlOf(first.url))];
  const pool = open(urlOf('read-write', one, two));
  const admin = openPool(second.urlOf(first.url), 1);
  pools.push(admin);
  await Promise.all([1, 2, 3].map(() => pool.query({ text: 'SELECT pg_sleep(0.2)' })));
  const readOnly = async (is: 'on' | 'off') => {
    await admin.query({ text: `ALTER SYSTEM SET default_transaction_read_only = ${is}` });
    await admin.query({ text: 'SELECT pg_reload_conf()' });
  };
  await readOnly('on');
  const refused = () => write(pool, 'nobody').then(undefined, (error: unknown) => error);
  await until('it is refused', async () => (await refused()) !== undefined);
  await until('no session is kept', async () => {
    await refused();
    return pool.figures().open === 0;
  });
  expect(await refused()).toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('no server is read-write'),
  });
  await readOnly('off');
  await until('it takes writes again', () => write(pool, 'at last'));
});
