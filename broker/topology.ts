import type { Home } from '../contracts/homes.ts';
import {
  DEAD_LETTERS_QUEUE,
  EXCHANGES,
  type QueueDeclaration,
  queuesOf,
} from '../contracts/topology.ts';
import type { Channel } from './amqp.ts';
import { closeChannel } from './close-channel.ts';

const PRECONDITION_FAILED = 406;

/**
 * Declares every exchange, queue and binding of the virtual host, with an orders queue for each home.
 * Declaring an existing one changes nothing.
 *
 * @param openChannel opens a channel, which this function closes; a failed declaration ends its
 *   channel
 * @returns names of queues that an older version declared with other arguments; they are used
 *   unchanged
 * @throws {Error} when another queue or an exchange exists with other arguments, for example
 *   declared by hand
 */
export async function declareTopology(
  openChannel: () => Promise<Channel>,
  homes: readonly Home[],
): Promise<string[]> {
  const old: string[] = [];
  let channel = await openChannel();
  for (const { name, type } of EXCHANGES) {
    await channel.assertExchange(name, type, { durable: true });
  }
  for (const queue of queuesOf(homes)) {
    if (!(await declareQueue(channel, queue))) {
      old.push(queue.name);
      channel = await openChannel();
    }
    for (const { exchange, key } of queue.bindings) {
      await channel.bindQueue(queue.name, exchange, key);
    }
  }
  await closeChannel(channel);
  return old;
}

/**
 * Returns false for a dead-letters queue of an older version: declaring it again would lose its
 * messages.
 */
async function declareQueue(channel: Channel, queue: QueueDeclaration): Promise<boolean> {
  try {
    await channel.assertQueue(queue.name, { durable: true, arguments: queue.arguments });
    return true;
  } catch (error) {
    const isOld = (error as { code?: unknown }).code === PRECONDITION_FAILED;
    if (isOld && queue.name === DEAD_LETTERS_QUEUE) return false;
    throw error;
  }
}
