import {
  brokerSpecs,
  commonSpecs,
  databaseSpecs,
  databaseUrls,
  integer,
  parseEnvironment,
  zookeeperSpecs,
} from '../contracts/config.ts';
import { protectionOf } from '../zk/client/protection.ts';

const specs = {
  ...commonSpecs,
  ...databaseSpecs,
  ...brokerSpecs,
  ...zookeeperSpecs,
  /** Between two looks at the units of the database when nothing happens in ZooKeeper. */
  KEEPER_TICK_MS: integer(20, 10_000)({ default: 200 }),
  /** For the orders queues to say that what a dead node left in them is decided. */
  SETTLE_TIMEOUT_MS: integer(100, 600_000)({ default: 30_000 }),
  /** After that, for batches that another worker still holds; later ones are rejected. */
  SETTLE_GRACE_MS: integer(0, 60_000)({ default: 100 }),
};

export type KeeperConfig = ReturnType<typeof readConfig>;

/** @throws {ConfigError} */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const parsed = parseEnvironment(environment, specs);
  return {
    logLevel: parsed.LOG_LEVEL,
    monitor: { host: parsed.MONITOR_HOST, port: parsed.MONITOR_PORT },
    amqpUrl: parsed.AMQP_URL,
    databaseUrls: databaseUrls(parsed),
    session: {
      servers: parsed.ZOOKEEPER,
      sessionTimeoutMs: parsed.ZK_SESSION_TIMEOUT_MS,
      protection: protectionOf(parsed, 'keeper'),
    },
    root: parsed.ZK_ROOT,
    tickMs: parsed.KEEPER_TICK_MS,
    settleTimeoutMs: parsed.SETTLE_TIMEOUT_MS,
    settleGraceMs: parsed.SETTLE_GRACE_MS,
  };
}
