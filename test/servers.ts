import { createHash, randomBytes } from 'node:crypto';
import { inject } from 'vitest';

/**
 * The servers of this run, and places on them for one test file alone. Names are unique, so that
 * files can run beside each other and a second run meets nothing of the first.
 */
export const servers = inject('servers');

/** Logins belong to the whole server: all files of a run give a role the same password. */
export function passwordOf(role: string): string {
  return createHash('sha256').update(`${servers.databaseUrl} ${role}`).digest('hex').slice(0, 32);
}

/**
 * Returns `prefix_` and eight letters, valid for a database, a virtual host, a sale, a SKU or a
 * folder.
 */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(4).toString('hex')}`;
}

/** A ZooKeeper path that nobody else writes below. The caller creates and removes it. */
export function uniqueZkRoot(): string {
  return `/${uniqueName('test')}`;
}

/** The URL of another database on the same server, by default the server of the run. */
export function databaseUrl(database: string, server = servers.databaseUrl): string {
  return server.replace(/^(\w+:\/\/[^/?]*)(\/[^?]*)?/, `$1/${database}`);
}

/** @throws {Error} with the API's answer */
async function management(method: 'PUT' | 'DELETE', path: string, body?: object): Promise<void> {
  if (servers.amqpManagementUrl === undefined) throw new Error('no management API in this run');
  const url = new URL(path, servers.amqpManagementUrl);
  // `fetch` refuses a URL with a login in it.
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
}

export interface VirtualHost {
  /** The AMQP URL with the virtual host in it. */
  readonly url: string;
  /** Removes the virtual host with its queues and cuts its connections. */
  remove(): Promise<void>;
}

/** Creates an empty virtual host on the run's RabbitMQ. */
export async function createVirtualHost(): Promise<VirtualHost> {
  const name = uniqueName('test');
  const url = new URL(servers.amqpUrl);
  const user = decodeURIComponent(url.username);
  await management('PUT', `/api/vhosts/${name}`, {});
  const all = { configure: '.*', write: '.*', read: '.*' };
  await management('PUT', `/api/permissions/${name}/${encodeURIComponent(user)}`, all);
  url.pathname = `/${name}`;
  return { url: url.href, remove: () => management('DELETE', `/api/vhosts/${name}`) };
}
