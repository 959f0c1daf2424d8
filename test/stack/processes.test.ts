import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import {
  endProcess,
  identify,
  isRunning,
  type Launched,
  launch,
} from '../../ops/stack/processes.ts';
import { rotateLogs } from '../../ops/stack/rotate.ts';
import { type ProcessSpec, Supervisor } from '../../ops/stack/supervisor.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
const launched: Launched[] = [];

afterEach(async () => {
  for (const { identity } of launched.splice(0)) {
    await endProcess(identity, { signal: 'SIGKILL', graceMs: 1_000 });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function shell(script: string, niceness?: number): Promise<Launched> {
  const process = await launch({
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: folder,
    logFile: join(folder, 'shell.log'),
    ...(niceness !== undefined && { niceness }),
  });
  launched.push(process);
  return process;
}

test('a process with the pid of a recorded one, but another start time, is left alone', async () => {
  const { identity } = await shell('sleep 60');
  const reused = { pid: identity.pid, started: 'another boot:1' };
  expect(isRunning(reused)).toBe(false);
  expect(await endProcess(reused, { signal: 'SIGKILL', graceMs: 100 })).toBe(true);
  expect(isRunning(identity)).toBe(true);
});

test.each([
  ['that ignores the signal', "trap '' TERM; ", 'SIGTERM', 200, false],
  ['that is killed', '', 'SIGKILL', 60_000, true],
] as const)(
  'a process %s is killed with its children',
  async (_how, before, signal, graceMs, isInTime) => {
    const pidFile = join(folder, `child-${signal}.pid`);
    const script = `${before}sleep 60 & echo $! > ${pidFile}.new && mv ${pidFile}.new ${pidFile}; wait; wait`;
    const { identity } = await shell(script);
    await until('the child runs', () => existsSync(pidFile));
    const child = identify(Number(readFileSync(pidFile, 'utf8')));
    if (child === undefined) throw new Error('the child has ended');
    expect(await endProcess(identity, { signal, graceMs })).toBe(isInTime);
    expect(isRunning(identity)).toBe(false);
    await until('the child ended', () => !isRunning(child), { deadlineMs: 20_000 });
  },
);

test('a missing program causes an error with a clear message', async () => {
  const missing = launch({
    command: join(folder, 'nothing'),
    args: [],
    env: {},
    cwd: folder,
    logFile: join(folder, 'nothing.log'),
  });
  await expect(missing).rejects.toThrow(/nothing cannot be started/);
});

function spec(script: string, more: Partial<ProcessSpec> = {}): ProcessSpec {
  return {
    name: 'probe',
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: folder,
    logFile: join(folder, 'probe.log'),
    notReady: async () => undefined,
    readyTimeoutMs: 500,
    stopSignal: 'SIGTERM',
    stopGraceMs: 1_000,
    ...more,
  };
}

test('a process that crashes is started again, with a message', async () => {
  const said: string[] = [];
  const supervisor = new Supervisor({
    say: (text) => said.push(text),
    onChange: () => {},
    restart: true,
  });
  await supervisor.start(spec('exec sleep 60'));
  const [before] = supervisor.records();
  if (before === undefined) throw new Error('nothing was recorded');
  process.kill(before.pid, 'SIGKILL');
  await until('it is ready again', () => said.some((text) => text === 'probe is ready again'));
  const [after] = supervisor.records();
  expect(after?.pid).not.toBe(before.pid);
  expect(said[0]).toBe('probe ended (SIGKILL); restart in 0.5 s');
  await supervisor.stop(['probe']);
  expect(supervisor.records()).toEqual([]);
  expect(after && isRunning(after)).toBe(false);
});

test('a process that ends at its start fails with the end of its log', async () => {
  const supervisor = new Supervisor({ say: () => {}, onChange: () => {}, restart: true });
  const failing = spec('echo "the port is taken"; exit 3', { notReady: async () => 'no answer' });
  await expect(supervisor.start(failing)).rejects.toThrow(/exit code 3[\s\S]*the port is taken/);
  await supervisor.stop(['probe']);
});

test('a process that does not get ready fails with the reason', async () => {
  const supervisor = new Supervisor({ say: () => {}, onChange: () => {}, restart: true });
  const deaf = spec('sleep 60', { notReady: async () => 'no answer on 1' });
  await expect(supervisor.start(deaf)).rejects.toThrow('not ready after 0.5 s: no answer on 1');
  await supervisor.stop(['probe']);
});

test('a log that has grown too large is emptied, and its old content is kept', () => {
  const log = join(folder, 'large.log');
  writeFileSync(log, 'x'.repeat(2_000));
  rotateLogs(folder, 1_000);
  expect(readFileSync(log, 'utf8')).toBe('');
  expect(readFileSync(`${log}.1`, 'utf8')).toHaveLength(2_000);
});
