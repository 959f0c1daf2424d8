import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Home } from '../contracts/homes.ts';
import { Databases } from '../db/client/pool.ts';
import { prepare, prepareHomes } from '../db/install/prepare.ts';
import type { NewSale } from '../db/new-sales.ts';
import { applySale } from '../ops/sale/apply.ts';
import type { DesiredSku } from '../ops/sale/desired.ts';
import { freePort } from '../ops/stack/ports.ts';
import { endProcess, type Launched, launch, logTail } from '../ops/stack/processes.ts';
import { homeUrls, hotVariables } from '../ops/stack/servers.ts';
import { TestFolder } from '../ops/stack/test-folder.ts';
import { ZkSession } from '../zk/client/session.ts';
import { pathsBelow } from '../zk/tree/paths.ts';
import { PROGRAM_ENVIRONMENT } from './children.ts';
import { createDatabase, openPool } from './db/database.ts';
import { createVirtualHost, databaseUrl, servers, uniqueName, uniqueZkRoot } from './servers.ts';
import { until } from './until.ts';
import type { Credentials } from './zk/credentials.ts';

/**
 * The whole system for one test file: web nodes behind one address, a keeper and a worker as
 * separate processes, with their own database, virtual host and ZooKeeper root.
 */

const ROOT = join(import.meta.dirname, '..');
const READY_TIMEOUT_MS = 300_000;
const STOP = { signal: 'SIGTERM', graceMs: 60_000 } as const;

export interface SystemOptions {
  readonly webNodes?: number;
  readonly keepers?: number;
  readonly workers?: number;
  /** The credentials of ZooKeeper's roles. Without them the tree is open to everybody. */
  readonly credentials?: Credentials;
  /** Addresses of another ZooKeeper than the run's. */
  readonly zookeeper?: string;
  /** Variables for all processes, which override the defaults. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Variables for the workers, which override those. */
  readonly workerEnvironment?: Readonly<Record<string, string>>;
  /** A superuser's URL of a database server, by default the run's own. */
  readonly databaseServerUrl?: string;
  /** Folder of another release, which prepares the database and whose processes start first. */
  readonly release?: string;
  /** A separate database on a second server, for hot SKUs. */
  /** Servers of hot homes of their own, by home. */
  readonly hotDatabaseUrls?: Readonly<Record<Home, string>>;
  /**
   * A separate broker with its virtual host. By default a virtual host is created on the run's
   * broker.
   */
  readonly amqpUrl?: string;
}

/**
 * The database of an empty shop: a copy of the run's template, or a new one on a separate server.
 */
async function databaseOf({ databaseServerUrl: serverUrl, release }: SystemOptions) {
  if (serverUrl === undefined) {
    const { url, remove } = await createDatabase({ empty: release !== undefined });
    if (release !== undefined) await prepareWith(release, url);
    return { url, removeDatabase: remove };
  }
  const name = uniqueName('system');
  const admin = openPool(serverUrl, 1);
  await admin.query({ text: `CREATE DATABASE ${name}` });
  await admin.close();
  const url = databaseUrl(name, serverUrl);
  await prepare(url);
  return { url, removeDatabase: async () => {} };
}

/** Prepares a database with the files of another release. */
export async function prepareWith(release: string, url: string): Promise<void> {
  const call = `import { prepare } from './db/install/prepare.ts'; await prepare(process.argv[1]);`;
  const args = ['--input-type=module-typescript', '-e', call, url];
  await promisify(execFile)(process.execPath, args, { cwd: release, env: PROGRAM_ENVIRONMENT });
}

/** The fields of a SKU that a test sets. The others have defaults. */
export type TestSku = Partial<DesiredSku> & { readonly sku: string };

/** The fields of a sale that a test sets. */
type TestSale = Partial<NewSale>;

/** How a process differs from others of its kind. */
interface MemberOptions {
  /** The limit on open files, sockets included. */
  readonly openFilesMax?: number;
  /** The folder of another release that it runs from. */
  readonly folder?: string | undefined;
}

interface Member {
  readonly entry: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly options: MemberOptions;
  readonly monitorPort: number;
  readonly logFile: string;
  launched: Launched;
}

export class System {
  readonly url: string;
  readonly databases: Databases;
  readonly session: ZkSession;
  readonly root: string;
  readonly paths: ReturnType<typeof pathsBelow>;
  readonly jwtSecret: string;
  readonly #environment: Record<string, string>;
  readonly #members = new Map<string, Member>();
  readonly #folder = new TestFolder();
  readonly #removeDatabase: () => Promise<void>;
  readonly #removeVirtualHost: () => Promise<void>;
  readonly #credentials: Credentials | undefined;

