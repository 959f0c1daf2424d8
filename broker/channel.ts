import type { Home } from '../contracts/homes.ts';
import type { Log } from '../process/log.ts';
import type { Channel } from './amqp.ts';
import { closeChannel } from './close-channel.ts';
import { endsWithin } from './deadline.ts';
import { declareTopology } from './topology.ts';

/** A publisher, a consumer or another object that needs a channel. */
export interface ChannelUser {
  /** Name for log lines. */
  readonly name: string;
  /**
   * Called with a new channel after every connect, and after the broker has closed the last
   * channel.
   */
  opened(channel: Channel): Promise<void>;
  /**
   * Called when the last channel that was opened is closed, before its unconfirmed messages are
   * reported as failed.
   */
  closed(): void;
}

interface ChannelFactory {
  createConfirmChannel(options: { highWaterMark: number }): Promise<Channel>;
}

/** The parts of a connection that `ChannelKeeper` uses. */
interface ChannelHome {
  readonly log: Log;
  readonly homes: readonly Home[];
  readonly limits: {
    readonly closeTimeoutMs: number;
    readonly channelReopenDelayMs: number;
    readonly channelFramesMax: number;
  };
  openChannel(): Promise<Channel>;
}

/**
 * Keeps a channel open for one user. amqplib recovers connections but not channels. The broker
 * closes a single channel when, for example, a queue is deleted or a delivery stays unacknowledged
 * longer than its `consumer_timeout` (30 minutes), which can happen during a database outage.
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

  /**
   * Opens a channel for the user. Never rejects, so that one failing user does not end the
   * connection for the others; a failed attempt is repeated.
   */
  async open(factory: ChannelFactory): Promise<void> {
    if (this.#abandoned) return;
    clearTimeout(this.#reopenTimer);
    let opened: Channel | undefined;
    try {
      const highWaterMark = this.#connection.limits.channelFramesMax;
      const channel = await factory.createConfirmChannel({ highWaterMark });
      opened = channel;
      this.#listen(channel, factory);
      this.#channel = channel;
      await this.#user.opened(channel);
    } catch (error) {
      if (this.#current() !== factory) return;
      this.#connection.log.warn(
        { err: error, user: this.#user.name },
        'channel could not be opened',
      );
      if (opened === undefined) this.#reopenLater(factory);
      else void closeChannel(opened); // Its close event starts the next attempt.
    }
  }

  /** Closes the channel and opens no further one. The broker requeues unacknowledged messages. */
  async close(): Promise<void> {
    this.abandon();
    const channel = this.#channel;
    if (channel === undefined) return;
    await endsWithin(this.#connection.limits.closeTimeoutMs, closeChannel(channel));
  }

  abandon(): void {
    this.#abandoned = true;
    clearTimeout(this.#reopenTimer);
  }

  #listen(channel: Channel, factory: ChannelFactory): void {
    const { log } = this.#connection;
    const user = this.#user.name;
    channel.on('error', (error) => log.warn({ err: error, user }, 'channel closed by the broker'));
    channel.on('handler-error', (error, event) => log.error({ err: error, user, event }, 'bug'));
    // Must run before amqplib's own listener, which reports unconfirmed messages as failed.
    channel.prependListener('close', () => {
      // The user has another channel already if the connection has moved to another host.
      if (this.#channel !== channel) return;
      this.#channel = undefined;
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
      // The connection may have moved to another host meanwhile, which opened a channel.
      if (this.#current() === factory) await this.open(factory);
    }, this.#connection.limits.channelReopenDelayMs);
  }

  /** The channel may have closed because a queue was lost, so the topology is declared again. */
  async #redeclare(): Promise<void> {
    try {
      await declareTopology(() => this.#connection.openChannel(), this.#connection.homes);
    } catch (error) {
      this.#connection.log.warn({ err: error }, 'topology could not be declared');
    }
  }
}
