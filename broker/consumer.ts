import { SCHEMA_HEADER } from '../contracts/messages.ts';
import type { Channel, ReceivedMessage } from './amqp.ts';
import type { ChannelUser } from './channel.ts';
import { closeChannel } from './close-channel.ts';
import type { BrokerConnection } from './connection.ts';
import { endsWithin } from './deadline.ts';

/** A delivered message that has not been acknowledged yet. */
export interface Delivery {
  readonly content: Buffer;
  /** Schema id from the header; undefined when there is none. */
  readonly schema: string | undefined;
  readonly replyTo: string | undefined;
  readonly redelivered: boolean;
  /**
   * False once its channel is closed: the broker then delivers the message again, to this or
   * another consumer.
   */
  readonly live: boolean;
  /**
   * Acknowledges the message. Has no effect when the delivery is not live.
   *
   * @throws {Error} when called twice
   */
  ack(): void;
}

export interface ConsumerOptions {
  readonly queue: string;
  /** The most unacknowledged messages that the broker delivers. */
  readonly prefetchMax: number;
}

/**
 * Consumes a queue and resumes after every reconnect. There is no requeue, because a requeued
 * message would return at once, again and again. The handler keeps a message that it cannot process
 * now. It publishes a message that it can never process as a dead letter and acknowledges it.
 */
export class Consumer {
  readonly #connection: BrokerConnection;
  readonly #options: ConsumerOptions;
  readonly #handler: (delivery: Delivery) => void;
  readonly #user: ChannelUser;
  #channel: Channel | undefined;
  #tag: string | undefined;
  #cancelled = false;

  private constructor(
    connection: BrokerConnection,
    options: ConsumerOptions,
    handler: (delivery: Delivery) => void,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#handler = handler;
    this.#user = {
      name: `consumer of ${options.queue}`,
      opened: (channel) => this.#opened(channel),
      closed: () => this.#closed(),
    };
  }

  /** Resolves when the consumer is running, or at once when there is no connection yet. */
  static async open(
    connection: BrokerConnection,
    options: ConsumerOptions,
    handler: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    const consumer = new Consumer(connection, options, handler);
    await connection.attach(consumer.#user);
    return consumer;
  }

  /** Whether the broker would deliver a message that arrives now. */
  get consuming(): boolean {
    return this.#tag !== undefined;
  }

  /** Stops new deliveries. Messages already delivered can still be acknowledged. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    const tag = this.#tag;
    this.#tag = undefined;
    if (tag === undefined || this.#channel === undefined) return;
    await endsWithin(this.#connection.limits.closeTimeoutMs, this.#channel.cancel(tag));
  }

  /** Stops consuming and closes the channel. Unacknowledged messages return to the queue. */
  async close(): Promise<void> {
    await this.cancel();
    await this.#connection.detach(this.#user);
  }

  async #opened(channel: Channel): Promise<void> {
    const [before, tag] = [this.#channel, this.#tag];
    this.#channel = channel;
    this.#tag = undefined;
    if (this.#cancelled) return;
    let isOpen = true;
    channel.prependListener('close', () => {
      isOpen = false;
    });
    await channel.prefetch(this.#options.prefetchMax);
    const { consumerTag } = await channel.consume(this.#options.queue, (message) => {
      if (message === null) this.#cancelledByBroker(channel);
      else this.#handler(this.#delivery(channel, message, () => isOpen));
    });
    // After a move to another host the old channel takes acknowledgements until it is closed.
    if (before !== undefined && tag !== undefined) before.cancel(tag).catch(() => {});
    if (this.#cancelled) await channel.cancel(consumerTag);
    else this.#tag = consumerTag;
  }

  #closed(): void {
    this.#channel = undefined;
    this.#tag = undefined;
  }

  /** The queue was deleted or moved. A new channel declares it again and resumes. */
  #cancelledByBroker(channel: Channel): void {
    this.#connection.log.warn({ queue: this.#options.queue }, 'consumer cancelled by the broker');
    void closeChannel(channel);
  }

  #delivery(channel: Channel, message: ReceivedMessage, isLive: () => boolean): Delivery {
    let ended = false;
    const ack = () => {
      if (ended) throw new Error('a delivery can be acknowledged only once');
      ended = true;
      if (!isLive()) return;
      try {
        channel.ack(message);
      } catch {
        // The channel is closing, so the broker delivers the message again.
      }
    };
    const schema: unknown = message.properties.headers?.[SCHEMA_HEADER];
    const replyTo: unknown = message.properties.replyTo;
    return {
      content: message.content,
      schema: typeof schema === 'string' ? schema : undefined,
      replyTo: typeof replyTo === 'string' && replyTo !== '' ? replyTo : undefined,
      redelivered: message.fields.redelivered,
      get live() {
        return isLive();
      },
      ack,
    };
  }
}
