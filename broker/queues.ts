import { PROBE_QUEUE, QUEUES } from '../contracts/topology.ts';
import type { BrokerConnection } from './connection.ts';

export interface QueueFigures {
  readonly queue: string;
  /** Messages ready for delivery, without those already delivered to consumers. */
  readonly messages: number;
  readonly consumers: number;
}

const WORK_QUEUES = QUEUES.map(({ name }) => name).filter((name) => name !== PROBE_QUEUE);

/**
 * Returns the lengths of the queues of orders and dead letters, as the broker last counted them.
 *
 * @throws {BrokerUnavailable} when there is no connection
 */
export async function queueFigures(connection: BrokerConnection): Promise<QueueFigures[]> {
  const channel = await connection.openChannel();
  try {
    const figures: QueueFigures[] = [];
    for (const name of WORK_QUEUES) {
      const { messageCount, consumerCount } = await channel.checkQueue(name);
      figures.push({ queue: name, messages: messageCount, consumers: consumerCount });
    }
    return figures;
  } finally {
    // Throws when the channel is already closed.
    await (async () => channel.close())().catch(() => {});
  }
}