  private constructor(options: {
    credentials: Credentials | undefined;
    environment: Record<string, string>;
    databases: Databases;
    session: ZkSession;
    removeDatabase: () => Promise<void>;
    removeVirtualHost: () => Promise<void>;
  }) {
    const { environment } = options;
    this.#environment = environment;
    this.#credentials = options.credentials;
    this.databases = options.databases;
    this.session = options.session;
    this.#removeDatabase = options.removeDatabase;
    this.#removeVirtualHost = options.removeVirtualHost;
    this.url = `http://127.0.0.1:${environment['PORT']}`;
    this.root = environment['ZK_ROOT'] ?? '';
    this.jwtSecret = environment['JWT_SECRET'] ?? '';
    this.paths = pathsBelow(this.root);
  }

  static async start(options: SystemOptions = {}): Promise<System> {
    const { url, removeDatabase } = await databaseOf(options);
    const { hotDatabaseUrls } = options;
    const urls = homeUrls({ ...servers, databaseUrl: url, hotDatabaseUrls });
    if (hotDatabaseUrls !== undefined) await prepareHomes(urls);
    const databases = Databases.open(urls, (server) => openPool(server, 8));
    const virtualHost =
      options.amqpUrl === undefined
        ? await createVirtualHost()
        : { url: options.amqpUrl, remove: async () => {} };
    const { credentials, zookeeper = servers.zookeeper } = options;
    const root = uniqueZkRoot();
    const session = new ZkSession({
      servers: zookeeper,
      sessionTimeoutMs: 10_000,
      protection: credentials?.protectionOf(root, 'operator'),
    });
    session.start();
    await session.connected(READY_TIMEOUT_MS);
    const system = new System({
      credentials,
      databases,
      session,
      removeDatabase,
      removeVirtualHost: virtualHost.remove,
      environment: {
        ...PROGRAM_ENVIRONMENT,
        DATABASE_URL: url,
        // A URL with several hosts has standbys.
        ...(url.includes('read-write') && {
          DATABASE_READ_URL: url.replace('read-write', 'standby'),
        }),
        ...hotVariables({ hotDatabaseUrls }),
        AMQP_URL: virtualHost.url,
        ZOOKEEPER: zookeeper,
        ZK_ROOT: root,
        // These tests must not fail because the machine is busy with other tests.
        ZK_SESSION_TIMEOUT_MS: '10000',
        OVERLOAD_EVENT_LOOP_MS: '30000',
        // Each session is warmed. The tests' crowds are small.
        DATABASE_CONNECTIONS_MAX: '2',
        CALLS_IN_FLIGHT_MAX: '2',
        JWT_SECRET: randomBytes(32).toString('base64url'),
        PAYMENT_WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
        DEMO: 'true',
        PORT: String(await freePort()),
        RATE_LIMIT_IP_PER_SECOND: '100000',
        LOG_LEVEL: 'info',
        ...options.environment,
      },
    });
    const count = (prefix: string, many: number) =>
      Array.from({ length: many }, (_, index) => `${prefix}-${index + 1}`);
    const from = { folder: options.release };
    await Promise.all([
      ...count('keeper', options.keepers ?? 1).map((name) =>
        system.run(name, 'keeper/main.ts', {}, from),
      ),
      ...count('worker', options.workers ?? 1).map((name) =>
        system.run(name, 'worker/main.ts', options.workerEnvironment, from),
      ),
      ...count('web', options.webNodes ?? 2).map((name) =>
        system.run(name, 'server/main.ts', {}, from),
      ),
    ]);
    return system;
  }

  /** Variables that point a command at this system. */
  get environment(): Readonly<Record<string, string>> {
    return { ...this.#environment, ...this.#credentials?.environment('operator') };
  }

  #variablesOf(entry: string): Record<string, string> {
    const roles = { keeper: 'keeper', console: 'operator' } as const;
    const role = roles[entry.split('/')[0] as keyof typeof roles] ?? 'web';
    const isKnown = !entry.startsWith('worker/');
    return { ...this.#environment, ...(isKnown && this.#credentials?.environment(role)) };
  }

  /** Starts a process and waits until it is ready and reaches every server. */
  async run(
    name: string,
    entry: string,
    environment: Member['environment'] = {},
    options: MemberOptions = {},
  ): Promise<void> {
    const monitorPort = await freePort();
    const logFile = join(this.#folder.path, `${name}.log`);
    const { openFilesMax } = options;
    const node = [process.execPath, entry];
    const limited = ['/bin/sh', '-c', `ulimit -n ${openFilesMax}; exec "$0" "$@"`, ...node];
    const [command = '', ...args] = openFilesMax === undefined ? node : limited;
    const launched = await launch({
      command,
      args,
      cwd: options.folder ?? ROOT,
      env: { ...this.#variablesOf(entry), ...environment, MONITOR_PORT: String(monitorPort) },
      logFile,
    });
    this.#members.set(name, { entry, environment, options, monitorPort, logFile, launched });
    this.#folder.note(
      [...this.#members].map(([each, member]) => ({
        name: each,
        ...member.launched.identity,
        stopSignal: STOP.signal,
        stopGraceMs: STOP.graceMs,
      })),
    );
    await this.untilReady(name);
  }

