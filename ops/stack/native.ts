import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages } from './packages.ts';
import { freePort } from './ports.ts';
import { type PostgresInstance, postgresUrl, preparePostgres } from './postgres.ts';
import { type UserIds, userIds } from './processes.ts';
import {
  findPostgres,
  findRabbit,
  findZookeeper,
  type Machine,
  type PackageName,
} from './programs.ts';
import type { Progress } from './progress.ts';
import { prepareRabbit, type RabbitPorts, rabbitUrls } from './rabbitmq.ts';
import type { ServerName, Servers } from './servers.ts';
import type { Supervisor } from './supervisor.ts';
import { prepareZookeeper } from './zookeeper.ts';

/** The three servers as private instances of this machine's programs. */

export interface NativeOptions {
  readonly wanted: readonly ServerName[];
  /** Where the instances keep their data; each has a folder of its own in it. */
  readonly folder: string;
  readonly logFolder: string;
  readonly ports: NativePorts;
  readonly passwords: { readonly postgres: string; readonly rabbitmq: string };
  readonly sharedBuffersMb: number;
  /** Set where PostgreSQL shares the machine with web nodes. See `LaunchOptions`. */
  readonly postgresNiceness?: number;
  readonly machine: Machine;
  readonly progress: Progress;
  readonly supervisor: Supervisor;
}

export interface NativePorts extends RabbitPorts {
  readonly postgres: number;
  readonly zookeeper: number;
}

/** Ports for servers of one's own. @param withManagement also for the management API of RabbitMQ */
export async function freeNativePorts(withManagement = false): Promise<NativePorts> {
  return {
    postgres: await freePort(),
    amqp: await freePort(),
    management: withManagement ? await freePort() : undefined,
    epmd: await freePort(),
    distribution: await freePort(),
    zookeeper: await freePort(),
  };
}

/** Groups of process names; each group is stopped after the one before it. */
export const NATIVE_STOP_ORDER = [['rabbitmq', 'postgres', 'zookeeper'], ['epmd']] as const;

const PACKAGE_OF: Record<ServerName, PackageName> = {
  postgres: 'postgresql',
  rabbitmq: 'rabbitmq-server',
  zookeeper: 'zookeeper',
};

/** @throws {PackagesMissing} */
export function ensureServerPackages(options: {
  wanted: readonly ServerName[];
  machine: Machine;
  progress: Progress;
}): Promise<void> {
  const packages = options.wanted.map((name) => PACKAGE_OF[name]);
  return ensurePackages(packages, options.machine, options.progress);
}

function canReach(folder: string, user: UserIds): boolean {
  const probe = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { cwd: '/', ...user });
  return probe.status === 0;
}

/**
 * The folder in which PostgreSQL's data are. PostgreSQL refuses to run as root, so root runs it as another
 * user, who must have access to the path. Below a private home folder there is none; then it is in /var/lib.
 */
export function postgresFolder(
  { folder, progress }: { readonly folder: string; readonly progress: Progress },
  user: UserIds | undefined,
): string {
  if (user === undefined) return folder;
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o711);
  if (canReach(folder, user)) return folder;
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  const base = existsSync('/var/lib') ? '/var/lib' : tmpdir();
  const outside = join(base, `flashsale-${digest}`);
  mkdirSync(outside, { recursive: true, mode: 0o711 });
  progress.say(`PostgreSQL cannot reach ${folder}; its data are in ${outside}`);
  return outside;
}

/** The user that PostgreSQL runs as; undefined: the present one. */
export function postgresUser(): UserIds | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const ids = userIds('postgres');
  if (ids === undefined) {
    throw new Error('PostgreSQL does not run as root, and this machine has no user "postgres"');
  }
  return ids;
}

async function startPostgres(options: NativeOptions): Promise<Partial<Servers>> {
  const user = postgresUser();
  const instance: PostgresInstance = {
    folder: join(postgresFolder(options, user), 'postgres'),
    port: options.ports.postgres,
    password: options.passwords.postgres,
    logFile: join(options.logFolder, 'postgres.log'),
    user,
    sharedBuffersMb: options.sharedBuffersMb,
    niceness: options.postgresNiceness,
  };
  const spec = await preparePostgres(instance, findPostgres(options.machine));
  await options.supervisor.start(spec);
  return { databaseUrl: postgresUrl(instance) };
}

async function startRabbit(options: NativeOptions): Promise<Partial<Servers>> {
  const { ports, passwords, logFolder, supervisor, machine } = options;
  const programs = findRabbit(machine);
  if (programs === undefined) throw new Error('RabbitMQ is not installed');
  const folder = join(options.folder, 'rabbitmq');
  const instance = { folder, ports, password: passwords.rabbitmq, logFolder };
  const { mapper, broker } = prepareRabbit(instance, programs);
  await supervisor.start(mapper);
  await supervisor.start(broker);
  const urls = rabbitUrls(ports, passwords.rabbitmq);
  return { amqpUrl: urls.amqp, amqpManagementUrl: urls.management };
}

async function startZookeeper(options: NativeOptions): Promise<Partial<Servers>> {
  const { ports, logFolder, machine, supervisor } = options;
  const programs = findZookeeper(machine);
  if (programs === undefined) throw new Error('ZooKeeper is not installed');
  const folder = join(options.folder, 'zookeeper');
  const logFile = join(logFolder, 'zookeeper.log');
  await supervisor.start(prepareZookeeper({ folder, port: ports.zookeeper, logFile }, programs));
  return { zookeeper: `127.0.0.1:${ports.zookeeper}` };
}

const STARTERS: Record<ServerName, (options: NativeOptions) => Promise<Partial<Servers>>> = {
  postgres: startPostgres,
  rabbitmq: startRabbit,
  zookeeper: startZookeeper,
};

/**
 * Starts the wanted servers at the same time and waits until they are ready. The packages must be
 * installed (`ensureServerPackages`). If one server fails, the supervisor stops the others.
 */
export async function startNative(options: NativeOptions): Promise<Partial<Servers>> {
  const results = await Promise.allSettled(
    options.wanted.map(async (name) => {
      const startedAt = performance.now();
      const servers = await STARTERS[name](options);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      options.progress.say(`${name} is ready (${seconds} s)`);
      return servers;
    }),
  );
  const failures = results.filter((result) => result.status === 'rejected');
  if (failures.length > 0) {
    throw new Error(failures.map(({ reason }) => String(reason?.message ?? reason)).join('\n'));
  }
  const parts = results.map((result) => (result.status === 'fulfilled' ? result.value : {}));
  return Object.assign({}, ...parts);
}
