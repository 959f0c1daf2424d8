import { join } from 'node:path';
import type { Home } from '../../contracts/homes.ts';
import { BEHIND_THE_QUEUE_NICENESS } from './give-way.ts';
import { ensureServerPackages, postgresFolder, postgresUser } from './native.ts';
import { ensurePackages } from './packages.ts';
import { type PatroniCluster, patroniUrl, preparePatroni } from './patroni.ts';
import { postgresUrl, preparePostgres } from './postgres.ts';
import type { UserIds } from './processes.ts';
import {
  FAILOVER_PACKAGES,
  findPatroni,
  findPostgres,
  findRabbit,
  findZookeeper,
  type Machine,
} from './programs.ts';
import type { Progress } from './progress.ts';
import { prepareRabbit, RABBIT_USER, RABBIT_VHOST } from './rabbitmq.ts';
import { SERVER_NAMES, type Servers } from './servers.ts';
import type { Settings } from './state.ts';
import type { ProcessSpec, Supervisor } from './supervisor.ts';
import type { PortsWanted } from './usual-ports.ts';
import { prepareZookeeper } from './zookeeper.ts';

/**
 * The servers of `npm run cluster`: three PostgreSQL under Patroni, a server for each of two hot homes, three
 * RabbitMQ and three ZooKeeper, all private instances on this machine.
 */

const SIZE = 3;
/** Each has a server of its own. */
const HOT_HOMES: readonly Home[] = ['hot', 'hot-1'];
const NUMBERS = Array.from({ length: SIZE }, (_, index) => index + 1);
/** Less than the single server of `npm start` has, because five servers share the machine. */
const SHARED_BUFFERS_MB = 128;

const rabbitName = (number: number) => `rabbit-${number}`;
const rabbitNode = (number: number) => `${rabbitName(number)}@localhost`;

const postgresOf = (home: Home) => `postgres-${home}`;

const numbered = (name: string, first: number) =>
  Object.fromEntries(NUMBERS.map((number) => [`${name}-${number}`, first + number - 1]));

/** Below 32,768, as those of `npm start`, and apart from them. */
export const CLUSTER_PORTS: PortsWanted = {
  ...numbered('postgres', 16_432),
  ...numbered('patroni', 16_008),
  ...Object.fromEntries(HOT_HOMES.map((home, index) => [postgresOf(home), 16_442 + index])),
  ...numbered('amqp', 16_679),
  ...numbered('distribution', 16_689),
  ...numbered('rabbitmq-metrics', 16_692),
  epmd: 15_682,
  ...numbered('zookeeper', 13_181),
  ...numbered('zookeeper-peer', 13_191),
  ...numbered('zookeeper-election', 13_195),
};

/** Groups of process names; each group is stopped after the one before it. */
export const CLUSTER_STOP_ORDER: readonly (readonly string[])[] = [
  [...NUMBERS.map(rabbitName), ...NUMBERS.map((number) => `patroni-postgres-${number}`)],
  HOT_HOMES.map(postgresOf),
  [...NUMBERS.map((number) => `zookeeper-${number}`), 'epmd'],
];

export interface ClusterOptions {
  readonly folder: string;
  readonly logFolder: string;
  readonly portOf: (name: string) => number;
  readonly passwords: Settings['passwords'];
  readonly machine: Machine;
  readonly progress: Progress;
  readonly supervisor: Supervisor;
}

/** The ports of RabbitMQ's metrics. */
export function rabbitMetrics(portOf: (name: string) => number): number[] {
  return NUMBERS.map((number) => portOf(`rabbitmq-metrics-${number}`));
}

async function startAll(options: ClusterOptions, specs: readonly ProcessSpec[]): Promise<void> {
  await Promise.all(specs.map((spec) => options.supervisor.start(spec)));
}

async function startZookeepers(options: ClusterOptions): Promise<string> {
  const { folder, logFolder, portOf, machine } = options;
  const programs = findZookeeper(machine);
  if (programs === undefined) throw new Error('ZooKeeper is not installed');
  const members = NUMBERS.map((number) => ({
    peer: portOf(`zookeeper-peer-${number}`),
    election: portOf(`zookeeper-election-${number}`),
  }));
  const specs = NUMBERS.map((id) =>
    prepareZookeeper(
      {
        folder: join(folder, `zookeeper-${id}`),
        port: portOf(`zookeeper-${id}`),
        logFile: join(logFolder, `zookeeper-${id}.log`),
        ensemble: { id, members },
      },
      programs,
    ),
  );
  await startAll(options, specs);
  return NUMBERS.map((number) => `127.0.0.1:${portOf(`zookeeper-${number}`)}`).join(',');
}

