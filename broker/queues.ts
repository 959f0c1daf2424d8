import { PROBE_QUEUE, QUEUES } from '../contracts/topology.ts';
import type { BrokerConnection } from './connection.ts';

export interface QueueFigures {
  readonly queue: string;
  /** Messages ready for delivery; those in the hands of consumers are not counted. */
  readonly messages: number;
  readonly consumers: number;
}

const WORK_QUEUES = QUEUES.map(({ name }) => name).filter((name) => name !== PROBE_QUEUE);

/**
 * How long the queues of orders and dead letters are, as the broker last counted.
 *
 * @throws {BrokerUnavailable}
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
    // Throws when closed already.
    await (async () => channel.close())().catch(() => {});
  }
}
