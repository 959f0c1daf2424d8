import { parseEnvironment, url, zookeeperServers } from '../../contracts/config.ts';
import {
  type DatabaseUrls,
  databaseUrls,
  hotDatabaseSpecs,
} from '../../contracts/database-config.ts';
import { type Home, REGULAR } from '../../contracts/homes.ts';
import { accepts } from './ports.ts';

/** URLs of the three servers, and how the environment names them. */

export const SERVER_NAMES = ['postgres', 'rabbitmq', 'zookeeper'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export interface Servers {
  readonly databaseUrl: string;
  /** By home, if hot homes have their own servers. */
  readonly hotDatabaseUrls?: Readonly<Record<Home, string>> | undefined;
  readonly amqpUrl: string;
  /** RabbitMQ's management API, with login: `http://user:password@host:port`. Tests need it. */
  readonly amqpManagementUrl?: string | undefined;
  /** host:port[,host:port…] */
  readonly zookeeper: string;
}

const CONTACT_TIMEOUT_MS = 3_000;
const MANAGEMENT_PORT_DEFAULT = 15_672;

const specs = {
  DATABASE_URL: url('postgres', 'postgresql')({ default: undefined }),
  ...hotDatabaseSpecs,
  AMQP_URL: url('amqp', 'amqps')({ default: undefined }),
  AMQP_MANAGEMENT_URL: url('http', 'https')({ default: undefined }),
  ZOOKEEPER: zookeeperServers({ default: undefined }),
};

/** Default URL of the management plugin: the broker's host and login. */
function managementBeside(amqpUrl: string): string {
  const { hostname, username, password } = new URL(amqpUrl);
  return `http://${username}:${password}@${hostname}:${MANAGEMENT_PORT_DEFAULT}`;
}

/** @throws {ConfigError} naming each malformed variable */
export function serversOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Partial<Servers> {
  const env = parseEnvironment(environment, specs);
  const urls = databaseUrls({ ...env, DATABASE_URL: env.DATABASE_URL ?? '' });
  const hot = [...urls].filter(([home, link]) => home !== REGULAR && link !== urls.get(REGULAR));
  return {
    ...(env.DATABASE_URL !== undefined && { databaseUrl: env.DATABASE_URL }),
    ...(hot.length > 0 && { hotDatabaseUrls: Object.fromEntries(hot) }),
    ...(env.AMQP_URL !== undefined && {
      amqpUrl: env.AMQP_URL,
      amqpManagementUrl: env.AMQP_MANAGEMENT_URL ?? managementBeside(env.AMQP_URL),
    }),
    ...(env.ZOOKEEPER !== undefined && { zookeeper: env.ZOOKEEPER }),
  };
}

/** The URL of each home's server. */
export function homeUrls(servers: Servers): DatabaseUrls {
  const { databaseUrl, hotDatabaseUrls = { hot: databaseUrl } } = servers;
  return new Map([[REGULAR, databaseUrl], ...Object.entries(hotDatabaseUrls)]);
}

/** The variables that tell a process where the hot homes are. */
export function hotVariables({ hotDatabaseUrls }: Pick<Servers, 'hotDatabaseUrls'>) {
  if (hotDatabaseUrls === undefined) return {};
  const homes = Object.entries(hotDatabaseUrls).map(([home, link]) => `${home}=${link}`);
  return { HOT_DATABASE_URLS: homes.join(',') };
}

/** The servers that `servers` does not name. */
export function missingServers(servers: Partial<Servers>): ServerName[] {
  const present: Record<ServerName, boolean> = {
    postgres: servers.databaseUrl !== undefined,
    rabbitmq: servers.amqpUrl !== undefined,
    zookeeper: servers.zookeeper !== undefined,
  };
  return SERVER_NAMES.filter((name) => !present[name]);
}

function addressOf(link: string, portDefault: number): { host: string; port: number } {
  const { hostname, port } = new URL(link);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || portDefault };
}

/**
 * Checks that the servers named by the environment accept connections, so that a typing error is
 * reported here and does not leave a process waiting for ever.
 *
 * @throws {Error} naming the variables and addresses without an answer
 */
export async function assertReachable(servers: Partial<Servers>): Promise<void> {
  const { databaseUrl, hotDatabaseUrls = {}, amqpUrl, zookeeper } = servers;
  const amqpPort = amqpUrl?.startsWith('amqps') ? 5671 : 5672;
  const wanted = [
    ...(databaseUrl ? [{ name: 'DATABASE_URL', ...addressOf(databaseUrl, 5432) }] : []),
    ...Object.entries(hotDatabaseUrls).map(([home, link]) => ({
      name: `the home ${home}`,
      ...addressOf(link, 5432),
    })),
    ...(amqpUrl ? [{ name: 'AMQP_URL', ...addressOf(amqpUrl, amqpPort) }] : []),
    // Only the first server of an ensemble is checked.
    ...(zookeeper
      ? [{ name: 'ZOOKEEPER', ...addressOf(`zk://${zookeeper.split(',')[0]}`, 2181) }]
      : []),
  ];
  const answers = await Promise.all(
    wanted.map(async (one) => ({
      ...one,
      ok: await accepts(one.host, one.port, CONTACT_TIMEOUT_MS),
    })),
  );
  const silent = answers.filter(({ ok }) => !ok);
  if (silent.length === 0) return;
  const lines = silent.map(({ name, host, port }) => `${name}: no answer from ${host}:${port}`);
  throw new Error(lines.join('\n'));
}
