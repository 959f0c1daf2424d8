import { join } from 'node:path';
import { urlsOfHosts } from '../../contracts/cluster-url.ts';
import { openSession } from '../../db/client/pool.ts';
import { ensureServerPackages, freeNativePorts, startNative } from '../../ops/stack/native.ts';
import { ensurePackages } from '../../ops/stack/packages.ts';
import { FAILOVER_PACKAGES, type Machine } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { missingServers, type Servers } from '../../ops/stack/servers.ts';
import { newSettings } from '../../ops/stack/state.ts';
import type { TestFolder } from '../../ops/stack/test-folder.ts';
import { LINKS } from '../kinds.ts';
import type { Parts } from './parts.ts';
import { Primary } from './primary.ts';
import { Relay } from './relay.ts';
import type { Wires } from './wires.ts';

/** The servers of the system under fire, and the links to them. */

const SHARED_BUFFERS_MB = 128;
export const LOOPBACK = '127.0.0.1';

export interface ServerOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly given?: Partial<Servers>;
  /** Whether PostgreSQL has two standbys. */
  readonly hasStandbys?: boolean;
  readonly say: (text: string) => void;
}

const machineOf = ({ environment }: ServerOptions): Machine => ({
  path: environment['PATH'] ?? '',
  root: '/',
});

/** Installs the programs of the servers that are not given. A run that is cut off from all networks cannot. */
export async function installPrograms(options: ServerOptions): Promise<void> {
  const [machine, progress] = [machineOf(options), createProgress(options.say)];
  await ensureServerPackages({ wanted: missingServers(options.given ?? {}), machine, progress });
  if (options.hasStandbys) await ensurePackages(FAILOVER_PACKAGES, machine, progress);
}

/** Starts the servers that are not given. */
export async function startServers(
  options: ServerOptions,
  parts: Parts,
  place: TestFolder,
): Promise<Servers> {
  const { given = {}, hasStandbys = false } = options;
  const machine = machineOf(options);
  const progress = createProgress(options.say);
  const wanted = missingServers(given);
  await installPrograms(options);
  const { passwords } = newSettings();
  const own = {
    ...{ folder: place.path, logFolder: join(place.path, 'logs'), machine, progress },
    ...{ sharedBuffersMb: SHARED_BUFFERS_MB, supervisor: parts.supervisor },
  };
  const started = await startNative({
    ...own,
    wanted: wanted.filter((name) => name !== 'postgres' || !hasStandbys),
    ports: await freeNativePorts(),
    passwords,
  });
  const servers = { ...given, ...started };
  if (hasStandbys && servers.zookeeper !== undefined) {
    const { zookeeper } = servers;
    parts.primary = await Primary.start({ ...own, zookeeper, password: passwords.postgres });
    servers.databaseUrl = parts.primary.url;
  }
  return servers as Servers;
}

/** The same URL with these ports of the address as its hosts. */
function atPorts(url: string, address: string, ports: readonly number[]): string {
  const hosts = ports.map((port) => `${address}:${port}`).join(',');
  return url.replace(/^([a-z]+:\/\/(?:[^/?#]*@)?)[^/?#]*/, `$1${hosts}`);
}

const targetOf = (url: string) => {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
};

/** Starts a relay for each link, and returns the servers as each process sees them: at its end of a wire, if any. */
export async function lay(servers: Servers, wires: Wires) {
  const links = new Map<string, Relay>();
  const seen = new Map<string, Servers>();
  const zookeeper = `zk://${servers.zookeeper}`;
  const urls: Record<string, string> = {
    ...{ postgres: servers.databaseUrl, rabbitmq: servers.amqpUrl, zookeeper },
  };
  for (const link of LINKS) {
    const [process = '', server = ''] = link.split('>');
    const url = urls[server] ?? '';
    const relay = new Relay(link, urlsOfHosts(url).map(targetOf));
    links.set(link, relay);
    const address = wires.get(process)?.near ?? LOOPBACK;
    const relayed = atPorts(url, address, await relay.listen(address));
    const before = seen.get(process) ?? servers;
    seen.set(process, {
      ...before,
      ...(server === 'postgres' && { databaseUrl: relayed }),
      ...(server === 'rabbitmq' && { amqpUrl: relayed }),
      ...(server === 'zookeeper' && { zookeeper: relayed.replace('zk://', '') }),
    });
  }
  return { links, seen };
}

/** Only the filler fills the disk. */
export async function keepSmall(databaseUrl: string): Promise<void> {
  const session = await openSession(databaseUrl, {
    ...{ applicationName: 'fire', statementTimeoutMs: 10_000, lockTimeoutMs: 10_000 },
  });
  try {
    await session.run("ALTER SYSTEM SET max_wal_size = '128MB'");
    await session.run("ALTER SYSTEM SET min_wal_size = '64MB'");
    await session.run('SELECT pg_reload_conf()');
  } finally {
    await session.close();
  }
}
