import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  ensureServerPackages,
  freeNativePorts,
  NATIVE_STOP_ORDER,
  type NativePorts,
  startNative,
} from '../../ops/stack/native.ts';
import { isRunning } from '../../ops/stack/processes.ts';
import { findPostgres, type Machine } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { SERVER_NAMES, type Servers } from '../../ops/stack/servers.ts';
import { Supervisor } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { until } from '../until.ts';

/** Private servers of this file, so that the test can kill them. */

const machine: Machine = { path: process.env['PATH'] ?? '', root: '/' };
const progress = createProgress(() => {});
const passwords = { postgres: 'secret1', rabbitmq: 'secret2' };
let home: TestFolder;
let folder: string;
let ports: NativePorts;

beforeAll(async () => {
  await ensureServerPackages({ wanted: SERVER_NAMES, machine, progress });
  home = new TestFolder();
  folder = home.path;
  ports = await freeNativePorts(true);
});

let supervisor: Supervisor;

async function start(): Promise<Servers> {
  supervisor = new Supervisor({
    say: () => {},
    onChange: (processes) => home.note(processes),
    restart: false,
  });
  const servers = await startNative({
    wanted: SERVER_NAMES,
    folder,
    logFolder: join(folder, 'logs'),
    ports,
    passwords,
    sharedBuffersMb: 128,
    machine,
    progress,
    supervisor,
  });
  return servers as Servers;
}

afterAll(async () => {
  for (const names of NATIVE_STOP_ORDER) await supervisor.stop(names, { discard: true });
  home.remove();
});

function psql(url: string, sql: string): string {
  const [programs] = findPostgres(machine);
  if (programs === undefined) throw new Error('psql is not installed');
  const answer = execFileSync(join(programs.bin, 'psql'), [url, '-XAtc', sql], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return answer.trim();
}

async function queues(servers: Servers, method: 'GET' | 'PUT'): Promise<Response> {
  const { origin, username, password } = new URL(servers.amqpManagementUrl ?? '');
  return fetch(`${origin}/api/queues/flashsale/kept`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(method === 'PUT' && {
      body: JSON.stringify({ durable: true, arguments: { 'x-queue-type': 'quorum' } }),
    }),
  });
}

test('servers that were killed start again with their data', async () => {
  const first = await start();
  psql(first.databaseUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
  expect((await queues(first, 'PUT')).status).toBe(201);

  const records = supervisor.records();
  for (const { pid } of records) process.kill(pid, 'SIGKILL');
  await until('all have ended', () => !records.some(isRunning));
  // The pid of the dead server now belongs to another process, as happens after a restart of a
  // container. PostgreSQL alone would refuse to start.
  const pidFile = join(folder, 'postgres', 'data', 'postmaster.pid');
  const lines = readFileSync(pidFile, 'utf8').split('\n');
  writeFileSync(pidFile, [String(process.pid), ...lines.slice(1)].join('\n'));

  const second = await start();
  expect(second).toEqual(first);
  expect(psql(second.databaseUrl, 'SELECT answer FROM kept')).toBe('42');
  expect((await queues(second, 'GET')).status).toBe(200);
});

test('nobody gets in without the password', async () => {
  const url = `postgres://flashsale:wrong@127.0.0.1:${ports.postgres}/flashsale`;
  expect(() => psql(url, 'SELECT 1')).toThrow(/password authentication failed/);
  const guest = await fetch(`http://127.0.0.1:${ports.management}/api/whoami`, {
    headers: { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` },
  });
  expect(guest.status).toBe(401);
});
