import { dockerAnswers, startCompose, stopCompose } from './docker.ts';
import { BEHIND_THE_QUEUE_NICENESS } from './give-way.ts';
import { ensureServerPackages, startNative } from './native.ts';
import { sharedBuffersMb } from './postgres.ts';
import type { Machine } from './programs.ts';
import type { Progress } from './progress.ts';
import {
  assertReachable,
  missingServers,
  SERVER_NAMES,
  type ServerName,
  type Servers,
  serversOfEnvironment,
} from './servers.ts';
import type { Settings, Source } from './state.ts';
import type { Supervisor } from './supervisor.ts';
import { type PortsWanted, RABBIT_METRICS_PORT, SERVER_PORTS } from './usual-ports.ts';

/** The servers of `npm start`, one of each kind: those that the environment names, and the stack's own. */

/** What the start of the servers uses of the stack. */
export interface ServerHost {
  /** Root of the project. */
  readonly root: string;
  /** `.flashsale`: settings, state, data and logs of the stack. */
  readonly folder: string;
  readonly logFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly watch: boolean;
  readonly machine: Machine;
  readonly progress: Progress;
  readonly supervisor: Supervisor;
  readonly settings: Settings;
  /** Chooses ports, and stores them for the next start. */
  choosePorts(group: PortsWanted): Promise<void>;
  portOf(name: string): number;
  /** Notes where servers run, and stores it for the next start. */
  remember(names: readonly ServerName[], source: Source): void;
}

export function composeOf({ root, environment, settings, portOf }: ServerHost) {
  const ports = {
    postgres: portOf('postgres'),
    amqp: portOf('amqp'),
    zookeeper: portOf('zookeeper'),
  };
  return { root, environment, ports, passwords: settings.passwords };
}

/** `mayFallBack`: the containers have no data yet, so the servers may run elsewhere. */
async function startDocker(
  host: ServerHost,
  wanted: readonly ServerName[],
  mayFallBack: boolean,
): Promise<Partial<Servers>> {
  // Stored before the containers run, so that the next start finds them if this one is killed.
  host.remember(wanted, 'docker');
  const compose = composeOf(host);
  try {
    return await startCompose(wanted, compose, host.progress);
  } catch (error) {
    if (!mayFallBack) throw error;
    // For example, an engine that cannot pull the images.
    host.progress.say(`${(error as Error).message}\nContinuing without Docker`);
    await stopCompose(compose);
    return startSystem(host, wanted);
  }
}

async function startSystem(
  host: ServerHost,
  wanted: readonly ServerName[],
): Promise<Partial<Servers>> {
  const { folder, logFolder, machine, portOf, progress, settings, supervisor, watch } = host;
  await ensureServerPackages({ wanted, machine, progress });
  host.remember(wanted, 'system');
  progress.say(`starting ${wanted.join(', ')} from this machine's programs`);
  return startNative({
    ...{ wanted, folder, logFolder, machine, progress, supervisor },
    ports: {
      ...composeOf(host).ports,
      epmd: portOf('epmd'),
      distribution: portOf('distribution'),
      ...(watch && { metrics: portOf('rabbitmq-metrics') }),
    },
    passwords: settings.passwords,
    sharedBuffersMb: sharedBuffersMb(),
    postgresNiceness: BEHIND_THE_QUEUE_NICENESS,
  });
}

/**
 * Uses the servers that the environment names. The others are started where their data are, else in
 * Docker, else from this machine's programs.
 *
 * @throws {ConfigError | PackagesMissing | Error}
 */
export async function startSingle(host: ServerHost): Promise<Servers> {
  const given = serversOfEnvironment(host.environment);
  await assertReachable(given);
  const wanted = missingServers(given);
  host.remember(
    SERVER_NAMES.filter((name) => !wanted.includes(name)),
    'environment',
  );
  const before = host.settings.sources;
  const wasDocker = wanted.some((name) => before[name] === 'docker');
  // The containers of an earlier start that was killed still hold the ports.
  if (wasDocker) await stopCompose(composeOf(host));
  await host.choosePorts({ ...SERVER_PORTS, ...(host.watch && RABBIT_METRICS_PORT) });

  const isFresh = wanted.some((name) => before[name] === undefined);
  const engine = wasDocker || (isFresh && (await dockerAnswers(host.machine)));
  const useDocker = (name: ServerName) => before[name] === 'docker' || (!before[name] && engine);
  const fromDocker = wanted.filter(useDocker);
  const fromSystem = wanted.filter((name) => !useDocker(name));
  const [docker, system] = await Promise.all([
    fromDocker.length > 0 ? startDocker(host, fromDocker, !wasDocker) : {},
    fromSystem.length > 0 ? startSystem(host, fromSystem) : {},
  ]);
  return { ...given, ...docker, ...system } as Servers;
}
