import { parseEnvironment, url, zookeeperServers } from '../../contracts/config.ts';
import { accepts } from './ports.ts';

/** The three servers that everything needs, and those of them that the environment names. */

export const SERVER_NAMES = ['postgres', 'rabbitmq', 'zookeeper'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export interface Servers {
  readonly databaseUrl: string;
  /** Where hot SKUs live, when apart. */
  readonly hotDatabaseUrl?: string | undefined;
  readonly amqpUrl: string;
  /** RabbitMQ's management API, with login: `http://user:password@host:port`; tests need it. */
  readonly amqpManagementUrl?: string | undefined;
  /** host:port[,host:port…] */
  readonly zookeeper: string;
}

const CONTACT_TIMEOUT_MS = 3_000;
const MANAGEMENT_PORT_DEFAULT = 15_672;

const specs = {
  DATABASE_URL: url('postgres', 'postgresql')({ default: undefined }),
  HOT_DATABASE_URL: url('postgres', 'postgresql')({ default: undefined }),
  AMQP_URL: url('amqp', 'amqps')({ default: undefined }),
  AMQP_MANAGEMENT_URL: url('http', 'https')({ default: undefined }),
  ZOOKEEPER: zookeeperServers({ default: undefined }),
};

/** The management plugin listens beside the broker, with the same logins, unless told otherwise. */
function managementBeside(amqpUrl: string): string {
  const { hostname, username, password } = new URL(amqpUrl);
  return `http://${username}:${password}@${hostname}:${MANAGEMENT_PORT_DEFAULT}`;
}

/** @throws {ConfigError} naming each variable that is garbage */
export function serversOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Partial<Servers> {
  const env = parseEnvironment(environment, specs);
  return {
    ...(env.DATABASE_URL !== undefined && { databaseUrl: env.DATABASE_URL }),
    ...(env.HOT_DATABASE_URL !== undefined && { hotDatabaseUrl: env.HOT_DATABASE_URL }),
    ...(env.AMQP_URL !== undefined && {
      amqpUrl: env.AMQP_URL,
      amqpManagementUrl: env.AMQP_MANAGEMENT_URL ?? managementBeside(env.AMQP_URL),
    }),
    ...(env.ZOOKEEPER !== undefined && { zookeeper: env.ZOOKEEPER }),
  };
}

/** The servers that still have to come from somewhere. */
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
 * Looks whether somebody listens where the environment points, so that a typing error ends here and
 * not in a process that waits for ever.
 *
 * @throws {Error} naming the variables and addresses without an answer
 */
export async function assertReachable(servers: Partial<Servers>): Promise<void> {
  const { databaseUrl, hotDatabaseUrl, amqpUrl, zookeeper } = servers;
  const amqpPort = amqpUrl?.startsWith('amqps') ? 5671 : 5672;
  const wanted = [
    ...(databaseUrl ? [{ name: 'DATABASE_URL', ...addressOf(databaseUrl, 5432) }] : []),
    ...(hotDatabaseUrl ? [{ name: 'HOT_DATABASE_URL', ...addressOf(hotDatabaseUrl, 5432) }] : []),
    ...(amqpUrl ? [{ name: 'AMQP_URL', ...addressOf(amqpUrl, amqpPort) }] : []),
    // One living server of an ensemble is enough for a client; the first is as good as any.
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
  const lines = silent.map(({ name, host, port }) => `${name}: nobody answers at ${host}:${port}`);
  throw new Error(lines.join('\n'));
}
