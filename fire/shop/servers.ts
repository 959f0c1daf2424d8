import { join } from 'node:path';
import { urlsOfHosts } from '../../contracts/cluster-url.ts';
import { openSession } from '../../db/client/pool.ts';
import { ensureServerPackages, freeNativePorts, startNative } from '../../ops/stack/native.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { missingServers, type Servers } from '../../ops/stack/servers.ts';
import { newSettings } from '../../ops/stack/state.ts';
import type { TestFolder } from '../../ops/stack/test-folder.ts';
import { LINKS } from '../kinds.ts';
import type { Parts } from './parts.ts';
import { Primary } from './primary.ts';
import { Relay } from './relay.ts';

/** The servers of the system under fire, and the links to them. */

const SHARED_BUFFERS_MB = 128;

export interface ServerOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly given?: Partial<Servers>;
  /** Whether PostgreSQL has two standbys. */
  readonly hasStandbys?: boolean;
  readonly say: (text: string) => void;
}

/** Starts the servers that are not given. */
export async function startServers(
  { environment, given = {}, hasStandbys = false, say }: ServerOptions,
  parts: Parts,
  place: TestFolder,
): Promise<Servers> {
  const machine = { path: environment['PATH'] ?? '', root: '/' };
  const progress = createProgress(say);
  const wanted = missingServers(given);
  await ensureServerPackages({ wanted, machine, progress });
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

/** The same URL with loopback and these ports as its hosts. */
function atPorts(url: string, ports: readonly number[]): string {
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  return url.replace(/^([a-z]+:\/\/(?:[^/?#]*@)?)[^/?#]*/, `$1${hosts}`);
}

const targetOf = (url: string) => {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
};

/** Starts a relay for each link, and returns the servers as each process sees them. */
export async function lay(servers: Servers) {
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
    const relayed = atPorts(url, await relay.listen());
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
