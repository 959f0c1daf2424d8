import {
  parseEnvironment,
  zookeeperCredentialSpecs,
  zookeeperPath,
  zookeeperServers,
} from '../../contracts/config.ts';
import { protectionOf } from '../../zk/client/protection.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { type Paths, pathsBelow } from '../../zk/tree/paths.ts';
import { runningStack } from '../stack/running.ts';
import type { CommandContext } from './command.ts';

/** The ZooKeeper that commands use: ZOOKEEPER of the environment, else the local stack's. */

const CONNECT_TIMEOUT_MS = 10_000;
const SESSION_TIMEOUT_MS = 10_000;

const specs = {
  ZOOKEEPER: zookeeperServers({ default: undefined }),
  ZK_ROOT: zookeeperPath({ default: '/flashsale' }),
  ...zookeeperCredentialSpecs,
};

/**
 * Calls `work` with a connected session and closes it afterwards.
 *
 * @throws {Error} when ZOOKEEPER is not set and no local stack runs, or when no server answers
 */
export async function withZookeeper<T>(
  { environment }: CommandContext,
  work: (session: ZkSession, paths: Paths) => Promise<T>,
): Promise<T> {
  const given = parseEnvironment(environment, specs);
  const from = given.ZOOKEEPER === undefined ? runningStack(environment) : given;
  const root = from['ZK_ROOT'] ?? given.ZK_ROOT;
  const session = new ZkSession({
    servers: from['ZOOKEEPER'] ?? '',
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    protection: protectionOf({ ...given, ZK_ROOT: root }, 'operator'),
  });
  session.start();
  try {
    await session.connected(CONNECT_TIMEOUT_MS);
    return await work(session, pathsBelow(root));
  } finally {
    await session.close();
  }
}
