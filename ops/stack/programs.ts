import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** Finds the programs of the three servers on this machine. */

/** Package names of Debian and its derivatives. */
export const SERVER_PACKAGES = ['postgresql', 'rabbitmq-server', 'zookeeper'] as const;
export const BROWSER_PACKAGE = 'chromium';
/** The same browser without windows: it takes half of the CPU time, and receives no push messages. */
export const BROWSER_SHELL_PACKAGE = 'chromium-headless-shell';
/** The edge, and what makes a certificate for it. */
export const EDGE_PACKAGES = ['nginx-light', 'openssl'] as const;
/** What watches the shop. Tests of the alert rules need all of them. */
export const WATCH_PACKAGES = [
  'prometheus',
  'prometheus-alertmanager',
  'prometheus-postgres-exporter',
  'prometheus-node-exporter',
  'prometheus-blackbox-exporter',
] as const;
/** PostgreSQL with standbys: Patroni, and its client of ZooKeeper. */
export const FAILOVER_PACKAGES = ['patroni', 'python3-kazoo'] as const;
/** Backups of PostgreSQL, and restores to a point in time. */
export const BACKUP_PACKAGE = 'pgbackrest';
/** For tests: a server that is cut off. */
export const FIREWALL_PACKAGE = 'iptables';
/** For tests: a process with a wrong clock. */
export const CLOCK_PACKAGE = 'faketime';
/** For tests: the checker of the systemd units. No unit is started. */
export const UNITS_PACKAGE = 'systemd';
/** Used only by the benchmark that compares the shop with Redis. */
const REDIS_PACKAGE = 'redis-server';
/** Static check of the routines, for tests; there is one package per major PostgreSQL version. */
type CheckPackage = `postgresql-${number}-plpgsql-check`;
export type PackageName =
  | (typeof SERVER_PACKAGES)[number]
  | typeof BROWSER_PACKAGE
  | typeof BROWSER_SHELL_PACKAGE
  | (typeof EDGE_PACKAGES)[number]
  | (typeof WATCH_PACKAGES)[number]
  | (typeof FAILOVER_PACKAGES)[number]
  | typeof BACKUP_PACKAGE
  | typeof FIREWALL_PACKAGE
  | typeof CLOCK_PACKAGE
  | typeof UNITS_PACKAGE
  | typeof REDIS_PACKAGE
  | CheckPackage;

/** Older versions lack features that the routines use. */
const POSTGRES_MAJOR_MIN = 15;

export interface PostgresPrograms {
  /** Folder with postgres, initdb, psql, createdb. */
  readonly bin: string;
  readonly major: number;
}

export interface RabbitPrograms {
  /** The start script itself, not the wrapper that changes the user. */
  readonly server: string;
  readonly epmd: string;
}

export interface ZookeeperPrograms {
  readonly java: string;
  readonly classPath: string;
}

/** Where to search; tests use an empty folder. */
export interface Machine {
  /** `PATH` of the environment. */
  readonly path: string;
  /** `/`, or a folder used in its place. */
  readonly root: string;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Path of the first program of that name on `PATH`. */
export function which(name: string, machine: Machine): string | undefined {
  const folders = machine.path.split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function subfolders(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** All installed versions of PostgreSQL that are new enough, newest first. */
export function findPostgres(machine: Machine): PostgresPrograms[] {
  const debian = join(machine.root, 'usr/lib/postgresql');
  const versions = subfolders(debian)
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ bin: join(debian, name, 'bin'), major: Number(name) }));
  const onPath = which('initdb', machine);
  if (onPath !== undefined) versions.push({ bin: dirname(onPath), major: POSTGRES_MAJOR_MIN });
  return versions
    .filter(({ bin, major }) => major >= POSTGRES_MAJOR_MIN && isProgram(join(bin, 'initdb')))
    .sort((one, other) => other.major - one.major);
}

export function findRabbit(machine: Machine): RabbitPrograms | undefined {
  // Debian's /usr/sbin/rabbitmq-server is a wrapper that changes to the user rabbitmq.
  const debian = join(machine.root, 'usr/lib/rabbitmq/bin/rabbitmq-server');
  const server = isProgram(debian) ? debian : which('rabbitmq-server', machine);
  const epmd = ['usr/bin/epmd', 'usr/lib/erlang/bin/epmd']
    .map((path) => join(machine.root, path))
    .concat(which('epmd', machine) ?? [])
    .find(isProgram);
  return server === undefined || epmd === undefined ? undefined : { server, epmd };
}

const JAR_FOLDERS = [
  'usr/share/zookeeper/lib',
  'opt/zookeeper/lib',
  'opt/homebrew/opt/zookeeper/libexec/lib',
  'usr/local/opt/zookeeper/libexec/lib',
];

