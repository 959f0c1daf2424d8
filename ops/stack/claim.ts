import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endProcess, isRunning } from './processes.ts';
import type { Progress } from './progress.ts';
import { holderOf, readState, removeState, STATE_FILE, type StackState } from './state.ts';
import { endRecords } from './supervisor.ts';

/** Only one start at a time holds a stack's folder. It cleans up after a start that was killed. */

/** Another `npm start` holds the stack; the message says where that one runs. */
export class AlreadyRunning extends Error {
  override name = 'AlreadyRunning';
}

/** Longer than an orderly shutdown may take. */
const STOPPING_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

function describe(state: StackState): string {
  const { starter, shopUrl, servers, phase } = state;
  const rows = [
    shopUrl && `  SHOP_URL=${shopUrl}`,
    servers && `  DATABASE_URL=${servers.databaseUrl}`,
    servers && `  AMQP_URL=${servers.amqpUrl}`,
    servers && `  ZOOKEEPER=${servers.zookeeper}`,
  ];
  const head = `The sale is already ${phase} here (process ${starter.pid}, since ${state.startedAt}).`;
  const how = `Stop it with Ctrl-C in its terminal, or: kill ${starter.pid}`;
  return [head, ...rows.filter(Boolean), how].join('\n');
}

/** Creates the state file unless it exists, so that one of two simultaneous starts gets the folder. */
function tryToTake(folder: string, state: StackState): boolean {
  const draft = join(folder, `${STATE_FILE}.${process.pid}.claim`);
  writeFileSync(draft, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  try {
    linkSync(draft, join(folder, STATE_FILE));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

async function untilEnded(state: StackState): Promise<void> {
  const deadline = performance.now() + STOPPING_TIMEOUT_MS;
  while (isRunning(state.starter)) {
    if (performance.now() > deadline) {
      await endProcess(state.starter, { signal: 'SIGKILL', graceMs: 1_000 });
    }
    await delay(POLL_MS);
  }
}

/**
 * Takes the folder for `own`. It first ends the processes that a killed start has left, waits for
 * an earlier start that is stopping, and stops a start whose terminal was killed.
 *
 * @throws {AlreadyRunning}
 */
export async function claimStack(
  folder: string,
  own: StackState,
  progress: Progress,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (;;) {
    const found = readState(folder);
    const holder = holderOf(found);
    if (found === undefined) {
      if (tryToTake(folder, own)) return;
    } else if (holder === 'running') {
      throw new AlreadyRunning(describe(found));
    } else if (holder === 'nobody') {
      const left = found.processes.filter(isRunning);
      if (left.length > 0) {
        const names = left.map(({ name }) => name).join(', ');
        await progress.step(`ending what an earlier start has left: ${names}`, () =>
          endInOrder(left),
        );
      }
      removeState(folder);
    } else {
      if (holder === 'unattended') askToEnd(found.starter.pid);
      await progress.step(
        `waiting for an earlier start (process ${found.starter.pid}) to end`,
        () => untilEnded(found),
      );
    }
  }
}

function askToEnd(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // The process has ended since it was identified.
  }
}

/** Ends the processes that use the servers before the servers themselves. */
async function endInOrder(records: StackState['processes']): Promise<void> {
  const isServer = ({ name }: { name: string }) =>
    ['postgres', 'rabbitmq', 'zookeeper', 'epmd'].includes(name);
  await endRecords(records.filter((record) => !isServer(record)));
  await endRecords(records.filter(isServer));
}
