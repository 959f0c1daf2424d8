import { join } from 'node:path';
import { dockerAnswers } from './docker.ts';
import { ensureServerPackages, freeNativePorts, NATIVE_STOP_ORDER, startNative } from './native.ts';
import type { Machine } from './programs.ts';
import type { Progress } from './progress.ts';
import {
  assertReachable,
  missingServers,
  type ServerName,
  type Servers,
  serversOfEnvironment,
} from './servers.ts';
import { newSettings } from './state.ts';
import { Supervisor } from './supervisor.ts';
import { sweepTestFolders, TestFolder } from './test-folder.ts';

/** The servers of one test run, with their own ports and their data in a temporary folder. */

export interface Testbed {
  readonly servers: Servers;
  stop(): Promise<void>;
}

/** Enough for tests; the rest of the memory is for the tests themselves. */
const SHARED_BUFFERS_MB = 128;

async function startSystemServers(
  wanted: readonly ServerName[],
  machine: Machine,
  progress: Progress,
): Promise<{ servers: Partial<Servers>; stop: () => Promise<void> }> {
  await ensureServerPackages({ wanted, machine, progress });
  await sweepTestFolders();
  const folder = new TestFolder();
  const supervisor = new Supervisor({
    say: progress.say,
    onChange: (processes) => folder.note(processes),
    restart: false,
  });
  const stop = async () => {
    for (const names of NATIVE_STOP_ORDER) await supervisor.stop(names, { discard: true });
    folder.remove();
    // Also removes the folders of test processes that were killed.
    await sweepTestFolders();
  };
  const { passwords } = newSettings();
  const logFolder = join(folder.path, 'logs');
  const ports = await freeNativePorts(true);
  const common = {
    wanted,
    folder: folder.path,
    logFolder,
    ports,
    passwords,
    machine,
    progress,
    supervisor,
  };
  try {
    return { servers: await startNative({ ...common, sharedBuffersMb: SHARED_BUFFERS_MB }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Undefined if there is no Docker or it cannot pull the images. */
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
    progress.say(`${error instanceof Error ? error.message : error}\nContinuing without Docker`);
    return undefined;
  }
}

/**
 * Returns servers for tests: those that the environment names, else containers if a Docker engine
 * answers, else this machine's programs.
 *
 * @throws {Error} when a named server does not answer or a missing one cannot be started
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