export function findZookeeper(machine: Machine): ZookeeperPrograms | undefined {
  const at = (path: string) => join(machine.root, path);
  const java = isProgram(at('usr/bin/java')) ? at('usr/bin/java') : which('java', machine);
  if (java === undefined) return undefined;
  // The manifest of Debian's jar names all its dependencies except a logger.
  const debian = at('usr/share/java/zookeeper.jar');
  if (existsSync(debian)) {
    return { java, classPath: `${debian}:${at('usr/share/java/slf4j-simple.jar')}` };
  }
  const folder = JAR_FOLDERS.map(at).find((path) =>
    subfolders(path).some((name) => /^zookeeper-\d.*\.jar$/.test(name)),
  );
  return folder === undefined ? undefined : { java, classPath: join(folder, '*') };
}

/** A browser for the tests of the shopper's page. */
function findBrowser(machine: Machine): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  return names.map((name) => which(name, machine)).find((path) => path !== undefined);
}

/** Debian installs it outside the `PATH` of ordinary users. */
function findNginx(machine: Machine): string | undefined {
  const debian = join(machine.root, 'usr/sbin/nginx');
  return isProgram(debian) ? debian : which('nginx', machine);
}

/** @throws {Error} when a program is not installed */
export function findEdge(machine: Machine): { readonly nginx: string; readonly openssl: string } {
  const [nginx, openssl] = [findNginx(machine), which('openssl', machine)];
  if (nginx === undefined) throw new Error('nginx is not installed');
  if (openssl === undefined) throw new Error('openssl is not installed');
  return { nginx, openssl };
}

/** Package of the static check for the PostgreSQL version that a new data folder gets. */
export function checkPackage(machine: Machine): CheckPackage {
  return `postgresql-${findPostgres(machine)[0]?.major ?? POSTGRES_MAJOR_MIN}-plpgsql-check`;
}

function hasCheck(name: CheckPackage, machine: Machine): boolean {
  const major = /\d+/.exec(name)?.[0] ?? '';
  const control = `usr/share/postgresql/${major}/extension/plpgsql_check.control`;
  return existsSync(join(machine.root, control));
}

const KAZOO = 'usr/lib/python3/dist-packages/kazoo';

/** @throws {Error} when it is not installed */
export function findPatroni(machine: Machine): string {
  const patroni = which('patroni', machine);
  if (patroni === undefined) throw new Error('Patroni is not installed');
  return patroni;
}

/** Packages that have the name of their program. */
function perProgram<Name extends string>(names: readonly Name[], machine: Machine) {
  const present = names.map((name) => [name, () => which(name, machine) !== undefined] as const);
  return Object.fromEntries(present) as Record<Name, () => boolean>;
}

export type WatchPrograms = Readonly<Record<(typeof WATCH_PACKAGES)[number], string>>;

/** @throws {Error} when a program is not installed */
export function findWatch(machine: Machine): WatchPrograms {
  const found = WATCH_PACKAGES.map((name) => {
    const program = which(name, machine);
    if (program === undefined) throw new Error(`${name} is not installed`);
    return [name, program] as const;
  });
  return Object.fromEntries(found) as WatchPrograms;
}

/** The packages in `wanted` whose programs are not installed. */
export function missingPackages(wanted: readonly PackageName[], machine: Machine): PackageName[] {
  const present: Record<Exclude<PackageName, CheckPackage>, () => boolean> = {
    postgresql: () => findPostgres(machine).length > 0,
    'rabbitmq-server': () => findRabbit(machine) !== undefined,
    zookeeper: () => findZookeeper(machine) !== undefined,
    chromium: () => findBrowser(machine) !== undefined,
    'chromium-headless-shell': () => which(BROWSER_SHELL_PACKAGE, machine) !== undefined,
    openssl: () => which('openssl', machine) !== undefined,
    patroni: () => which('patroni', machine) !== undefined,
    'python3-kazoo': () => existsSync(join(machine.root, KAZOO)),
    iptables: () => isProgram(join(machine.root, 'usr/sbin/iptables')),
    systemd: () => which('systemd-analyze', machine) !== undefined,
    ...perProgram([...WATCH_PACKAGES, BACKUP_PACKAGE, CLOCK_PACKAGE], machine),
    'nginx-light': () => findNginx(machine) !== undefined,
    'redis-server': () => which('redis-server', machine) !== undefined,
  };
  const isCheck = (name: PackageName): name is CheckPackage => name.endsWith('-plpgsql-check');
  return wanted.filter((name) => (isCheck(name) ? !hasCheck(name, machine) : !present[name]()));
}
