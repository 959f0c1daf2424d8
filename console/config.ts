import {
  brokerSpecs,
  ConfigError,
  commonSpecs,
  host,
  integer,
  list,
  name,
  parseEnvironment,
  secret,
  secretList,
  shopUrl,
  trustedUrl,
  zookeeperSpecs,
} from '../contracts/config.ts';
import {
  CONSOLE_ROLES,
  type ConsoleRole,
  DEMO_TOKEN_SHA256,
  monitorUrl,
  parseTokenEntry,
  rolesOf,
} from '../contracts/console.ts';
import { databaseSpecs, databaseUrls } from '../contracts/database-config.ts';
import { imageSpecs } from '../contracts/image-origins.ts';
import {
  PROXY_SECRET_LENGTH_MIN,
  proxyHops,
  proxyList,
  trustedProxies,
} from '../contracts/proxies.ts';
import { protectionOf } from '../zk/client/protection.ts';

const TOKEN_FORM = 'entries LOGIN=ROLE[+ROLE…]:HASH, as flashsale console token prints them';
const OIDC_NAME_LENGTH_MAX = 255;
const OIDC_SECRET_LENGTH_MIN = 16;

/** `value=role+role`: who has this value in the claim gets these roles. */
function claimRule(part: string): readonly [string, readonly ConsoleRole[]] | undefined {
  const at = part.lastIndexOf('=');
  const roles = rolesOf(part.slice(at + 1));
  return at > 0 && roles !== undefined ? [part.slice(0, at), roles] : undefined;
}

const specs = {
  ...commonSpecs,
  ...databaseSpecs,
  ...brokerSpecs,
  ...zookeeperSpecs,
  ...imageSpecs,
  CONSOLE_HOST: host({ default: '127.0.0.1' }),
  CONSOLE_PORT: integer(0, 65_535)({ default: 8090 }),
  /** The address in people's browsers: https, or http on this machine alone. */
  CONSOLE_URL: trustedUrl({ default: undefined }),
  CONSOLE_TOKENS: secretList(TOKEN_FORM, parseTokenEntry)({ default: undefined }),
  /** The console's own proxies: those of the shop (`TRUST_PROXY`) are others. */
  CONSOLE_TRUST_PROXY: proxyList({ default: undefined }),
  CONSOLE_TRUST_PROXY_HOPS: proxyHops({ default: undefined }),
  CONSOLE_TRUST_PROXY_SECRET: secret(PROXY_SECRET_LENGTH_MIN)({ default: undefined }),
  CONSOLE_SESSION_MINUTES: integer(1, 1_440)({ default: 480 }),
  /** The shop's public URL: pictures of previews are there. */
  SHOP_URL: shopUrl({ default: undefined }),
  WEB_MONITORS: list('URLs such as http://web:9100', monitorUrl)({ default: undefined }),
  OIDC_ISSUER: trustedUrl({ default: undefined }),
  OIDC_CLIENT_ID: name(OIDC_NAME_LENGTH_MAX)({ default: undefined }),
  OIDC_CLIENT_SECRET: secret(OIDC_SECRET_LENGTH_MIN)({ default: undefined }),
  OIDC_ROLES_CLAIM: name(OIDC_NAME_LENGTH_MAX)({ default: 'roles' }),
  /** Without it, the values of the claim are the console's own role names. */
  OIDC_ROLES: list('VALUE=ROLE[+ROLE…]', claimRule)({ default: undefined }),
};

export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** Without it, the client is public, and PKCE alone protects the code. */
  readonly clientSecret: string | undefined;
  readonly rolesClaim: string;
  readonly roles: ReadonlyMap<string, readonly ConsoleRole[]>;
}

interface OidcVariables {
  readonly OIDC_ISSUER: string | undefined;
  readonly OIDC_CLIENT_ID: string | undefined;
  readonly OIDC_CLIENT_SECRET: string | undefined;
  readonly OIDC_ROLES_CLAIM: string;
  readonly OIDC_ROLES: readonly (readonly [string, readonly ConsoleRole[]])[] | undefined;
}

function oidcOf(env: OidcVariables): OidcConfig | undefined {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret } = env;
  if (issuer === undefined && clientId === undefined && clientSecret === undefined) {
    return undefined;
  }
  if (issuer === undefined || clientId === undefined) {
    throw new ConfigError('OIDC_ISSUER and OIDC_CLIENT_ID go together: set both or neither');
  }
  const roles = new Map(env.OIDC_ROLES ?? CONSOLE_ROLES.map((role) => [role, [role]] as const));
  return { issuer, clientId, clientSecret, rolesClaim: env.OIDC_ROLES_CLAIM, roles };
}

/** Every variable that the process reads. */
export const VARIABLES: readonly string[] = Object.keys(specs);

/** @throws {ConfigError} */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const env = parseEnvironment(environment, specs);
  const tokens = env.CONSOLE_TOKENS ?? [];
  if (!env.DEMO && tokens.some(({ sha256 }) => sha256 === DEMO_TOKEN_SHA256)) {
    throw new ConfigError(
      'CONSOLE_TOKENS has the token that is published in this repository: only the demo takes it',
    );
  }
  const oidc = oidcOf(env);
  if (tokens.length === 0 && oidc === undefined) {
    throw new ConfigError('Nobody could sign in: set CONSOLE_TOKENS or OIDC_ISSUER');
  }
  const url = env.CONSOLE_URL ?? `http://127.0.0.1:${env.CONSOLE_PORT}`;
  return {
    logLevel: env.LOG_LEVEL,
    monitor: { host: env.MONITOR_HOST, port: env.MONITOR_PORT },
    listen: { host: env.CONSOLE_HOST, port: env.CONSOLE_PORT },
    /** The origin of the pages. */
    url: new URL(url).origin,
    amqpUrl: env.AMQP_URL,
    databaseUrls: databaseUrls(env),
    session: {
      servers: env.ZOOKEEPER,
      sessionTimeoutMs: env.ZK_SESSION_TIMEOUT_MS,
      protection: protectionOf(env, 'operator'),
    },
    root: env.ZK_ROOT,
    tokens,
    oidc,
    trustedProxies: trustedProxies(
      'CONSOLE_TRUST_PROXY',
      env.CONSOLE_TRUST_PROXY,
      env.CONSOLE_TRUST_PROXY_HOPS,
      env.CONSOLE_TRUST_PROXY_SECRET,
    ),
    sessionMinutes: env.CONSOLE_SESSION_MINUTES,
    monitors: env.WEB_MONITORS ?? [],
    shopUrl: env.SHOP_URL,
    imageOrigins: env.IMAGE_ORIGINS,
  };
}

export type ConsoleConfig = ReturnType<typeof readConfig>;
