import {
  parseEnvironment,
  secret,
  zookeeperPath,
  zookeeperServers,
} from '../../contracts/config.ts';
import { type Paths, pathsBelow } from '../../zk/paths.ts';
import { ZkSession } from '../../zk/session.ts';
import { runningStack } from '../stack/running.ts';
import type { CommandContext } from './command.ts';

/** ZooKeeper for commands: ZOOKEEPER of the environment, or the running local stack's. */

const CONNECT_TIMEOUT_MS = 10_000;
const SESSION_TIMEOUT_MS = 10_000;

const specs = {
  ZOOKEEPER: zookeeperServers({ default: undefined }),
  ZK_ROOT: zookeeperPath({ default: '/flashsale' }),
  ZK_AUTH: secret(3)({ default: undefined }),
};

/** @throws {Error} when no server is named and no local stack runs, or none answers */
export async function withZookeeper<T>(
  { environment }: CommandContext,
  work: (session: ZkSession, paths: Paths) => Promise<T>,
): Promise<T> {
  const given = parseEnvironment(environment, specs);
  const from = given.ZOOKEEPER === undefined ? runningStack(environment) : given;
  const session = new ZkSession({
    servers: from['ZOOKEEPER'] ?? '',
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    ...(given.ZK_AUTH !== undefined && { auth: given.ZK_AUTH }),
  });
  session.start();
  try {
    await session.connected(CONNECT_TIMEOUT_MS);
    return await work(session, pathsBelow(from['ZK_ROOT'] ?? '/flashsale'));
  } finally {
    await session.close();
  }
}
