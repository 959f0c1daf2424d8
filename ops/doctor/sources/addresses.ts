import {
  clusterUrl,
  databaseUrl,
  list,
  parseEnvironment,
  shopUrl,
  text,
  url,
  webhookSpecs,
  withSecretsOfFiles,
  zookeeperCredentialSpecs,
  zookeeperPath,
  zookeeperServers,
} from '../../../contracts/config.ts';
import { monitorUrl } from '../../../contracts/console.ts';
import {
  type DatabaseUrls,
  databaseUrls,
  hotDatabaseSpecs,
  readSpecs,
  readUrls,
} from '../../../contracts/database-config.ts';
import { isZone } from '../../../contracts/goods.ts';
import { runningStack } from '../../stack/running.ts';
import { IS_NOT_SET, NotKnown } from './not-known.ts';

/** Where everything is that the doctor asks: variables of the environment, else the running local stack. */

type Environment = Readonly<Record<string, string | undefined>>;

const specs = {
  DATABASE_URL: databaseUrl({ default: undefined }),
  ...hotDatabaseSpecs,
  ...readSpecs,
  AMQP_URL: clusterUrl('amqp', 'amqps')({ default: undefined }),
  AMQP_MANAGEMENT_URL: clusterUrl('http', 'https')({ default: undefined }),
  ZOOKEEPER: zookeeperServers({ default: undefined }),
  ZK_ROOT: zookeeperPath({ default: '/flashsale' }),
  ...zookeeperCredentialSpecs,
  ...webhookSpecs,
  /** The monitor ports of all processes. */
  MONITORS: list('URLs such as http://web:9100', monitorUrl)({ default: undefined }),
  PROMETHEUS_URL: url('http', 'https')({ default: undefined }),
  ALERTMANAGER_URL: url('http', 'https')({ default: undefined }),
  SHOP_URL: shopUrl({ default: undefined }),
  /** The shop with TLS, if it is behind the edge of the local stack. */
  EDGE_URL: shopUrl({ default: undefined }),
  /** Files with certificates, such as that of the edge. */
  CERTIFICATES: list('files', (part) => (part === '' ? undefined : part))({ default: undefined }),
  SHOP_TIME_ZONE: text('a time zone such as Europe/Berlin', isZone)({ default: undefined }),
};

const SERVERS = ['DATABASE_URL', 'AMQP_URL', 'ZOOKEEPER'] as const;
const START = 'npm start';

function isNamed(environment: Environment, name: string): boolean {
  return Boolean(environment[name] || environment[`${name}_FILE`]);
}

/** With any of the servers named, the local stack is another shop. */
function withStack(environment: Environment): Environment {
  if (SERVERS.some((name) => isNamed(environment, name))) return environment;
  return { ...runningStack(environment), ...environment };
}

/** @throws {ConfigError}, {Error} when no server is named and no local stack runs */
export function addressesOf(environment: Environment) {
  const all = withStack(environment);
  const env = parseEnvironment(all, specs);
  const { DATABASE_URL: regular = '' } = env;
  const urls: DatabaseUrls = databaseUrls({ ...env, DATABASE_URL: regular });
  const named = Object.entries(all).flatMap(([name, value]) =>
    /^\w+_MONITOR_URL$/.test(name) && value ? [value] : [],
  );
  return {
    env,
    urls,
    readUrls: readUrls(env, urls),
    monitors: env.MONITORS ?? (named.length > 0 ? named : undefined),
    /** Where pages are asked for, and where browsers see a certificate. */
    shopUrl: env.SHOP_URL ?? env.EDGE_URL,
    tlsUrl: env.EDGE_URL ?? env.SHOP_URL,
    /** As it was given, with the names of files. */
    environment,
    /** The environment with the content of the files of its secrets. */
    secrets: withSecretsOfFiles(all),
  };
}

export type Addresses = ReturnType<typeof addressesOf>;

/** @throws {NotKnown} if the variable is not set */
export function needed<Name extends keyof Addresses['env']>(
  { env }: Addresses,
  name: Name,
): NonNullable<Addresses['env'][Name]> {
  const value = env[name];
  if (value === undefined || value === null) {
    const isServer = SERVERS.some((one) => one === name);
    throw new NotKnown(`${name} ${IS_NOT_SET}`, isServer ? START : `${name}=… flashsale doctor`);
  }
  return value as NonNullable<Addresses['env'][Name]>;
}
