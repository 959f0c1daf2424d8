import {
  brokerSpecs,
  ConfigError,
  clusterUrl,
  commonSpecs,
  flag,
  integer,
  list,
  parseEnvironment,
  webhookSpecs,
} from '../contracts/config.ts';
import { databaseSpecs, databaseUrls } from '../contracts/database-config.ts';
import { type Home, isHome } from '../contracts/homes.ts';
import { noticeSender, noticeSenderSpecs } from '../contracts/notice-config.ts';
import { traceConfig, traceSpecs } from '../contracts/trace-config.ts';
import { accountConfig, accountSpecs } from '../payment/config.ts';
import { BATCH_LIMITS } from './batch.ts';

const specs = {
  ...commonSpecs,
  ...databaseSpecs,
  ...brokerSpecs,
  ...accountSpecs,
  ...webhookSpecs,
  ...noticeSenderSpecs,
  ...traceSpecs,
  /** The homes whose orders this worker decides; all if it is not set. */
  QUEUES: list('homes such as regular,hot', (part) => (isHome(part) ? part : undefined))({
    default: undefined,
  }),
  BATCH_REQUESTS_MAX: integer(1, 1_000)({ default: BATCH_LIMITS.batchRequestsMax }),
  BATCH_WAIT_MS: integer(0, 1_000)({ default: BATCH_LIMITS.batchWaitMs }),
  CALLS_IN_FLIGHT_MAX: integer(1, 64)({ default: BATCH_LIMITS.callsInFlightMax }),
  /** Prefetch per queue; enough to fill every call even if each message holds one request. */
  PREFETCH_MAX: integer(1, 60_000)({ default: 1_000 }),
  /** From the end of one audit of a schema to the next, across all workers. */
  AUDIT_INTERVAL_SECONDS: integer(1, 86_400)({ default: 10 }),
  /** RabbitMQ's management API, with login, for the metrics of cluster members. */
  AMQP_MANAGEMENT_URL: clusterUrl('http', 'https')({ default: undefined }),
  /** Whether this worker delivers order events to merchants. */
  WEBHOOKS: flag({ default: true }),
};

export type WorkerConfig = ReturnType<typeof readConfig>;

/** Every variable that the process reads. */
export const VARIABLES: readonly string[] = Object.keys(specs);

/** @throws {ConfigError} */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const parsed = parseEnvironment(environment, specs);
  const urls = databaseUrls(parsed);
  const queues: readonly Home[] = parsed.QUEUES ?? [...urls.keys()];
  const unknown = queues.find((home) => !urls.has(home));
  if (unknown !== undefined) {
    const homes = [...urls.keys()].join(', ');
    throw new ConfigError(`QUEUES names ${unknown}, but the homes are ${homes}`);
  }
  return {
    logLevel: parsed.LOG_LEVEL,
    traces: traceConfig(parsed),
    monitor: { host: parsed.MONITOR_HOST, port: parsed.MONITOR_PORT },
    amqpUrl: parsed.AMQP_URL,
    amqpManagementUrl: parsed.AMQP_MANAGEMENT_URL,
    databaseUrls: urls,
    queues,
    payment: accountConfig(parsed),
    demo: parsed.DEMO,
    auditIntervalMs: parsed.AUDIT_INTERVAL_SECONDS * 1_000,
    webhooks: parsed.WEBHOOKS,
    webhookRules: {
      allowHttp: parsed.WEBHOOK_ALLOW_HTTP,
      allowPrivate: parsed.WEBHOOK_ALLOW_PRIVATE,
    },
    notices: noticeSender(parsed),
    prefetchMax: parsed.PREFETCH_MAX,
    batch: {
      batchRequestsMax: parsed.BATCH_REQUESTS_MAX,
      batchWaitMs: parsed.BATCH_WAIT_MS,
      callsInFlightMax: parsed.CALLS_IN_FLIGHT_MAX,
    },
  };
}
