import { setTimeout as delay } from 'node:timers/promises';
import { BrokerConnection } from '../../broker/connection.ts';
import { queueFigures } from '../../broker/queues.ts';
import { clusterUrl, parseEnvironment } from '../../contracts/config.ts';
import { databaseUrls, hotDatabaseSpecs } from '../../contracts/database-config.ts';
import { DEAD_LETTERS_QUEUE } from '../../contracts/topology.ts';
import { createLog } from '../../process/log.ts';
import { runningStack } from '../stack/running.ts';
import type { CommandContext } from './command.ts';

/** The broker that commands use: AMQP_URL of the environment, else that of the running local stack. */

const CONNECT_TIMEOUT_MS = 10_000;
const specs = {
  AMQP_URL: clusterUrl('amqp', 'amqps')({ default: undefined }),
  ...hotDatabaseSpecs,
};

/** The URL of the broker, and the homes of its orders queues. */
function brokerOf({ environment }: CommandContext) {
  const given = parseEnvironment(environment, specs);
  const { AMQP_URL: url = '', ...hot } =
    given.AMQP_URL === undefined ? parseEnvironment(runningStack(environment), specs) : given;
  return { url, homes: [...databaseUrls({ ...hot, DATABASE_URL: '' }).keys()] };
}

export function brokerUrl(context: CommandContext): string {
  return brokerOf(context).url;
}

/**
 * Calls `work` with a connection and closes it afterwards.
 *
 * @throws {BrokerUnavailable} from the calls in `work`, when the broker does not answer in time
 */
export async function withBroker<T>(
  context: CommandContext,
  work: (broker: BrokerConnection) => Promise<T>,
): Promise<T> {
  const broker = await BrokerConnection.open({
    ...brokerOf(context),
    name: 'flashsale-command',
    log: createLog('command', 'silent'),
  });
  try {
    await Promise.race([
      broker.whenConnected(),
      delay(CONNECT_TIMEOUT_MS, undefined, { ref: false }),
    ]);
    return await work(broker);
  } finally {
    await broker.close();
  }
}

/**
 * Number of messages in the dead-letter queue.
 *
 * @throws {BrokerUnavailable}
 */
export function deadLetterCount(context: CommandContext): Promise<number> {
  return withBroker(context, async (broker) => {
    const queues = await queueFigures(broker);
    return queues.find(({ queue }) => queue === DEAD_LETTERS_QUEUE)?.messages ?? 0;
  });
}
