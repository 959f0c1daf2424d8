import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AlreadyRunning, claimStack } from '../../ops/stack/claim.ts';
import { endProcess, isRunning, type Launched, launch } from '../../ops/stack/processes.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import {
  holderOf,
  newSettings,
  readSettings,
  readState,
  type StackState,
  whoStarts,
  writeSettings,
  writeState,
} from '../../ops/stack/state.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';

let folder: string;
const launched: Launched[] = [];
const progress = createProgress(() => {});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
});
afterEach(async () => {
  for (const { identity } of launched.splice(0)) {
    await endProcess(identity, { signal: 'SIGKILL', graceMs: 1_000 });
  }
  rmSync(folder, { recursive: true, force: true });
});

async function sleeper(): Promise<Launched> {
  const process = await launch({
    command: '/bin/sleep',
    args: ['60'],
    env: {},
    cwd: folder,
    logFile: join(folder, 'sleep.log'),
  });
  launched.push(process);
  return process;
}

function stateOf(change: Partial<StackState> = {}): StackState {
  return {
    version: 1,
    ...whoStarts(),
    phase: 'running',
    startedAt: new Date().toISOString(),
    processes: [],
    sources: {},
    zkRoot: '/flashsale',
    monitors: {},
    ...change,
  };
}

const GONE = { pid: 999_999_999, started: 'never' };
const stopping = { stopSignal: 'SIGTERM', stopGraceMs: 1_000 } as const;

test('the files of a stack can be read by their owner only', () => {
  writeState(folder, stateOf());
  writeSettings(folder, newSettings());
  expect(statSync(join(folder, 'stack.json')).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'settings.json')).mode & 0o777).toBe(0o600);
});

test.each(['', '{', '[]', 'null', '{"version":2}'])(
  'a state file with the text %j causes an error that names the file',
  (text) => {
    writeFileSync(join(folder, 'stack.json'), text);
    expect(() => readState(folder)).toThrow(join(folder, 'stack.json'));
    writeFileSync(join(folder, 'settings.json'), text);
    expect(() => readSettings(folder)).toThrow(join(folder, 'settings.json'));
  },
);

test('a stack belongs to its starter, and to nobody when its pid is another process now', async () => {
  const { identity } = await sleeper();
  const { starter } = whoStarts();
  expect(holderOf(undefined)).toBe('nobody');
  expect(holderOf(stateOf({ starter }))).toBe('running');
  expect(holderOf(stateOf({ starter: { ...starter, started: 'earlier' } }))).toBe('nobody');
  expect(holderOf(stateOf({ starter, launchers: [identity] }))).toBe('running');
  expect(holderOf(stateOf({ starter, launchers: [identity, GONE] }))).toBe('unattended');
  expect(holderOf(stateOf({ starter, phase: 'stopping' }))).toBe('stopping');
});

test('a second start is told where the first stack is', async () => {
  const servers = {
    databaseUrl: 'postgres://127.0.0.1:1/flashsale',
    amqpUrl: 'amqp://127.0.0.1:2/flashsale',
    zookeeper: '127.0.0.1:4',
  };
  writeState(folder, stateOf({ servers, shopUrl: 'http://127.0.0.1:8080' }));
  const second = claimStack(folder, stateOf(), progress);
  await expect(second).rejects.toThrow(AlreadyRunning);
  await expect(second).rejects.toThrow('SHOP_URL=http://127.0.0.1:8080');
  await expect(second).rejects.toThrow(`kill ${process.pid}`);
});

test('only one of several simultaneous starts gets the stack', async () => {
  const claims = [1, 2, 3].map(() => claimStack(folder, stateOf(), progress));
  const results = await Promise.allSettled(claims);
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('processes that a killed start has left are ended, but a stranger with a recorded pid is not', async () => {
  const [left, stranger] = await Promise.all([sleeper(), sleeper()]);
  writeState(
    folder,
    stateOf({
      starter: GONE,
      processes: [
        { name: 'postgres', ...left.identity, ...stopping },
        { name: 'web-1', pid: stranger.identity.pid, started: 'earlier', ...stopping },
      ],
    }),
  );
  const own = stateOf({ phase: 'starting' });
  await claimStack(folder, own, progress);
  expect(isRunning(left.identity)).toBe(false);
  expect(isRunning(stranger.identity)).toBe(true);
  expect(readState(folder)?.phase).toBe('starting');
});

test('a start that lost its terminal is stopped, and the next start takes over', async () => {
  const abandoned = await sleeper();
  writeState(folder, stateOf({ starter: abandoned.identity, launchers: [GONE] }));
  await claimStack(folder, stateOf(), progress);
  expect(isRunning(abandoned.identity)).toBe(false);
  expect(readState(folder)?.starter.pid).toBe(process.pid);
});
