import { SCHEMA_HEADER } from '../contracts/messages.ts';
import type { Channel } from './amqp.ts';
import type { ChannelUser } from './channel.ts';
import type { BrokerConnection } from './connection.ts';

/**
 * The result of a publish.
 *
 * - `confirmed`: the broker has stored the message; a quorum queue has it on the disks of a
 *   majority.
 * - `returned`: certainly not stored: it was `mandatory` and no queue is bound for it.
 * - `refused`: certainly not stored: it was not written (not connected, blocked, window full,
 *   waiting for drain), or the broker nacked it. Every queue to which we publish persistent
 *   messages is a quorum queue with `reject-publish`, which nacks only messages that it did not
 *   append. (A classic queue that crashes also nacks, and may have kept the message.)
 * - `unknown`: it was written, but no answer came in time or the connection ended first. It may be
 *   in the queue or still arrive there. A later `refused` for a second copy says nothing about the
 *   first.
 */
export type PublishResult = 'confirmed' | 'returned' | 'refused' | 'unknown';

export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  /** Schema id, from contracts/messages.ts. */
  readonly schema: string;
  /** `application/json` unless told otherwise. */
  readonly contentType?: string;
  readonly content: Buffer;
  readonly replyTo?: string;
  /** Lets readers drop duplicates: the id of an event. */
  readonly messageId?: string;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  readonly persistent: boolean;
  readonly mandatory: boolean;
}

export interface PublisherLimits {
  /**
   * The most messages that are written and not yet confirmed. Beyond it, `publish` answers
   * `refused`.
   */
  readonly unconfirmedMax: number;
  /** A message without an answer for this long is `unknown`. */
  readonly publishConfirmTimeoutMs: number;
}

export const PUBLISHER_LIMITS: PublisherLimits = {
  unconfirmedMax: 512,
  publishConfirmTimeoutMs: 5_000,
};

interface Unconfirmed {
  readonly channel: Channel;
  readonly resolve: (result: PublishResult) => void;
  readonly onLate: ((result: PublishResult) => void) | undefined;
  readonly timer: NodeJS.Timeout;
  returned: boolean;
  timedOut: boolean;
}

export class Publisher {
  readonly #connection: BrokerConnection;
  readonly #limits: PublisherLimits;
  readonly #unconfirmed = new Map<string, Unconfirmed>();
  readonly #listeners = new Set<() => void>();
  readonly #user: ChannelUser;
  #unlisten = () => {};
  #channel: Channel | undefined;
  #draining = false;
  #closing = false;
  #sequence = 0;

