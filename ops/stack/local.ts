import { join } from 'node:path';
import {
  APPLICATION_NAMES,
  APPLICATION_STOP_ORDER,
  applicationSpecs,
  WEB_NAMES,
} from './application.ts';
import { dockerAnswers, startCompose, stopCompose } from './docker.ts';
import { localEdge } from './edge.ts';
import { BEHIND_THE_QUEUE_NICENESS } from './give-way.ts';
import { ensureServerPackages, NATIVE_STOP_ORDER, startNative } from './native.ts';
import { choosePort, isPortFree, loopbackUrl } from './ports.ts';
import { sharedBuffersMb } from './postgres.ts';
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
  removeState,
  type Settings,
  type Source,
  type StackLogins,
  type StackState,
  writeSettings,
  writeState,
} from './state.ts';
import { Supervisor } from './supervisor.ts';
import {
  APPLICATION_PORTS,
  EDGE_PORTS,
  type PortsWanted,
  RABBIT_METRICS_PORT,
  SERVER_PORTS,
  WATCH_PORTS,
} from './usual-ports.ts';
import { localWatch, WATCH_NAMES } from './watch.ts';

/** The stack of `npm start`: starts the servers and then the application, and stops them in order. */

export interface LocalOptions {
  /** Root of the project. */
  readonly root: string;
  /** `.flashsale`: settings, state, data and logs of the stack. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly shop: { readonly host: string; readonly port: number | undefined };
  /** Whether nginx stands in front of the web nodes. */
  readonly edge: boolean;
  /** Whether Prometheus, Alertmanager and exporters watch it. */
  readonly watch: boolean;
  readonly settings: Settings;
  readonly state: StackState;
  readonly progress: Progress;
}

/** More than 200 lines: all commands of the local stack share one set of servers. */
export class LocalStack {
  readonly #options: LocalOptions;
  readonly #supervisor: Supervisor;
  readonly logFolder: string;
  #settings: Settings;
  #state: StackState;

