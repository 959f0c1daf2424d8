import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BrokerConnection } from '../../broker/connection.ts';
import { queueFigures } from '../../broker/queues.ts';
import { DEAD_LETTERS_QUEUE } from '../../contracts/topology.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import type * as Prepare from '../../db/install/prepare.ts';
import { Operator } from '../../ops/quota/operator.ts';
import { applicationSpecs } from '../../ops/stack/application.ts';
import { NATIVE_STOP_ORDER } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { homeUrls, type Servers } from '../../ops/stack/servers.ts';
import { newSettings } from '../../ops/stack/state.ts';
import type { ProcessSpec } from '../../ops/stack/supervisor.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { createLog } from '../../process/log.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { PROCESSES } from '../kinds.ts';
import { Clocks } from './clocks.ts';
import { mountDisk, unmountDisk } from './disk.ts';
import { Parts } from './parts.ts';
import type { Relay } from './relay.ts';
import { keepSmall, LOOPBACK, lay, type ServerOptions, startServers } from './servers.ts';
import { layWires, removeWires, type Wire, type Wires } from './wires.ts';

/**
 * The system under fire: the processes of `npm start`, each with links of its own to the servers. Servers
 * that are given are shared with others: they are not killed, and their links are disturbed all the same.
 */

const ROOT = join(import.meta.dirname, '..', '..');
const CONNECT_TIMEOUT_MS = 30_000;
const OPERATOR_SESSION_MS = 30_000;
const AUDIT_TIMEOUT_MS = 60_000;
/** Shorter than by default, so that zombies and dead nodes are frequent. */
export const SESSION_TIMEOUT_MS = 4_000;
const SETTINGS = {
  ZK_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
  COOLDOWN_SECONDS: '1',
  RATE_LIMIT_USER_PER_SECOND: '1000',
  RATE_LIMIT_TICKET_PER_SECOND: '1000',
  RATE_LIMIT_OWN_PER_SECOND: '1000',
  LOG_LEVEL: 'info',
};

export interface Shop {
  readonly parts: Parts;
  readonly links: ReadonlyMap<string, Relay>;
  readonly wires: Wires;
  /** The address of each web node. */
  readonly nodes: readonly string[];
  /** Address of the monitor of each process. */
  readonly monitors: ReadonlyMap<string, string>;
  readonly jwtSecret: string;
  readonly paymentSecret: string;
  /** The database without relays. */
  readonly databaseUrl: string;
  readonly databases: Databases;
  readonly session: ZkSession;
  readonly operator: Operator;
  readonly zkRoot: string;
  readonly clocks: Clocks;
  /** PostgreSQL's own disk, if it has one. */
  readonly disk: string | undefined;
  /** The folder with data and logs. */
  readonly folder: string;
  /** Requests that the shop has put aside since it was started. */
  deadLetters(): Promise<number>;
  rabbitmqctl(...args: string[]): Promise<void>;
  stop(): Promise<void>;
}

export interface ShopOptions extends ServerOptions {
  readonly zkRoot?: string;
  /** Whether each process has a network namespace of its own. */
  readonly hasNamespaces?: boolean;
  /** Whether PostgreSQL keeps its files beside all others, so that its disk is never full. */
  readonly hasBigDisk?: boolean;
  /** Root of another checkout whose programs and routines run, such as one with a planted bug. */
  readonly root?: string | undefined;
}

async function portsOf(names: readonly string[]): Promise<Map<string, number>> {
  const ports = new Map<string, number>();
  for (const name of names) ports.set(name, await freePort());
  return ports;
}

interface Place extends Required<Pick<ShopOptions, 'zkRoot' | 'environment'>> {
  readonly root: string;
  readonly folder: string;
  readonly clocks: Clocks;
  readonly wires: Wires;
}

/** A process with a wire runs at its end of it. */
function across(wire: Wire | undefined, spec: ProcessSpec): ProcessSpec {
  if (wire === undefined) return spec;
  const [command = '', ...args] = wire.inside(spec.command, ...spec.args);
  return { ...spec, command, args };
}