  private constructor(connection: BrokerConnection, limits: PublisherLimits) {
    this.#connection = connection;
    this.#limits = limits;
    this.#user = {
      name: 'publisher',
      opened: async (channel) => this.#opened(channel),
      closed: () => this.#closed(),
    };
  }

  /** Resolves when the publisher can be used, or at once when there is no connection yet. */
  static async open(
    connection: BrokerConnection,
    limits: Partial<PublisherLimits> = {},
  ): Promise<Publisher> {
    const publisher = new Publisher(connection, { ...PUBLISHER_LIMITS, ...limits });
    publisher.#unlisten = connection.onChange(() => publisher.#changed());
    await connection.attach(publisher.#user);
    return publisher;
  }

  /**
   * Whether a message published now would be written. Does no I/O, because the gate calls it for
   * every request.
   */
  available(): boolean {
    return (
      this.#channel !== undefined &&
      !this.#connection.blocked &&
      !this.#draining &&
      !this.#closing &&
      this.#unconfirmed.size < this.#limits.unconfirmedMax
    );
  }

  /** Messages written and not answered, including those already reported as `unknown`. */
  get unconfirmed(): number {
    return this.#unconfirmed.size;
  }

  /**
   * Whether the oldest message has exceeded its timeout: the broker or one of its queues confirms
   * nothing.
   */
  get isUnanswered(): boolean {
    const [oldest] = this.#unconfirmed.values();
    return oldest?.timedOut === true;
  }

  /**
   * Resolves when `available()`. Callers that republish unknown messages wait for it.
   *
   * @throws the reason of `signal` when it is aborted first
   */
  async whenAvailable(signal?: AbortSignal): Promise<void> {
    while (!this.available()) {
      signal?.throwIfAborted();
      const changed = Promise.withResolvers<void>();
      const wake = () => changed.resolve();
      this.#listeners.add(wake);
      signal?.addEventListener('abort', wake);
      await changed.promise;
      this.#listeners.delete(wake);
      signal?.removeEventListener('abort', wake);
    }
  }

  /**
   * Publishes one message. Never rejects. `onLate` is called at most once, and only for a message
   * that was reported `unknown` because its answer was late. It gets that answer, or `unknown`
   * again when the connection ended and no answer can follow.
   */
  publish(
    message: OutgoingMessage,
    onLate?: (result: PublishResult) => void,
  ): Promise<PublishResult> {
    const channel = this.#channel;
    if (channel === undefined || !this.available()) return Promise.resolve('refused');
    const key = String(++this.#sequence);
    const { promise, resolve } = Promise.withResolvers<PublishResult>();
    const finish = (error: unknown) => this.#finish(key, error);
    try {
      this.#draining = !channel.publish(
        message.exchange,
        message.routingKey,
        message.content,
        properties(message, key),
        finish,
      );
    } catch (error) {
      // Encoding errors and closed channels throw before anything is written.
      this.#connection.log.error({ err: error, schema: message.schema }, 'message not written');
      return Promise.resolve('refused');
    }
    this.#unconfirmed.set(key, {
      channel,
      resolve,
      onLate,
      timer: setTimeout(() => this.#timeOut(key), this.#limits.publishConfirmTimeoutMs),
      returned: false,
      timedOut: false,
    });
    return promise;
  }

  /**
   * Refuses new messages, waits until every written one is answered or `unknown`, and closes the
   * channel.
   */
  async close(): Promise<void> {
    this.#closing = true;
    const pending = () => [...this.#unconfirmed.values()].some((entry) => !entry.timedOut);
    while (pending()) {
      const changed = Promise.withResolvers<void>();
      this.#listeners.add(changed.resolve);
      await changed.promise;
      this.#listeners.delete(changed.resolve);
    }
    this.#unlisten();
    await this.#connection.detach(this.#user);
  }

  #opened(channel: Channel): void {
    channel.on('drain', () => {
      this.#draining = false;
      this.#changed();
    });
    channel.on('return', (returned) => {
      const entry = this.#unconfirmed.get(String(returned.properties.correlationId));
      if (entry !== undefined) entry.returned = true; // Its ack follows.
    });
    this.#draining = false;
    this.#channel = channel;
    this.#changed();
  }

  #closed(): void {
    this.#channel = undefined;
  }

  #finish(key: string, error: unknown): void {
    const entry = this.#unconfirmed.get(key);
    if (entry === undefined) return;
    this.#unconfirmed.delete(key);
    clearTimeout(entry.timer);
    // An error is a nack unless the channel is closed; then the result is unknown.
    let result: PublishResult = entry.returned ? 'returned' : 'confirmed';
    if (error !== null) result = this.#channel === entry.channel ? 'refused' : 'unknown';
    if (entry.timedOut) entry.onLate?.(result);
    else entry.resolve(result);
    this.#changed();
  }

  #timeOut(key: string): void {
    const entry = this.#unconfirmed.get(key);
    if (entry === undefined) return;
    // It stays in the window, so that a broker that does not answer gets no further messages.
    entry.timedOut = true;
    entry.resolve('unknown');
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function properties(message: OutgoingMessage, key: string) {
  return {
    contentType: message.contentType ?? 'application/json',
    headers: { ...message.headers, [SCHEMA_HEADER]: message.schema },
    persistent: message.persistent,
    mandatory: message.mandatory,
    /** Identifies the message when it is returned. */
    correlationId: key,
    ...(message.replyTo !== undefined && { replyTo: message.replyTo }),
    ...(message.messageId !== undefined && { messageId: message.messageId }),
  };
}
