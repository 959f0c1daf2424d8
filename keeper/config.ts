import {
  brokerSpecs,
  commonSpecs,
  integer,
  parseEnvironment,
  zookeeperSpecs,
} from '../contracts/config.ts';
import { databaseSpecs, databaseUrls } from '../contracts/database-config.ts';
import { protectionOf } from '../zk/client/protection.ts';

const specs = {
  ...commonSpecs,
  ...databaseSpecs,
  ...brokerSpecs,
  ...zookeeperSpecs,
  /** Interval between two looks when nothing changes in ZooKeeper. */
  KEEPER_TICK_MS: integer(20, 10_000)({ default: 200 }),
  /** How long the orders queues may take to confirm that everything of a dead node is decided. */
  SETTLE_TIMEOUT_MS: integer(100, 600_000)({ default: 30_000 }),
  /**
   * Further wait for batches that another worker still holds. Requests that arrive later are
   * rejected.
   */
  SETTLE_GRACE_MS: integer(0, 60_000)({ default: 100 }),
};

export type KeeperConfig = ReturnType<typeof readConfig>;

/** Every variable that the process reads. */
export const VARIABLES: readonly string[] = Object.keys(specs);

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