  async untilReady(name: string): Promise<void> {
    const { monitorPort, logFile } = this.#member(name);
    const look = async () => {
      const response = await fetch(`http://127.0.0.1:${monitorPort}/readyz`);
      const text = await response.text();
      const isWell = response.ok && JSON.parse(text).degraded.length === 0;
      if (!isWell) throw new Error(`${text}\n${logTail(logFile)}`);
      return true;
    };
    await until(`${name} is ready`, look, { deadlineMs: READY_TIMEOUT_MS, pollMs: 50 }).catch(
      (error: Error) => {
        throw new Error(`${error.message}\n${logTail(logFile)}`);
      },
    );
  }

  /** The answer of its `/readyz`. */
  async readiness(name: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#member(name).monitorPort}/readyz`);
    return response.text();
  }

  /** Sends `SIGKILL` at once. */
  async kill(name: string): Promise<void> {
    const { launched } = this.#member(name);
    process.kill(launched.identity.pid, 'SIGKILL');
    await launched.exited;
  }

  signal(name: string, signal: NodeJS.Signals): void {
    process.kill(this.#member(name).launched.identity.pid, signal);
  }

  pidOf(name: string): number {
    return this.#member(name).launched.identity.pid;
  }

  /** Starts a killed process again. */
  async restart(name: string): Promise<void> {
    const { entry, environment, options } = this.#member(name);
    await this.run(name, entry, environment, options);
  }

  /** Ends one process as an operator would. */
  async end(name: string): Promise<boolean> {
    return endProcess(this.#member(name).launched.identity, STOP);
  }

  log(name: string): string {
    return logTail(this.#member(name).logFile, 200);
  }

  /** Base URL of its monitor port. */
  monitorUrl(name: string): string {
    return `http://127.0.0.1:${this.#member(name).monitorPort}`;
  }

  async metrics(name: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#member(name).monitorPort}/metrics`);
    return response.text();
  }

  /**
   * Creates a sale with these SKUs and waits until the shop sells them: every node knows it, the
   * ticket key exists and the keeper has granted the quota.
   */
  async createSale(skus: readonly TestSku[], plan: TestSale = {}): Promise<string> {
    const sale = plan.sale ?? uniqueName('sale');
    const full = skus.map((sku) => ({
      title: sku.sku,
      schema: 'hot' as const,
      price: '9.90',
      currency: 'EUR',
      userLimit: 1,
      units: 10,
      ...sku,
    }));
    const {
      opensAt = new Date(Date.now() - 1_000),
      closesAt = new Date(Date.now() + 3_600_000),
      ...facts
    } = plan;
    const place = { databases: this.databases, session: this.session, root: this.root };
    const times = { opens: { at: opensAt }, closes: { at: closesAt } };
    await applySale(
      place,
      { title: sale, payWindowSeconds: 900, ...facts, ...times, sale, skus: full },
      { actor: { by: 'test' }, onlyMissing: true },
    );
    const nodes = [...this.#members].filter(([name]) => name.startsWith('web-'));
    for (const { sku, units, quota } of full) {
      const wanted = Math.min(units, quota ?? units);
      const what = `the keeper has granted ${wanted} units of ${sku}`;
      await until(what, async () => (await this.granted(sku)) === wanted);
    }
    for (const [name] of nodes) {
      await until(`${name} sells ${sale}`, async () => {
        const text = await this.metrics(name);
        return full.every(({ sku }) => text.includes(`flashsale_stock_free_units{sku="${sku}"`));
      });
    }
    return sale;
  }

  /** The sum of the grants of all nodes in ZooKeeper. */
  async granted(sku: string): Promise<number> {
    const paths = this.paths.sku(sku);
    const nodes = await this.session.children(paths.grants);
    if (!nodes.ok) return 0;
    const grants = await Promise.all(
      nodes.value.map((node) => this.session.get(paths.grant(node))),
    );
    return grants.reduce((sum, grant) => sum + (grant.ok ? Number(grant.value.text) : 0), 0);
  }

  /** Writes a value, as an operator does in zkCli.sh. */
  async set(path: string, text: string): Promise<void> {
    const result = await this.session.set(path, text, -1);
    if (!result.ok) throw new Error(`set ${path} ${text}: ${result.error}`);
  }

  async stop(): Promise<void> {
    const stop = ({ launched }: Member) => endProcess(launched.identity, STOP);
    const members = [...this.#members];
    await Promise.all(members.filter(([name]) => name.startsWith('web')).map(([, m]) => stop(m)));
    await Promise.all(members.map(([, member]) => stop(member)));
    await this.session.close();
    await this.databases.close();
    await this.#removeDatabase();
    await this.#removeVirtualHost();
    this.#folder.remove();
  }

  #member(name: string): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`there is no process ${name}`);
    return member;
  }
}

export function startSystem(options?: SystemOptions): Promise<System> {
  return System.start(options);
}
