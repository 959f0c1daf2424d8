import { DEAD_LETTERS_QUEUE, ordersQueue } from '../contracts/topology.ts';
import { closeChannel } from './close-channel.ts';
import type { BrokerConnection } from './connection.ts';

type Channel = Awaited<ReturnType<BrokerConnection['openChannel']>>;

export interface QueueFigures {
  readonly queue: string;
  /** Messages ready for delivery, without those already delivered to consumers. */
  readonly messages: number;
  readonly consumers: number;
}

/**
 * Returns the lengths of the queues of orders and dead letters, as the broker last counted them.
 *
 * @throws {BrokerUnavailable} when there is no connection
 */
export async function queueFigures(connection: BrokerConnection): Promise<QueueFigures[]> {
  const channel = await connection.openChannel();
  try {
    return await figuresOver(channel, connection);
  } finally {
    await closeChannel(channel);
  }
}

/**
 * Looks at the lengths again and again. It keeps its channel: opening and closing one takes as many calls as a
 * look.
 */
export class QueueLook {
  readonly #connection: BrokerConnection;
  #channel: Channel | undefined;
  #pending: Promise<QueueFigures[]> | undefined;

  constructor(connection: BrokerConnection) {
    this.#connection = connection;
  }

  /**
   * A call during a look gets the answer of that look.
   *
   * @throws {BrokerUnavailable} when there is no connection
   */
  figures(): Promise<QueueFigures[]> {
    this.#pending ??= this.#look().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #look(): Promise<QueueFigures[]> {
    const kept = this.#channel;
    if (kept !== undefined) {
      try {
        return await figuresOver(kept, this.#connection);
      } catch {
        // It has ended, with its connection or because of a queue that is gone. A new one tells.
        this.#channel = undefined;
        await closeChannel(kept);
      }
    }
    const channel = await this.#connection.openChannel();
    try {
      const figures = await figuresOver(channel, this.#connection);
      this.#channel = channel;
      return figures;
    } catch (error) {
      await closeChannel(channel);
      throw error;
    }
  }
}

async function figuresOver(channel: Channel, { homes }: BrokerConnection): Promise<QueueFigures[]> {
  const figures: QueueFigures[] = [];
  for (const name of [...homes.map(ordersQueue), DEAD_LETTERS_QUEUE]) {
    const { messageCount, consumerCount } = await channel.checkQueue(name);
    figures.push({ queue: name, messages: messageCount, consumers: consumerCount });
  }
  return figures;
}