async function startRabbits(options: ClusterOptions): Promise<string> {
  const { folder, logFolder, portOf, passwords, machine } = options;
  const programs = findRabbit(machine);
  if (programs === undefined) throw new Error('RabbitMQ is not installed');
  const nodes = NUMBERS.map(rabbitNode);
  const prepared = NUMBERS.map((number) =>
    prepareRabbit(
      {
        folder: join(folder, rabbitName(number)),
        ports: {
          amqp: portOf(`amqp-${number}`),
          metrics: portOf(`rabbitmq-metrics-${number}`),
          epmd: portOf('epmd'),
          distribution: portOf(`distribution-${number}`),
        },
        password: passwords.rabbitmq,
        logFolder,
        cluster: { nodeName: rabbitNode(number), nodes, cookie: `cookie-${passwords.rabbitmq}` },
      },
      programs,
    ),
  );
  const [first] = prepared;
  if (first !== undefined) await options.supervisor.start(first.mapper);
  await startAll(
    options,
    prepared.map(({ broker }) => broker),
  );
  const hosts = NUMBERS.map((number) => `127.0.0.1:${portOf(`amqp-${number}`)}`).join(',');
  return `amqp://${RABBIT_USER}:${passwords.rabbitmq}@${hosts}/${RABBIT_VHOST}`;
}

/** Where the servers of PostgreSQL keep their data, and the user that they run as. */
interface PostgresPlace {
  readonly folder: string;
  readonly user: UserIds | undefined;
}

async function startPatroni(
  options: ClusterOptions,
  { folder, user }: PostgresPlace,
  zookeeper: string,
): Promise<string> {
  const { logFolder, portOf, passwords, machine } = options;
  const cluster: PatroniCluster = {
    scope: 'regular',
    members: NUMBERS.map((number) => ({
      name: `postgres-${number}`,
      folder: join(folder, `postgres-${number}`),
      logFile: join(logFolder, `postgres-${number}.log`),
      port: portOf(`postgres-${number}`),
      restPort: portOf(`patroni-${number}`),
    })),
    zookeeper,
    password: passwords.postgres,
    user,
    sharedBuffersMb: SHARED_BUFFERS_MB,
  };
  const programs = { patroni: findPatroni(machine), postgres: findPostgres(machine) };
  await startAll(options, preparePatroni(cluster, programs));
  return patroniUrl(cluster);
}

/** Command lines that break each part, and what follows, for the summary of the start. */
function breakLinesOf({ portOf }: ClusterOptions, { folder }: PostgresPlace): string[] {
  return [
    'npx flashsale processes      all parts with their process ids. What you kill starts again by itself.',
    'kill -9 PID                  a crash. kill -STOP PID freezes it, kill -CONT PID lets it go on.',
    `patronictl -c ${join(folder, 'postgres-1', 'patroni.yml')} list      which PostgreSQL leads`,
    `kill -9 $(head -1 ${join(folder, 'postgres-N', 'data', 'postmaster.pid')})      another one leads within 15 s`,
    ...HOT_HOMES.map((home) => {
      const pidFile = join(folder, postgresOf(home), 'data', 'postmaster.pid');
      return `kill -9 $(head -1 ${pidFile})      SKUs of the home ${home} wait; those of the other homes are sold`;
    }),
    `iptables -I INPUT -i lo -p tcp --dport ${portOf('amqp-1')} -j DROP      cuts a broker off from its clients; -D undoes it`,
    'npx flashsale db audit       whether the books balance',
  ];
}

async function startHotHome(
  options: ClusterOptions,
  { folder, user }: PostgresPlace,
  home: Home,
): Promise<[Home, string]> {
  const name = postgresOf(home);
  const instance = {
    folder: join(folder, name),
    port: options.portOf(name),
    password: options.passwords.postgres,
    logFile: join(options.logFolder, `${name}.log`),
    user,
    sharedBuffersMb: SHARED_BUFFERS_MB,
    niceness: BEHIND_THE_QUEUE_NICENESS,
  };
  const spec = await preparePostgres(instance, findPostgres(options.machine));
  await options.supervisor.start({ ...spec, name });
  return [home, postgresUrl(instance)];
}

export interface RunningCluster {
  readonly servers: Servers;
  /** How to break its parts, a line each. */
  readonly breakLines: readonly string[];
}

/**
 * Starts all servers and waits until they are ready.
 *
 * @throws {PackagesMissing | Error}
 */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const { machine, progress } = options;
  await ensureServerPackages({ wanted: SERVER_NAMES, machine, progress });
  await ensurePackages(FAILOVER_PACKAGES, machine, progress);
  const user = postgresUser();
  const place = { folder: postgresFolder(options, user), user };
  const zookeepers = progress.step('starting three ZooKeepers', () => startZookeepers(options));
  const [databaseUrl, hotUrls, amqpUrl, zookeeper] = await Promise.all([
    zookeepers.then((hosts) =>
      progress.step('starting three PostgreSQL under Patroni', () =>
        startPatroni(options, place, hosts),
      ),
    ),
    progress.step('starting the servers of two hot homes', () =>
      Promise.all(HOT_HOMES.map((home) => startHotHome(options, place, home))),
    ),
    progress.step('starting three RabbitMQ', () => startRabbits(options)),
    zookeepers,
  ]);
  const servers = { databaseUrl, hotDatabaseUrls: Object.fromEntries(hotUrls), amqpUrl, zookeeper };
  return { servers, breakLines: breakLinesOf(options, place) };
}
