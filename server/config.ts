import {
  brokerSpecs,
  ConfigError,
  commonSpecs,
  host,
  integer,
  name,
  parseEnvironment,
  secret,
  trustedUrl,
  zookeeperSpecs,
} from '../contracts/config.ts';
import { databaseSpecs, databaseUrls, readSpecs, readUrls } from '../contracts/database-config.ts';
import { imageSpecs } from '../contracts/image-origins.ts';
import { noticeOffer, noticeSpecs } from '../contracts/notice-config.ts';
import {
  PROXY_SECRET_LENGTH_MIN,
  proxyHops,
  proxyList,
  trustedProxies,
} from '../contracts/proxies.ts';
import { JWT_SECRET_LENGTH_MIN } from '../contracts/secrets.ts';
import { traceConfig, traceSpecs } from '../contracts/trace-config.ts';
import { paymentConfig, paymentSpecs } from '../payment/config.ts';
import { protectionOf } from '../zk/client/protection.ts';
import type { IdentityConfig } from './gate/identity.ts';

const JWT_NAME_LENGTH_MAX = 255;

const specs = {
  ...commonSpecs,
  ...databaseSpecs,
  ...readSpecs,
  ...brokerSpecs,
  ...zookeeperSpecs,
  ...traceSpecs,
  HOST: host({ default: '127.0.0.1' }),
  PORT: integer(0, 65_535)({ default: 8080 }),
  JWT_SECRET: secret(JWT_SECRET_LENGTH_MIN)({ default: undefined }),
  JWKS_URL: trustedUrl({ default: undefined }),
  /** `aud` and `iss` of the tokens for this shop. */
  JWT_AUDIENCE: name(JWT_NAME_LENGTH_MAX)({ default: undefined }),
  JWT_ISSUER: name(JWT_NAME_LENGTH_MAX)({ default: undefined }),
  ...paymentSpecs,
  ...noticeSpecs,
  ...imageSpecs,
  /** Proxies whose X-Forwarded-For is trusted, and the secret that proves that they wrote it. */
  TRUST_PROXY: proxyList({ default: undefined }),
  TRUST_PROXY_HOPS: proxyHops({ default: undefined }),
  TRUST_PROXY_SECRET: secret(PROXY_SECRET_LENGTH_MIN)({ default: undefined }),
  RATE_LIMIT_IP_PER_SECOND: integer(1, 1_000_000)({ default: 200 }),
  RATE_LIMIT_USER_PER_SECOND: integer(1, 1_000_000)({ default: 30 }),
  RATE_LIMIT_TICKET_PER_SECOND: integer(1, 1_000_000)({ default: 20 }),
  RATE_LIMIT_OWN_PER_SECOND: integer(1, 1_000_000)({ default: 20 }),
  OVERLOAD_EVENT_LOOP_MS: integer(1, 60_000)({ default: 500 }),
  OVERLOAD_QUEUE_MESSAGES: integer(1, 1_000_000)({ default: 100_000 }),
  OVERLOAD_UNCONFIRMED_MESSAGES: integer(1, 1_000_000)({ default: 480 }),
  COOLDOWN_SECONDS: integer(0, 3_600)({ default: 10 }),
  TICKET_TTL_SECONDS: integer(1, 3_600)({ default: 10 }),
  DATABASE_CONNECTIONS_MAX: integer(1, 100)({ default: 4 }),
};

interface IdentityVariables {
  readonly JWT_SECRET: string | undefined;
  readonly JWKS_URL: string | undefined;
  readonly JWT_AUDIENCE: string | undefined;
  readonly JWT_ISSUER: string | undefined;
}

function identityConfig(env: IdentityVariables): IdentityConfig {
  const { JWT_SECRET: secret, JWKS_URL: url, JWT_AUDIENCE: audience, JWT_ISSUER: issuer } = env;
  if ((secret === undefined) === (url === undefined)) {
    throw new ConfigError('Exactly one of JWT_SECRET and JWKS_URL must be set');
  }
  if (secret !== undefined) return { kind: 'secret', secret, audience, issuer };
  if (url === undefined || audience === undefined || issuer === undefined) {
    throw new ConfigError(
      'JWKS_URL needs JWT_AUDIENCE and JWT_ISSUER: its keys also sign tokens for others',
    );
  }
  return { kind: 'jwks', url, audience, issuer };
}

/** Every variable that the process reads. */
export const VARIABLES: readonly string[] = Object.keys(specs);

/** @throws {ConfigError} */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const env = parseEnvironment(environment, specs);
  const identity = identityConfig(env);
  if (env.DEMO && identity.kind !== 'secret') {
    throw new ConfigError('DEMO needs JWT_SECRET: guest identities are signed with it');
  }
  const urls = databaseUrls(env);
  return {
    logLevel: env.LOG_LEVEL,
    traces: traceConfig(env),
    monitor: { host: env.MONITOR_HOST, port: env.MONITOR_PORT },
    listen: { host: env.HOST, port: env.PORT },
    database: {
      urls,
      readUrls: readUrls(env, urls),
      connectionsMax: env.DATABASE_CONNECTIONS_MAX,
    },
    amqpUrl: env.AMQP_URL,
    zookeeper: {
      servers: env.ZOOKEEPER,
      root: env.ZK_ROOT,
      sessionTimeoutMs: env.ZK_SESSION_TIMEOUT_MS,
      protection: protectionOf(env, 'web'),
    },
    identity,
    payment: paymentConfig(env),
    notices: noticeOffer(env),
    imageOrigins: env.IMAGE_ORIGINS,
    demo: env.DEMO,
    trustedProxies: trustedProxies(
      'TRUST_PROXY',
      env.TRUST_PROXY,
      env.TRUST_PROXY_HOPS,
      env.TRUST_PROXY_SECRET,
    ),
    rateLimit: {
      ipPerSecond: env.RATE_LIMIT_IP_PER_SECOND,
      userPerSecond: env.RATE_LIMIT_USER_PER_SECOND,
      ticketPerSecond: env.RATE_LIMIT_TICKET_PER_SECOND,
      ownPerSecond: env.RATE_LIMIT_OWN_PER_SECOND,
    },
    overload: {
      eventLoopDelayMs: env.OVERLOAD_EVENT_LOOP_MS,
      queueMessages: env.OVERLOAD_QUEUE_MESSAGES,
      unconfirmedMessages: env.OVERLOAD_UNCONFIRMED_MESSAGES,
    },
    cooldownSeconds: env.COOLDOWN_SECONDS,
    ticketTtlSeconds: env.TICKET_TTL_SECONDS,
  };
}

export type ServerConfig = ReturnType<typeof readConfig>;
