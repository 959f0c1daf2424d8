import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withSecretsOfFiles } from '../contracts/config.ts';
import type { Home } from '../contracts/homes.ts';
import { AUDIT_TIMEOUT_MS } from '../db/audit.ts';
import { createPool, Databases } from '../db/client/pool.ts';
import type * as Prepare from '../db/install/prepare.ts';
import { ticketKey } from '../db/ticket-keys.ts';
import { applySale } from '../ops/sale/apply.ts';
import type { DesiredSale } from '../ops/sale/desired.ts';
import { applicationNames, applicationSpecs } from '../ops/stack/application.ts';
import { BEHIND_THE_QUEUE_NICENESS } from '../ops/stack/give-way.ts';
import {
  ensureServerPackages,
  freeNativePorts,
  NATIVE_STOP_ORDER,
  startNative,
} from '../ops/stack/native.ts';
import { freePort, loopbackUrl } from '../ops/stack/ports.ts';
import { sharedBuffersMb } from '../ops/stack/postgres.ts';
import type { Machine } from '../ops/stack/programs.ts';
import type { Progress } from '../ops/stack/progress.ts';
import {
  homesOf,
  homeUrls,
  missingServers,
  type ServerName,
  type Servers,
  serversOfEnvironment,
} from '../ops/stack/servers.ts';
import { newSettings } from '../ops/stack/state.ts';
import { Supervisor } from '../ops/stack/supervisor.ts';
import { ZkSession } from '../zk/client/session.ts';

/**
 * A private shop for a benchmark. Servers that the environment does not name are started in a
 * temporary folder with the settings of the local stack. The shop's processes run as with `npm start`.
 */

const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const ZK_SESSION_TIMEOUT_MS = 10_000;

export interface BenchServers {
  readonly servers: Partial<Servers>;
  readonly folder: string;
  /** For further programs of this run. `stop` ends them by name. */
  readonly supervisor: Supervisor;
  readonly machine: Machine;
  stop(): Promise<void>;
}

