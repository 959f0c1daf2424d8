import { copyFileSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDatabaseUrl } from '../../contracts/database-url.ts';
import { urlInRole, urlOfLogin } from '../../db/install/logins.ts';
import { PROJECT_ROOT } from './folder.ts';
import { ensurePackages } from './packages.ts';
import { loopbackUrl } from './ports.ts';
import { findWatch, type Machine, WATCH_PACKAGES, type WatchPrograms } from './programs.ts';
import type { Progress } from './progress.ts';
import type { Servers } from './servers.ts';
import type { ProcessSpec } from './supervisor.ts';

/**
 * Private instances of Prometheus, Alertmanager and the exporters, with the configuration of
 * ops/monitoring and the rules of ops/alerts. Compose uses the same files.
 */

export const WATCH_NAMES = [
  'prometheus',
  'alertmanager',
  'postgres-exporter',
  // An exporter reads one server.
  'postgres-exporter-2',
  'postgres-exporter-3',
  'postgres-exporter-4',
  'postgres-exporter-5',
  'node-exporter',
  'blackbox-exporter',
] as const;
type WatchName = (typeof WATCH_NAMES)[number];
const EXPORTERS = WATCH_NAMES.filter((name) => name.startsWith('postgres-exporter'));

/** Name of a file of targets in ops/monitoring/prometheus.yml. */
type Job = 'flashsale' | 'postgres' | 'rabbitmq' | 'zookeeper' | 'host' | 'shop' | 'alertmanager';

