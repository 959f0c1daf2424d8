import { QUEUES } from '../contracts/topology.ts';
import type { BrokerConnection } from './connection.ts';

export interface QueueFigures {
  readonly queue: string;
  /** Messages ready for delivery; those in the hands of consumers are not counted. */
  readonly messages: number;
  readonly consumers: number;
}

/**
 * How long the declared queues are, as the broker last counted.
 *
 * @throws {BrokerUnavailable}
 */
export async function queueFigures(connection: BrokerConnection): Promise<QueueFigures[]> {
  const channel = await connection.openChannel();
  try {
    const figures: QueueFigures[] = [];
    for (const { name } of QUEUES) {
      const { messageCount, consumerCount } = await channel.checkQueue(name);
      figures.push({ queue: name, messages: messageCount, consumers: consumerCount });
    }
    return figures;
  } finally {
    // Throws when closed already.
    await (async () => channel.close())().catch(() => {});
  }
}
