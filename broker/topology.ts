import {
  DEAD_LETTERS_QUEUE,
  EXCHANGES,
  QUEUES,
  type QueueDeclaration,
} from '../contracts/topology.ts';
import type { Channel } from './amqp.ts';

const PRECONDITION_FAILED = 406;

/**
 * Declares every exchange, queue and binding of the virtual host. Declaring what exists is free.
 *
 * @param openChannel channels of which this closes each; a declaration that fails costs one
 * @returns names of queues that an older version declared otherwise, and that are used as they are
 * @throws when one of the others exists with other arguments: somebody declared it by hand
 */
export async function declareTopology(openChannel: () => Promise<Channel>): Promise<string[]> {
  const old: string[] = [];
  let channel = await openChannel();
  for (const { name, type } of EXCHANGES) {
    await channel.assertExchange(name, type, { durable: true });
  }
  for (const queue of QUEUES) {
    if (!(await declareQueue(channel, queue))) {
      old.push(queue.name);
      channel = await openChannel();
    }
    for (const { exchange, key } of queue.bindings) {
      await channel.bindQueue(queue.name, exchange, key);
    }
  }
  await channel.close();
  return old;
}

/** False for dead letters of an older version: they cannot be declared anew without losing them. */
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