/** Starts the processes, each with the servers that it sees. */
async function startProcesses(
  parts: Parts,
  seen: ReadonlyMap<string, Servers>,
  { folder, zkRoot, environment, root, clocks, wires }: Place,
) {
  const monitorPorts = await portsOf([...PROCESSES, 'console']);
  const webPorts = await portsOf(PROCESSES.filter((name) => name.startsWith('web-')));
  const secrets = newSettings();
  const consolePort = await freePort();
  const addressOf = (name: string) => wires.get(name)?.far ?? LOOPBACK;
  const specs = PROCESSES.map((name) => {
    const all = applicationSpecs({
      root,
      logFolder: join(folder, 'logs'),
      environment: {
        PATH: environment['PATH'],
        NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'compiled'),
        ...SETTINGS,
        ...clocks.of(name),
      },
      servers: seen.get(name) as Servers,
      zkRoot,
      shop: { host: '127.0.0.1', port: 0 },
      webPorts,
      address: addressOf(name),
      secrets,
      consolePort,
      monitorPorts,
    });
    const spec = all.find((one) => one.name === name);
    if (spec === undefined) throw new Error(`there is no process ${name}`);
    return across(wires.get(name), spec);
  });
  await Promise.all(specs.map((spec) => parts.supervisor.start(spec)));
  const urls = (ports: ReadonlyMap<string, number>) =>
    new Map([...ports].map(([name, port]) => [name, `http://${addressOf(name)}:${port}`]));
  return { monitors: urls(monitorPorts), nodes: [...urls(webPorts).values()], secrets };
}

async function connect(servers: Servers, zkRoot: string) {
  const databases = Databases.open(homeUrls(servers), (url) =>
    createPool({ url, max: 4, applicationName: 'fire', statementTimeoutMs: AUDIT_TIMEOUT_MS }),
  );
  const session = new ZkSession({
    servers: servers.zookeeper,
    sessionTimeoutMs: OPERATOR_SESSION_MS,
  });
  session.start();
  await session.connected(CONNECT_TIMEOUT_MS);
  return { databases, session, operator: new Operator(session, pathsBelow(zkRoot), 'fire') };
}

/** @throws {Error} when a part does not start; then nothing is left running */
export async function startShop(options: ShopOptions): Promise<Shop> {
  const { zkRoot = '/fire', root = ROOT } = options;
  const place = new TestFolder();
  const clocks = new Clocks(place.path);
  const isOwn = options.given?.databaseUrl === undefined;
  const disk =
    isOwn && !options.hasStandbys && !options.hasBigDisk && mountDisk(join(place.path, 'postgres'))
      ? join(place.path, 'postgres')
      : undefined;
  const wires = options.hasNamespaces ? await layWires(PROCESSES) : new Map<string, Wire>();
  const say = () => {};
  const parts = new Parts({ say, onChange: (running) => place.note(running), restart: false });
  const stopParts = async () => {
    parts.unwatch();
    await parts.supervisor.stop(PROCESSES, { discard: true });
    await parts.primary?.end();
    for (const names of NATIVE_STOP_ORDER) await parts.supervisor.stop(names, { discard: true });
    if (disk !== undefined) unmountDisk(disk);
    await removeWires(wires);
    place.remove();
  };
  try {
    const servers = await startServers(options, parts, place);
    const { prepare } = (await import(join(root, 'db', 'install', 'prepare.ts'))) as typeof Prepare;
    await prepare(servers.databaseUrl);
    if (disk !== undefined) await keepSmall(servers.databaseUrl);
    const { links, seen } = await lay(servers, wires);
    const { secrets, ...running } = await startProcesses(parts, seen, {
      ...{ folder: place.path, zkRoot, root, clocks, wires },
      environment: options.environment,
    });
    parts.watch(PROCESSES);
    const { databases, session, operator } = await connect(servers, zkRoot);
    const log = createLog('fire', 'silent');
    const broker = await BrokerConnection.open({ url: servers.amqpUrl, name: 'fire', log });
    const run = promisify(execFile);
    return {
      ...{ parts, links, ...running, databases, session, operator, zkRoot, clocks, disk, wires },
      folder: place.path,
      jwtSecret: secrets.jwtSecret,
      paymentSecret: secrets.paymentWebhookSecret,
      databaseUrl: servers.databaseUrl,
      async deadLetters() {
        await broker.whenConnected();
        const figures = await queueFigures(broker);
        return figures.find(({ queue }) => queue === DEAD_LETTERS_QUEUE)?.messages ?? 0;
      },
      async rabbitmqctl(...args) {
        await run(join(place.path, 'rabbitmq', 'rabbitmqctl'), args);
      },
      async stop() {
        for (const relay of links.values()) relay.close();
        await session.close();
        await databases.close();
        await broker.close();
        await stopParts();
      },
    };
  } catch (error) {
    await stopParts();
    throw error;
  }
}
