import { join } from 'node:path';
import {
  applicationNames,
  applicationSpecs,
  applicationStopOrder,
  WEB_NAMES,
} from './application.ts';
import { CLUSTER_PORTS, CLUSTER_STOP_ORDER, rabbitMetrics, startCluster } from './cluster.ts';
import { stopCompose } from './docker.ts';
import { localEdge } from './edge.ts';
import { NATIVE_STOP_ORDER } from './native.ts';
import { choosePort, isPortFree, loopbackUrl } from './ports.ts';
import type { Progress } from './progress.ts';
import { homesOf, type ServerName, type Servers } from './servers.ts';
import { composeOf, type ServerHost, startSingle } from './single.ts';
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
import { applicationPorts, EDGE_PORTS, type PortsWanted, WATCH_PORTS } from './usual-ports.ts';
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
  /** Whether nginx writes a line for each call of a shopper. */
  readonly callLog: boolean;
  /** Whether Prometheus, Alertmanager and exporters watch it. */
  readonly watch: boolean;
  /** Whether the servers run in threes. See cluster.ts. */
  readonly cluster: boolean;
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
  #breakLines: readonly string[] | undefined;

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

  /** How to break the parts of a cluster; undefined if the servers are single. */
  get breakLines(): readonly string[] | undefined {
    return this.#breakLines;
  }

  get state(): StackState {
    return this.#state;
  }

  #note(change: Partial<StackState>): void {
    this.#state = { ...this.#state, ...change };
    writeState(this.#options.folder, this.#state);
  }

  /** What the start of the servers uses of the stack. */
  get #host(): ServerHost {
    const { root, folder, environment, watch, progress } = this.#options;
    return {
      ...{ root, folder, environment, watch, progress, logFolder: this.logFolder },
      machine: { path: environment['PATH'] ?? '', root: '/' },
      supervisor: this.#supervisor,
      settings: this.#settings,
      choosePorts: (group) => this.#choosePorts(group),
      portOf: (name) => this.#port(name),
      remember: (names, source) => this.#remember(names, source),
    };
  }

  #remember(names: readonly ServerName[], source: Source): void {
    const chosen = Object.fromEntries(names.map((name) => [name, source]));
    this.#note({ sources: { ...this.#state.sources, ...chosen } });
    if (source === 'environment') return;
    this.#settings = { ...this.#settings, sources: { ...this.#settings.sources, ...chosen } };
    writeSettings(this.#options.folder, this.#settings);
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

  /** @throws {ConfigError | PackagesMissing | Error} */
  async startServers(): Promise<Servers> {
    await this.#assertShopPort();
    const servers = this.#options.cluster
      ? await this.#startCluster()
      : await startSingle(this.#host);
    this.#note({ servers });
    return servers;
  }

  /** The servers of a cluster always run here, with data of their own. */
  async #startCluster(): Promise<Servers> {
    const { folder, progress } = this.#options;
    this.#note({ sources: { postgres: 'system', rabbitmq: 'system', zookeeper: 'system' } });
    await this.#choosePorts(CLUSTER_PORTS);
    const { machine, portOf } = this.#host;
    const { servers, breakLines } = await startCluster({
      ...{ folder, progress, logFolder: this.logFolder, machine, portOf },
      ...{ passwords: this.#settings.passwords, supervisor: this.#supervisor },
    });
    this.#breakLines = breakLines;
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
    const homes = homesOf(servers);
    await this.#choosePorts({ ...applicationPorts(homes), ...(this.#options.edge && EDGE_PORTS) });
    const port = this.#port('shop');
    const webPorts = this.#options.edge
      ? new Map(WEB_NAMES.map((name) => [name, this.#port(`${name}-page`)]))
      : undefined;
    const monitorPorts = new Map(applicationNames(homes).map((name) => [name, this.#port(name)]));
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
    const { cluster } = this.#options;
    if (servers === undefined || shopUrl === undefined) throw new Error('the shop is not started');
    await this.#choosePorts(WATCH_PORTS);
    const portOf = (name: string) => this.#port(name);
    const monitor = this.logins?.monitor;
    const { specs, watchUrls } = await localWatch({
      ...{ folder, environment, progress, logFolder: this.logFolder, portOf, monitor, servers },
      ...{ monitors, shopUrl: edgeUrl ?? shopUrl },
      rabbitMetrics: cluster
        ? rabbitMetrics(portOf)
        : sources.rabbitmq === 'system'
          ? [portOf('rabbitmq-metrics')]
          : [],
    });
    await Promise.all(specs.map((spec) => this.#supervisor.start(spec)));
    this.#note({ watchUrls });
  }

  /** Stops everything that this start has started, the shop before the servers. Data stay. */
  async stop(): Promise<void> {
    this.#note({ phase: 'stopping' });
    const { servers: started } = this.#state;
    const application = started === undefined ? [] : applicationStopOrder(homesOf(started));
    const shop = [WATCH_NAMES, ['edge'], ...application];
    const servers = this.#options.cluster ? CLUSTER_STOP_ORDER : NATIVE_STOP_ORDER;
    for (const names of [...shop, ...servers]) await this.#supervisor.stop(names);
    if (this.#options.cluster) return removeState(this.#options.folder);
    if (Object.values(this.#state.sources).includes('docker')) {
      await stopCompose(composeOf(this.#host));
    }
    removeState(this.#options.folder);
  }
}