/** @throws {PackagesMissing | Error} when a server does not start */
export async function startServers(
  names: readonly ServerName[],
  environment: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<BenchServers> {
  const given = serversOfEnvironment(environment);
  const wanted = missingServers(given).filter((name) => names.includes(name));
  const machine = { path: environment['PATH'] ?? '', root: '/' };
  await ensureServerPackages({ wanted, machine, progress });
  const folder = mkdtempSync(join(tmpdir(), 'flashsale-bench-'));
  chmodSync(folder, 0o711);
  const supervisor = new Supervisor({ say: progress.say, onChange: () => {}, restart: false });
  const stop = async () => {
    const servers = NATIVE_STOP_ORDER.flat() as readonly string[];
    const others = supervisor.records().flatMap(({ name }) => (servers.includes(name) ? [] : name));
    await supervisor.stop(others);
    for (const group of NATIVE_STOP_ORDER) await supervisor.stop(group, { discard: true });
    rmSync(folder, { recursive: true, force: true });
  };
  stopOnSignal(stop);
  try {
    const started = await startNative({
      wanted,
      folder,
      logFolder: join(folder, 'logs'),
      ports: await freeNativePorts(),
      passwords: newSettings().passwords,
      postgresNiceness: BEHIND_THE_QUEUE_NICENESS,
      sharedBuffersMb: sharedBuffersMb(),
      machine,
      progress,
      supervisor,
    });
    return { servers: { ...given, ...started }, folder, supervisor, machine, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const stops: (() => Promise<void>)[] = [];

/** A benchmark may have several groups of servers. Its process ends when all of them have stopped. */
function stopOnSignal(stop: () => Promise<void>): void {
  stops.push(stop);
  if (stops.length > 1) return;
  const stopAll = () =>
    void Promise.allSettled(stops.map((one) => one())).finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stopAll);
}

export interface Shop {
  readonly host: string;
  readonly port: number;
  readonly jwtSecret: string;
  readonly zkRoot: string;
  readonly databases: Databases;
  readonly session: ZkSession;
  /** Connect string of its ZooKeeper. */
  readonly zookeeper: string;
  readonly console: { readonly url: string; readonly token: string };
  /** Pid of each process of the shop, by its name. */
  readonly pids: ReadonlyMap<string, number>;
  /** Sum of all samples of a metric over the shop's processes, with any labels. */
  metric(name: string): Promise<number>;
  /**
   * Puts one SKU or many on sale and waits until they can be bought. Returns the sale's ticket key.
   *
   * @param units of each SKU
   * @param home without it, `hot`
   */
  openSale(
    sale: string,
    skus: string | readonly string[],
    units: number,
    home?: Home,
  ): Promise<Buffer>;
  close(): Promise<void>;
}

export interface ShopOptions {
  /** The processes to run, of those that `applicationNames` lists. */
  readonly processes: readonly string[];
  /** Variables for all processes. They replace those of the local stack. */
  readonly environment: Readonly<Record<string, string>>;
  /** Root of another checkout whose programs run, to compare it with this one. */
  readonly root?: string;
}

export async function startShop(bench: BenchServers, options: ShopOptions): Promise<Shop> {
  const servers = bench.servers as Servers;
  const root = options.root ?? join(import.meta.dirname, '..');
  const { prepare, prepareHomes } = (await import(
    join(root, 'db', 'install', 'prepare.ts')
  )) as typeof Prepare;
  if (servers.hotDatabaseUrls === undefined) await prepare(servers.databaseUrl);
  else await prepareHomes(homeUrls(servers));
  const secrets = newSettings();
  const monitorPorts = new Map<string, number>();
  for (const name of applicationNames(homesOf(servers))) monitorPorts.set(name, await freePort());
  const host = '127.0.0.1';
  const port = await freePort();
  const consolePort = await freePort();
  const zkRoot = '/bench';
  const specs = applicationSpecs({
    root,
    logFolder: join(bench.folder, 'logs'),
    environment: { ...withSecretsOfFiles(process.env), ...options.environment },
    servers,
    zkRoot,
    shop: { host, port },
    secrets,
    consolePort,
    monitorPorts,
  });
  const chosen = specs.filter(({ name }) => options.processes.includes(name));
  await Promise.all(chosen.map((spec) => bench.supervisor.start(spec)));
  const databases = Databases.open(homeUrls(servers), (url) =>
    createPool({
      url,
      max: 4,
      applicationName: 'bench',
      statementTimeoutMs: AUDIT_TIMEOUT_MS,
    }),
  );
  const session = new ZkSession({
    servers: servers.zookeeper,
    sessionTimeoutMs: ZK_SESSION_TIMEOUT_MS,
  });
  session.start();
  await session.connected(READY_TIMEOUT_MS);
  const pids = new Map(bench.supervisor.records().map(({ name, pid }) => [name, pid]));
  const metrics = async (name: string) => {
    const response = await fetch(`http://${host}:${monitorPorts.get(name)}/metrics`);
    return response.text();
  };
  return {
    host,
    port,
    jwtSecret: secrets.jwtSecret,
    zkRoot,
    databases,
    session,
    zookeeper: servers.zookeeper,
    console: { url: loopbackUrl(consolePort), token: secrets.consoleToken },
    pids,
    async metric(name) {
      const texts = await Promise.all(options.processes.map(metrics));
      const lines = texts.flatMap((text) => text.split('\n'));
      const samples = lines.filter((line) => line.startsWith(`${name}{`));
      return samples.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    async openSale(sale, skus, units, home = 'hot') {
      const place = { databases, session, root: zkRoot };
      const names = [skus].flat();
      await applySale(place, saleOf(sale, names, units, home), { actor: { by: 'bench' } });
      const webNodes = options.processes.filter((name) => name.startsWith('web-'));
      return until(`${sale} is on sale`, async () => {
        const key = await ticketKey(databases, sale);
        const texts = await Promise.all(webNodes.map(metrics));
        const isOnSale = texts.every((text) => names.every((sku) => hasUnits(text, sku)));
        return isOnSale ? key : undefined;
      });
    },
    async close() {
      await session.close();
      await databases.close();
    },
  };
}

/** A sale that is open for a day, with one unit per user. */
function saleOf(sale: string, skus: readonly string[], units: number, schema: Home): DesiredSale {
  const now = Date.now();
  const terms = { schema, price: '9.95', currency: 'EUR', userLimit: 1, units } as const;
  return {
    sale,
    title: sale,
    opens: { at: new Date(now - 1_000) },
    closes: { at: new Date(now + 24 * 3_600_000) },
    payWindowSeconds: 3_600,
    skus: skus.map((sku) => ({ ...terms, sku, title: sku })),
  };
}

/** Whether a web node may admit units of the SKU, from its metrics. */
function hasUnits(metrics: string, sku: string): boolean {
  const at = metrics.indexOf(`\nflashsale_quota_units{sku="${sku}",quantity="spare"`);
  return at >= 0 && !metrics.slice(at + 1, metrics.indexOf('\n', at + 1)).endsWith(' 0');
}

/** @throws {Error} after half a minute */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`not within half a minute: ${what}`);
    await delay(POLL_MS);
  }
}
