import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, expect, test } from 'vitest';
import { createProgram } from '../../ops/program.ts';
import { PROJECT_ROOT } from '../../ops/stack/folder.ts';
import { type StackState, whoStarts, writeState } from '../../ops/stack/state.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { PROGRAM_ENVIRONMENT } from '../children.ts';

/** The commands as processes, as a person uses them. */

const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const environment = { ...PROGRAM_ENVIRONMENT, FLASHSALE_FOLDER: folder };

function node(args: readonly string[], more: Record<string, string> = {}) {
  return spawnSync(process.execPath, args, {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
    env: { ...environment, ...more },
  });
}

test('run.mjs passes arguments and the exit code on', () => {
  const { stdout, status } = node(['scripts/run.mjs', 'test/stack/echo.ts', '7', 'and', 'more']);
  expect(stdout).toBe('7 and more\n');
  expect(status).toBe(7);
});

test('after a signal run.mjs waits until the program has ended', async () => {
  const child = spawn(process.execPath, ['scripts/run.mjs', 'test/stack/echo.ts', 'wait'], {
    cwd: PROJECT_ROOT,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    // The program prints `wait` when it listens for signals.
    if (said === '') child.kill('SIGTERM');
    said += data.toString('utf8');
  });
  const [code] = await once(child, 'close');
  expect(said).toBe('wait\nstopped by SIGTERM\n');
  expect(code).toBe(0);
});

test('a word that is no command loads all of them', async () => {
  const all = (await createProgram({})).commands.map((command) => command.name());
  for (const name of ['nonsense', 'constructor', '--help']) {
    const { commands } = await createProgram({}, name);
    expect(commands.map((command) => command.name())).toEqual(all);
  }
});

test('every command has a --json option', async () => {
  const last = (command: Command): Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(last);
  const commands = last(await createProgram({}));
  expect(commands.length).toBeGreaterThan(30);
  const without = commands.filter(({ options }) => !options.some(({ long }) => long === '--json'));
  expect(without.map((command) => `${command.parent?.name()} ${command.name()}`)).toEqual([]);
});

test.each([
  ['sale', 'open', 'spring'],
  ['notices', 'resend', '1'],
])('flashsale %s %s %s takes no empty and no endless reason', (...words) => {
  for (const reason of [' ', 'x'.repeat(1_001)]) {
    const { stderr, status } = node(['ops/flashsale.mjs', ...words, '--reason', reason]);
    expect(stderr).toContain('It is a text of 1 to 1000 characters.');
    expect(status).not.toBe(0);
  }
});

test('flashsale env reports that no stack is running', () => {
  const { stdout, stderr, status } = node(['ops/flashsale.mjs', 'env']);
  expect(stdout).toBe('');
  expect(stderr).toBe('flashsale: no local stack is running here; start one with: npm start\n');
  expect(status).toBe(1);
});

test('flashsale env prints the addresses of the stack, as lines and as JSON', () => {
  const state: StackState = {
    version: 1,
    ...whoStarts(),
    phase: 'running',
    startedAt: new Date().toISOString(),
    processes: [],
    sources: {},
    servers: {
      databaseUrl: 'postgres://flashsale:a@127.0.0.1:1/flashsale',
      amqpUrl: 'amqp://flashsale:b@127.0.0.1:2/flashsale',
      zookeeper: '127.0.0.1:4',
    },
    zkRoot: '/flashsale',
    shopUrl: 'http://127.0.0.1:8080',
    monitors: { 'web-1': 'http://127.0.0.1:9105' },
  };
  writeState(folder, state);
  const lines = node(['ops/flashsale.mjs', 'env']).stdout.trimEnd().split('\n');
  expect(lines).toEqual([
    'SHOP_URL=http://127.0.0.1:8080',
    'DATABASE_URL=postgres://flashsale:a@127.0.0.1:1/flashsale',
    'AMQP_URL=amqp://flashsale:b@127.0.0.1:2/flashsale',
    'ZOOKEEPER=127.0.0.1:4',
    'ZK_ROOT=/flashsale',
    'WEB_1_MONITOR_URL=http://127.0.0.1:9105',
  ]);
  const json = JSON.parse(node(['ops/flashsale.mjs', 'env', '--json']).stdout);
  expect(Object.entries(json).map(([name, value]) => `${name}=${value}`)).toEqual(lines);

  const second = node(['ops/stack/start.ts']);
  expect(second.status).toBe(1);
  expect(second.stderr).toContain('The sale is already running here');
  expect(second.stderr).toContain('SHOP_URL=http://127.0.0.1:8080');
});

test.each([
  ['PORT', 'http'],
  ['PORT', '0'],
  ['ZK_ROOT', 'flashsale'],
  ['HOST', 'no host'],
  ['DATABASE_URL_FILE', '/no/such/file'],
])('npm start with %s=%s ends at once and names the variable', (name, value) => {
  const { stderr, status } = node(['ops/stack/start.ts'], { [name]: value });
  expect(stderr).toMatch(new RegExp(`^${name} must `));
  expect(status).toBe(78);
});

test('a command whose secret cannot be read ends like a process', () => {
  const { stderr, status } = node(['ops/cli.ts', 'db', 'audit'], {
    DATABASE_URL_FILE: join(folder, 'none'),
  });
  expect(stderr).toBe('flashsale: DATABASE_URL_FILE must name a file that can be read (ENOENT)\n');
  expect(status).toBe(78);
});