  constructor(options: LocalOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#state = options.state;
    this.logFolder = join(options.folder, 'logs');
    this.#supervisor = new Supervisor({
      say: options.progress.say,
      onChange: (processes) => this.#note({ processes }),
      restart: true,
    });
  }

  get state(): StackState {
    return this.#state;
  }

  #note(change: Partial<StackState>): void {
    this.#state = { ...this.#state, ...change };
    writeState(this.#options.folder, this.#state);
  }

  async #assertShopPort(): Promise<void> {
    const { host, port } = this.#options.shop;
    if (port === undefined || (await isPortFree(port, host))) return;
    throw new Error(`PORT: ${host}:${port} is taken by another program`);
  }

  /** Chooses ports shortly before they are used, and stores them for the next start. */
  async #choosePorts(group: PortsWanted): Promise<void> {
    const { shop, folder, progress } = this.#options;
    const taken = new Set(shop.port === undefined ? [] : [shop.port]);
    const ports: Record<string, number> = {};
    for (const [name, usual] of Object.entries(group)) {
      if (name === 'shop' && shop.port !== undefined) {
        ports[name] = shop.port;
        continue;
      }
      const wanted = this.#settings.ports[name] ?? usual;
      ports[name] = await choosePort(wanted, taken);
      if (ports[name] !== wanted) {
        progress.say(`port ${wanted} (${name}) is taken: ${ports[name]} instead`);
      }
    }
    this.#settings = { ...this.#settings, ports: { ...this.#settings.ports, ...ports } };
    writeSettings(folder, this.#settings);
  }

  #port(name: string): number {
    const port = this.#settings.ports[name];
    if (port === undefined) throw new Error(`no port was chosen for ${name}`);
    return port;
  }

  #compose() {
    const { root, environment } = this.#options;
    const ports = {
      postgres: this.#port('postgres'),
      amqp: this.#port('amqp'),
      zookeeper: this.#port('zookeeper'),
    };
    return { root, environment, ports, passwords: this.#settings.passwords };
  }

  #remember(names: readonly ServerName[], source: Source): void {
    const chosen = Object.fromEntries(names.map((name) => [name, source]));
    this.#note({ sources: { ...this.#state.sources, ...chosen } });
    if (source === 'environment') return;
    this.#settings = { ...this.#settings, sources: { ...this.#settings.sources, ...chosen } };
    writeSettings(this.#options.folder, this.#settings);
  }

  /** `mayFallBack`: the containers have no data yet, so the servers may run elsewhere. */
  async #startDocker(wanted: readonly ServerName[], mayFallBack: boolean) {
    // Stored before the containers run, so that the next start finds them if this one is killed.
    this.#remember(wanted, 'docker');
    try {
      return await startCompose(wanted, this.#compose(), this.#options.progress);
    } catch (error) {
      if (!mayFallBack) throw error;
      // For example, an engine that cannot pull the images.
      this.#options.progress.say(`${(error as Error).message}\nContinuing without Docker`);
      await stopCompose(this.#compose());
      return this.#startSystem(wanted);
    }
  }

  async #startSystem(wanted: readonly ServerName[]): Promise<Partial<Servers>> {
    const { folder, progress, environment } = this.#options;
    const machine: Machine = { path: environment['PATH'] ?? '', root: '/' };
    await ensureServerPackages({ wanted, machine, progress });
    this.#remember(wanted, 'system');
    progress.say(`starting ${wanted.join(', ')} from this machine's programs`);
    return startNative({
      wanted,
      folder,
      logFolder: this.logFolder,
      ports: {
        ...this.#compose().ports,
        epmd: this.#port('epmd'),
        distribution: this.#port('distribution'),
        ...(this.#options.watch && { metrics: this.#port('rabbitmq-metrics') }),
      },
      passwords: this.#settings.passwords,
      sharedBuffersMb: sharedBuffersMb(),
      postgresNiceness: BEHIND_THE_QUEUE_NICENESS,
      machine,
      progress,
      supervisor: this.#supervisor,
    });
  }

  /**
   * Uses the servers that the environment names. The others are started where their data are, else
   * in Docker, else from this machine's programs.
   *
   * @throws {ConfigError | PackagesMissing | Error}
   */
  async startServers(): Promise<Servers> {
    const { environment } = this.#options;
    const given = serversOfEnvironment(environment);
    await assertReachable(given);
    const wanted = missingServers(given);
    const named = (['postgres', 'rabbitmq', 'zookeeper'] as const).filter(
      (name) => !wanted.includes(name),
    );
    this.#remember(named, 'environment');
    // The containers of an earlier start that was killed still hold the ports.
    const before = this.#settings.sources;
    const wasDocker = wanted.filter((name) => before[name] === 'docker');
    if (wasDocker.length > 0) await stopCompose(this.#compose());
    await this.#assertShopPort();
    const { watch } = this.#options;
    await this.#choosePorts({ ...SERVER_PORTS, ...(watch && RABBIT_METRICS_PORT) });

    const machine: Machine = { path: environment['PATH'] ?? '', root: '/' };
    const isFresh = wanted.some((name) => before[name] === undefined);
    const engine = wasDocker.length > 0 || (isFresh && (await dockerAnswers(machine)));
    const useDocker = (name: ServerName) => before[name] === 'docker' || (!before[name] && engine);
    const fromDocker = wanted.filter(useDocker);
    const fromSystem = wanted.filter((name) => !useDocker(name));
    const [docker, system] = await Promise.all([
      fromDocker.length > 0 ? this.#startDocker(fromDocker, wasDocker.length === 0) : {},
      fromSystem.length > 0 ? this.#startSystem(fromSystem) : {},
    ]);
    const servers = { ...given, ...docker, ...system } as Servers;
    this.#note({ servers });
    return servers;
  }

  /** The roles' logins on the stack's own PostgreSQL; undefined on a server that its owner manages. */
  get logins(): StackLogins | undefined {
    const isOwn = this.#state.sources.postgres !== 'environment';
    return isOwn ? this.#settings.passwords.logins : undefined;
  }

  /** @throws {Error} with the end of its log, when a process does not become ready */
  async startApplication(): Promise<void> {
    const { root, environment, shop } = this.#options;
    const { servers, zkRoot } = this.#state;
    if (servers === undefined) throw new Error('the servers are not started');
    await this.#assertShopPort();
    await this.#choosePorts({ ...APPLICATION_PORTS, ...(this.#options.edge && EDGE_PORTS) });
    const port = this.#port('shop');
    const webPorts = this.#options.edge
      ? new Map(WEB_NAMES.map((name) => [name, this.#port(`${name}-page`)]))
      : undefined;
    const monitorPorts = new Map(APPLICATION_NAMES.map((name) => [name, this.#port(name)]));
    const specs = applicationSpecs({
      root,
      logFolder: this.logFolder,
      environment,
      servers,
      zkRoot,
      shop: { host: shop.host, port },
      ...(this.logins && { logins: this.logins }),
      secrets: this.#settings,
      consolePort: this.#port('console-page'),
      monitorPorts,
      ...(webPorts && { webPorts }),
    });
    const results = await Promise.allSettled(specs.map((spec) => this.#supervisor.start(spec)));
    const failures = results.filter((result) => result.status === 'rejected');
    if (failures.length > 0) {
      throw new Error(failures.map(({ reason }) => String(reason?.message ?? reason)).join('\n\n'));
    }
    if (webPorts !== undefined) {
      const portOf = (name: string) => this.#port(name);
      const { logFolder } = this;
      const instance = { ...this.#options, logFolder, host: shop.host, portOf, webPorts };
      await this.#supervisor.start(await localEdge(instance));
    }
    // 0.0.0.0 means every address of this machine; a browser needs one of them.
    const shown = shop.host === '0.0.0.0' ? '127.0.0.1' : shop.host;
    this.#note({
      shopUrl: `http://${shown}:${port}`,
      ...(this.#options.edge && { edgeUrl: `https://${shown}:${this.#port('edge-tls')}` }),
      consoleUrl: loopbackUrl(this.#port('console-page')),
      monitors: Object.fromEntries(
        [...monitorPorts].map(([name, monitor]) => [name, loopbackUrl(monitor)]),
      ),
      phase: 'running',
    });
  }

  /** Starts what watches the shop, after it. @throws {PackagesMissing | Error} */
  async startWatch(): Promise<void> {
    const { environment, folder, progress } = this.#options;
    const { servers, sources, monitors, shopUrl, edgeUrl } = this.#state;
    if (servers === undefined || shopUrl === undefined) throw new Error('the shop is not started');
    await this.#choosePorts(WATCH_PORTS);
    const portOf = (name: string) => this.#port(name);
    const monitor = this.logins?.monitor;
    const { specs, watchUrls } = await localWatch({
      ...{ folder, environment, progress, logFolder: this.logFolder, portOf, monitor, servers },
      ...{ monitors, shopUrl: edgeUrl ?? shopUrl, isOwnRabbit: sources.rabbitmq === 'system' },
    });
    await Promise.all(specs.map((spec) => this.#supervisor.start(spec)));
    this.#note({ watchUrls });
  }

  /** Stops everything that this start has started, the shop before the servers. Data stay. */
  async stop(): Promise<void> {
    this.#note({ phase: 'stopping' });
    const order = [WATCH_NAMES, ['edge'], ...APPLICATION_STOP_ORDER, ...NATIVE_STOP_ORDER];
    for (const names of order) {
      await this.#supervisor.stop(names);
    }
    if (Object.values(this.#state.sources).includes('docker')) await stopCompose(this.#compose());
    removeState(this.#options.folder);
  }
}
