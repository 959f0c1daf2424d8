import { SCHEMA_HEADER } from '../contracts/messages.ts';
import type { Channel, ReceivedMessage } from './amqp.ts';
import type { ChannelUser } from './channel.ts';
import type { BrokerConnection } from './connection.ts';
import { endsWithin } from './deadline.ts';

/** A message that waits for its end. */
export interface Delivery {
  readonly content: Buffer;
  /** Schema id of the sender; undefined when there is none. */
  readonly schema: string | undefined;
  readonly replyTo: string | undefined;
  readonly redelivered: boolean;
  /** False once its channel is gone: the broker delivers it again, here or elsewhere. */
  readonly live: boolean;
  /** Done. Without effect on a delivery that is not live. */
  ack(): void;
}

export interface ConsumerOptions {
  readonly queue: string;
  /** Unacknowledged messages that the broker hands out at the most. */
  readonly prefetchMax: number;
}

/**
 * Takes messages from a queue, again after every reconnect. There is no requeue: a message that
 * cannot be handled now is kept until it can, and one that never can is published as a dead letter and
 * acknowledged; giving it back would have it return at once, over and over.
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

  /** Resolves when messages flow, or at once when the broker is not there yet. */
  static async open(
    connection: BrokerConnection,
    options: ConsumerOptions,
    handler: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    const consumer = new Consumer(connection, options, handler);
    await connection.attach(consumer.#user);
    return consumer;
  }

  /** Whether the broker would deliver a message now. */
  get consuming(): boolean {
    return this.#tag !== undefined;
  }

  /** No new deliveries; those at hand can still be acknowledged. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    const tag = this.#tag;
    this.#tag = undefined;
    if (tag === undefined || this.#channel === undefined) return;
    await endsWithin(this.#connection.limits.closeTimeoutMs, this.#channel.cancel(tag));
  }

  /** Ends it. What is not acknowledged goes back to the queue. */
  async close(): Promise<void> {
    await this.cancel();
    await this.#connection.detach(this.#user);
  }

  async #opened(channel: Channel): Promise<void> {
    this.#channel = channel;
    if (this.#cancelled) return;
    await channel.prefetch(this.#options.prefetchMax);
    const { consumerTag } = await channel.consume(this.#options.queue, (message) => {
      if (message === null) this.#cancelledByBroker(channel);
      else this.#handler(this.#delivery(channel, message));
    });
    if (this.#cancelled) await channel.cancel(consumerTag);
    else this.#tag = consumerTag;
  }

  #closed(): void {
    this.#channel = undefined;
    this.#tag = undefined;
  }

  /** The queue was deleted or moved: a new channel declares it and consumes again. */
  #cancelledByBroker(channel: Channel): void {
    this.#connection.log.warn({ queue: this.#options.queue }, 'consumer cancelled by the broker');
    channel.close().catch(() => {});
  }

  #delivery(channel: Channel, message: ReceivedMessage): Delivery {
    const isLive = () => this.#channel === channel;
    let ended = false;
    const ack = () => {
      if (ended) throw new Error('a delivery ends once');
      ended = true;
      if (!isLive()) return;
      try {
        channel.ack(message);
      } catch {
        // The channel is being closed: as good as gone.
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
