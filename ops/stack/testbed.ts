import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerAnswers } from './docker.ts';
import {
  ensureServerPackages,
  NATIVE_STOP_ORDER,
  type NativePorts,
  startNative,
} from './native.ts';
import { freePort } from './ports.ts';
import { isRunning } from './processes.ts';
import type { Machine } from './programs.ts';
import type { Progress } from './progress.ts';
import {
  assertReachable,
  missingServers,
  type ServerName,
  type Servers,
  serversOfEnvironment,
} from './servers.ts';
import {
  newSettings,
  readState,
  removeState,
  type StackState,
  whoStarts,
  writeState,
} from './state.ts';
import { endRecords, Supervisor } from './supervisor.ts';

/** One set of servers for one run of the tests: own ports, own data in a temporary folder. */

export interface Testbed {
  readonly servers: Servers;
  stop(): Promise<void>;
}

const PREFIX = 'flashsale-test-';
/** Enough for tests; a run must leave memory to the tests themselves. */
const SHARED_BUFFERS_MB = 128;
/** A folder without a state this old belongs to a run that died before it wrote one. */
const ABANDONED_AFTER_MS = 10 * 60_000;

/** Ends and removes what runs that were killed hard have left. */
async function sweep(): Promise<void> {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX));
  for (const folder of folders.map((name) => join(tmpdir(), name))) {
    try {
      const state = readState(folder);
      const old = Date.now() - statSync(folder).mtimeMs > ABANDONED_AFTER_MS;
      if (state === undefined ? !old : isRunning(state.starter)) continue;
      await endRecords(state?.processes ?? []);
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another user's, or being removed by its own run: not ours to clear.
    }
  }
}

async function choosePorts(): Promise<NativePorts> {
  return {
    postgres: await freePort(),
    amqp: await freePort(),
    management: await freePort(),
    epmd: await freePort(),
    distribution: await freePort(),
    zookeeper: await freePort(),
  };
}

async function startSystemServers(
  wanted: readonly ServerName[],
  machine: Machine,
  progress: Progress,
): Promise<{ servers: Partial<Servers>; stop: () => Promise<void> }> {
  await ensureServerPackages({ wanted, machine, progress });
  await sweep();
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  chmodSync(folder, 0o711);
  const state: StackState = {
    version: 1,
    ...whoStarts(),
    phase: 'running',
    startedAt: new Date().toISOString(),
    processes: [],
    sources: {},
    zkRoot: '/flashsale',
    monitors: {},
  };
  const supervisor = new Supervisor({
    say: progress.say,
    // A folder that is gone was removed by `stop`; the last process' end is nobody's news then.
    onChange: (processes) => existsSync(folder) && writeState(folder, { ...state, processes }),
    restart: false,
  });
  const stop = async () => {
    for (const names of NATIVE_STOP_ORDER) await supervisor.stop(names, { discard: true });
    removeState(folder);
    rmSync(folder, { recursive: true, force: true });
  };
  const { passwords } = newSettings();
  const logFolder = join(folder, 'logs');
  const ports = await choosePorts();
  const common = { wanted, folder, logFolder, ports, passwords, machine, progress, supervisor };
  try {
    return { servers: await startNative({ ...common, sharedBuffersMb: SHARED_BUFFERS_MB }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Undefined where there is no Docker, or one that cannot have the images. */
async function startDockerServers(
  wanted: readonly ServerName[],
  machine: Machine,
  progress: Progress,
) {
  if (!(await dockerAnswers(machine))) return undefined;
  const { startContainers } = await import('./containers.ts');
  try {
    return await startContainers(wanted, progress);
  } catch (error) {
    progress.say(`${error instanceof Error ? error.message : error}\nGoing on without Docker`);
    return undefined;
  }
}

/**
 * Servers for tests: those that the environment names, else containers where a Docker engine
 * answers, else this machine's programs.
 *
 * @throws {Error} when a named server does not answer or no way leads to a missing one
 */
export async function startTestbed(
  environment: Readonly<Record<string, string | undefined>>,
  progress: Progress,
): Promise<Testbed> {
  const given = serversOfEnvironment(environment);
  await assertReachable(given);
  const wanted = missingServers(given);
  if (wanted.length === 0) return { servers: given as Servers, stop: async () => {} };
  const machine: Machine = { path: environment['PATH'] ?? '', root: '/' };
  const started =
    (await startDockerServers(wanted, machine, progress)) ??
    (await startSystemServers(wanted, machine, progress));
  return { servers: { ...given, ...started.servers } as Servers, stop: started.stop };
}
