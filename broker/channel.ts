import type { Log } from '../process/log.ts';
import type { Channel } from './amqp.ts';
import { endsWithin } from './deadline.ts';
import { declareTopology } from './topology.ts';

/** Something that lives on a channel: a publisher, a consumer. */
export interface ChannelUser {
  /** For the log. */
  readonly name: string;
  /** A new channel, after every connect and after the last one was closed alone. */
  opened(channel: Channel): Promise<void>;
  /** The channel is gone; called before pending confirms of it are reported as failed. */
  closed(): void;
}

interface ChannelFactory {
  createConfirmChannel(options: { highWaterMark: number }): Promise<Channel>;
}

/** What a channel needs of its connection. */
interface ChannelHome {
  readonly log: Log;
  readonly limits: {
    readonly closeTimeoutMs: number;
    readonly channelReopenDelayMs: number;
    readonly channelFramesMax: number;
  };
  openChannel(): Promise<Channel>;
}

/**
 * Keeps one user supplied with a channel. amqplib's recovery renews connections, not channels: the
 * broker closes one alone when, say, a queue is deleted or a delivery stays unacknowledged longer
 * than its `consumer_timeout` (30 minutes), which an outage of the database can make happen.
 */
export class ChannelKeeper {
  readonly #user: ChannelUser;
  readonly #connection: ChannelHome;
  readonly #current: () => ChannelFactory | undefined;
  #channel: Channel | undefined;
  #reopenTimer: NodeJS.Timeout | undefined;
  #abandoned = false;

  constructor(
    user: ChannelUser,
    connection: ChannelHome,
    current: () => ChannelFactory | undefined,
  ) {
    this.#user = user;
    this.#connection = connection;
    this.#current = current;
  }

  /** Never rejects: a user that cannot be served does not take the connection from the others. */
  async open(factory: ChannelFactory): Promise<void> {
    if (this.#abandoned) return;
    clearTimeout(this.#reopenTimer);
    try {
      const highWaterMark = this.#connection.limits.channelFramesMax;
      const channel = await factory.createConfirmChannel({ highWaterMark });
      this.#listen(channel, factory);
      this.#channel = channel;
      await this.#user.opened(channel);
    } catch (error) {
      if (this.#current() !== factory) return;
      this.#connection.log.warn({ err: error, user: this.#user.name }, 'channel does not open');
      const channel = this.#channel;
      if (channel === undefined) this.#reopenLater(factory);
      else this.closeQuietly(channel); // Its close event leads to the next attempt.
    }
  }

  /** No further channels; the present one is closed and what it left unacknowledged goes back. */
  async close(): Promise<void> {
    this.abandon();
    const channel = this.#channel;
    if (channel === undefined) return;
    await endsWithin(this.#connection.limits.closeTimeoutMs, channel.close());
  }

  abandon(): void {
    this.#abandoned = true;
    clearTimeout(this.#reopenTimer);
  }

  closeQuietly(channel: Channel): void {
    // Rejects or throws when the channel has been closed already, which is what is wanted.
    void (async () => channel.close())().catch(() => {});
  }

  #listen(channel: Channel, factory: ChannelFactory): void {
    const { log } = this.#connection;
    const user = this.#user.name;
    channel.on('error', (error) => log.warn({ err: error, user }, 'channel closed by the broker'));
    channel.on('handler-error', (error, event) => log.error({ err: error, user, event }, 'bug'));
    // First of all listeners: amqplib's own reports pending confirms as failed.
    channel.prependListener('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
      this.#user.closed();
      if (this.#current() === factory) this.#reopenLater(factory);
    });
  }

  #reopenLater(factory: ChannelFactory): void {
    if (this.#abandoned) return;
    clearTimeout(this.#reopenTimer);
    this.#reopenTimer = setTimeout(async () => {
      if (this.#current() !== factory) return;
      await this.#redeclare();
      await this.open(factory);
    }, this.#connection.limits.channelReopenDelayMs);
  }

  /** What closed the channel may have been the loss of a queue. */
  async #redeclare(): Promise<void> {
    try {
      await declareTopology(() => this.#connection.openChannel());
    } catch (error) {
      this.#connection.log.warn({ err: error }, 'topology is not as declared');
    }
  }
}