interface TargetGroup {
  /** `host:port`; URLs for the job `shop`. */
  readonly targets: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

interface WatchInstance {
  readonly folder: string;
  readonly logFolder: string;
  readonly ports: Readonly<Record<WatchName, number>>;
  /** Ports of the shop's processes, of RabbitMQ's plugin, and so on. */
  readonly monitors: readonly string[];
  readonly rabbitmq: readonly string[];
  /** Up to five servers of PostgreSQL: URLs of one host, with the rights of the role `monitor`. */
  readonly databaseUrls: readonly string[];
  /** URLs of the shop, as from outside. */
  readonly shop: readonly string[];
  /** A configuration of Alertmanager instead of that of ops/monitoring. */
  readonly alertmanagerConfig?: string | undefined;
}

const MONITORING = join(PROJECT_ROOT, 'ops/monitoring');
const RULES = join(PROJECT_ROOT, 'ops/alerts');
const CONTACT_TIMEOUT_MS = 1_000;
const RETENTION = '15d';
const HOST_COLLECTORS = 'cpu diskstats filefd filesystem loadavg meminfo netdev timex'.split(' ');

const at = (port: number) => `127.0.0.1:${port}`;

/** Writes what Prometheus watches. It reads a changed file at once, so the file is never half written. */
export function writeTargets(folder: string, job: Job, groups: readonly TargetGroup[]): void {
  const targets = join(folder, 'prometheus/targets');
  const file = join(targets, `${job}.json`);
  mkdirSync(targets, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, JSON.stringify(groups), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function writeFolder({ folder, ports, ...seen }: WatchInstance): void {
  const home = join(folder, 'prometheus');
  mkdirSync(join(home, 'rules'), { recursive: true, mode: 0o700 });
  copyFileSync(join(MONITORING, 'prometheus.yml'), join(home, 'prometheus.yml'));
  for (const file of readdirSync(RULES)) {
    if (file.endsWith('.rules.yml')) copyFileSync(join(RULES, file), join(home, 'rules', file));
  }
  const write = (job: Job, targets: readonly string[], labels = {}) =>
    writeTargets(folder, job, targets.length === 0 ? [] : [{ targets, labels }]);
  write('flashsale', seen.monitors);
  write(
    'postgres',
    EXPORTERS.slice(0, seen.databaseUrls.length).map((name) => at(ports[name])),
  );
  write('rabbitmq', seen.rabbitmq);
  write('zookeeper', []);
  write('host', [at(ports['node-exporter'])]);
  write('alertmanager', [at(ports.alertmanager)]);
  write('shop', seen.shop, {
    __param_module: 'shop-unsigned',
    exporter: at(ports['blackbox-exporter']),
  });
}

/** Ready when the path answers with 200. */
function answersAt(port: number, path: string): ProcessSpec['notReady'] {
  return async () => {
    try {
      const signal = AbortSignal.timeout(CONTACT_TIMEOUT_MS);
      const response = await fetch(`${loopbackUrl(port)}${path}`, { signal });
      await response.arrayBuffer();
      return response.ok ? undefined : `${path} answers ${response.status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
}

type Program = (
  name: WatchName,
  command: string,
  args: readonly string[],
  more: { readonly path: string; readonly env?: Readonly<Record<string, string>> },
) => ProcessSpec;

/** What is the same for all of them. */
function programOf({ folder, logFolder, ports }: WatchInstance): Program {
  return (name, command, args, { path, env }) => ({
    name,
    command,
    args: [...args, `--web.listen-address=${at(ports[name])}`, '--log.level=warn'],
    env: { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin', ...env },
    cwd: folder,
    logFile: join(logFolder, `${name}.log`),
    stopSignal: 'SIGTERM',
    stopGraceMs: 5_000,
    readyTimeoutMs: 300_000,
    notReady: answersAt(ports[name], path),
  });
}

function exporters(
  { databaseUrls }: WatchInstance,
  program: Program,
  programs: WatchPrograms,
): ProcessSpec[] {
  const queries = `--extend.query-path=${join(MONITORING, 'postgres-queries.yml')}`;
  const postgres = databaseUrls.map((url, index) =>
    program(
      EXPORTERS[index] ?? 'postgres-exporter',
      programs['prometheus-postgres-exporter'],
      ['--disable-settings-metrics', queries],
      // `/metrics` would ask the server.
      { path: '/', env: { DATA_SOURCE_NAME: plainText(url) } },
    ),
  );
  const host = program(
    'node-exporter',
    programs['prometheus-node-exporter'],
    ['--collector.disable-defaults', ...HOST_COLLECTORS.map((each) => `--collector.${each}`)],
    { path: '/metrics' },
  );
  const shop = program(
    'blackbox-exporter',
    programs['prometheus-blackbox-exporter'],
    [`--config.file=${join(MONITORING, 'blackbox.yml')}`],
    { path: '/-/healthy' },
  );
  return [...postgres, host, shop];
}

export function prepareWatch(instance: WatchInstance, programs: WatchPrograms): ProcessSpec[] {
  const { folder, alertmanagerConfig } = instance;
  writeFolder(instance);
  const home = join(folder, 'prometheus');
  const program = programOf(instance);
  const alertmanager = program(
    'alertmanager',
    programs['prometheus-alertmanager'],
    [
      `--config.file=${alertmanagerConfig ?? join(MONITORING, 'alertmanager.yml')}`,
      `--storage.path=${join(folder, 'alertmanager')}`,
      // One instance: it looks for no others.
      '--cluster.listen-address=',
    ],
    { path: '/-/ready' },
  );
  const prometheus = program(
    'prometheus',
    programs.prometheus,
    [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      `--storage.tsdb.retention.time=${RETENTION}`,
    ],
    { path: '/-/ready' },
  );
  return [...exporters(instance, program, programs), alertmanager, prometheus];
}

/** The exporter asks for TLS unless the URL says otherwise. */
function plainText(url: string): string {
  const own = new URL(url);
  if (!own.searchParams.has('sslmode')) own.searchParams.set('sslmode', 'disable');
  return own.href;
}

/** What watches the local stack, and where it is. Installs what is missing. */
export async function localWatch(stack: {
  readonly folder: string;
  readonly logFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly portOf: (name: string) => number;
  readonly servers: Servers;
  /** Password of the login of the role `monitor`; undefined on a server that its owner manages. */
  readonly monitor: string | undefined;
  /** Base URLs of the monitor ports, by process name. */
  readonly monitors: Readonly<Record<string, string>>;
  readonly shopUrl: string;
  /** Ports of the brokers' metrics, if they run here with the plugin. */
  readonly rabbitMetrics: readonly number[];
}) {
  const { environment, servers, monitor, portOf, logFolder } = stack;
  const machine: Machine = { path: environment['PATH'] ?? '', root: '/' };
  await ensurePackages(WATCH_PACKAGES, machine, stack.progress);
  const ports = Object.fromEntries(
    WATCH_NAMES.map((name) => [name, portOf(name)]),
  ) as unknown as WatchInstance['ports'];
  const { databaseUrl, hotDatabaseUrls = {} } = servers;
  // The logins in the URLs of hot homes may take the role.
  const watched = [
    monitor === undefined ? databaseUrl : urlOfLogin(databaseUrl, 'monitor', monitor),
    ...Object.values(hotDatabaseUrls).filter((url) => url !== databaseUrl),
  ].flatMap((url) => parseDatabaseUrl(url).urls);
  const instance: WatchInstance = {
    ...{ folder: join(stack.folder, 'watch'), logFolder, ports, shop: [`${stack.shopUrl}/`] },
    monitors: Object.values(stack.monitors).map((url) => new URL(url).host),
    rabbitmq: stack.rabbitMetrics.map(at),
    databaseUrls: watched.slice(0, EXPORTERS.length).map((url) => urlInRole(url, 'monitor')),
    alertmanagerConfig: environment['ALERTMANAGER_CONFIG'],
  };
  const { prometheus, alertmanager } = ports;
  const watchUrls = {
    prometheus: loopbackUrl(prometheus),
    alertmanager: loopbackUrl(alertmanager),
  };
  return { specs: prepareWatch(instance, findWatch(machine)), watchUrls };
}
