import { EXCHANGES, QUEUES } from '../contracts/topology.ts';
import type { Channel } from './connection.ts';

/**
 * Declares every exchange, queue and binding of the virtual host. Declaring what exists is free.
 *
 * @throws when one exists with other arguments: somebody declared it by hand, or an older version
 */
export async function declareTopology(channel: Channel): Promise<void> {
  for (const { name, type } of EXCHANGES) {
    await channel.assertExchange(name, type, { durable: true });
  }
  for (const queue of QUEUES) {
    await channel.assertQueue(queue.name, { durable: true, arguments: queue.arguments });
    for (const { exchange, key } of queue.bindings) {
      await channel.bindQueue(queue.name, exchange, key);
    }
  }
}
