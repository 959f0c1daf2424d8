import { firstUrl, urlsOfHosts } from '../../contracts/cluster-url.ts';
import {
  clusterUrl,
  databaseUrl,
  parseEnvironment,
  zookeeperServers,
} from '../../contracts/config.ts';
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
  /** By home, if hot homes have their own servers. That of `hot` may be the URL of `regular`. */
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
  DATABASE_URL: databaseUrl({ default: undefined }),
  ...hotDatabaseSpecs,
  AMQP_URL: clusterUrl('amqp', 'amqps')({ default: undefined }),
  AMQP_MANAGEMENT_URL: clusterUrl('http', 'https')({ default: undefined }),
  ZOOKEEPER: zookeeperServers({ default: undefined }),
};

/** Default URL of the management plugin: the first broker's host and login. */
function managementBeside(amqpUrl: string): string {
  const { hostname, username, password } = new URL(firstUrl(amqpUrl));
  return `http://${username}:${password}@${hostname}:${MANAGEMENT_PORT_DEFAULT}`;
}

/** @throws {ConfigError} naming each malformed variable */
export function serversOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Partial<Servers> {
  const env = parseEnvironment(environment, specs);
  const urls = databaseUrls({ ...env, DATABASE_URL: env.DATABASE_URL ?? '' });
  const isApart = new Set(urls.values()).size > 1;
  const hot = [...urls].filter(([home]) => home !== REGULAR && isApart);
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

/** The names of the homes, `regular` first. */
export function homesOf(servers: Servers): Home[] {
  return [...homeUrls(servers).keys()];
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

/** Addresses of one server, or of the members of its cluster. */
interface Contact {
  readonly variable: string;
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
}

function addressOf(link: string, portDefault: number): { host: string; port: number } {
  const { hostname, port } = new URL(link);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || portDefault };
}

function contact(variable: string, url: string | undefined, portDefault: number): Contact[] {
  if (url === undefined) return [];
  return [{ variable, addresses: urlsOfHosts(url).map((one) => addressOf(one, portDefault)) }];
}

/**
 * Checks that the servers named by the environment accept connections, so that a typing error is
 * reported here and does not leave a process waiting for ever. Of a cluster, one member must.
 *
 * @throws {Error} naming the variables and addresses without an answer
 */
export async function assertReachable(servers: Partial<Servers>): Promise<void> {
  const { databaseUrl, hotDatabaseUrls = {}, amqpUrl, zookeeper } = servers;
  const contacts = [
    ...contact('DATABASE_URL', databaseUrl, 5432),
    ...Object.entries(hotDatabaseUrls).flatMap(([home, link]) =>
      contact(`the home ${home}`, link, 5432),
    ),
    ...contact('AMQP_URL', amqpUrl, amqpUrl?.startsWith('amqps') ? 5671 : 5672),
    ...contact('ZOOKEEPER', zookeeper && `zk://${zookeeper}`, 2181),
  ];
  const answers = await Promise.all(
    contacts.map(async ({ addresses }) => {
      const tries = addresses.map(({ host, port }) => accepts(host, port, CONTACT_TIMEOUT_MS));
      return (await Promise.all(tries)).includes(true);
    }),
  );
  const lines = contacts
    .filter((_, index) => answers[index] === false)
    .map(({ variable, addresses }) => {
      const named = addresses.map(({ host, port }) => `${host}:${port}`).join(', ');
      return `${variable}: no answer from ${named}`;
    });
  if (lines.length > 0) throw new Error(lines.join('\n'));
}
