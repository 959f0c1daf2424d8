import type { Home } from '../contracts/homes.ts';
import { DEFAULT_HOMES } from '../contracts/topology.ts';
import type { Log } from '../process/log.ts';
import type { Channel, ChannelModel } from './amqp.ts';
import { ChannelKeeper, type ChannelUser } from './channel.ts';
import { endsWithin } from './deadline.ts';
import { cutSocket, shuffledHosts } from './link.ts';
import { ReturningLink, type ReturnLimits } from './returning-link.ts';
import { declareTopology } from './topology.ts';

/**
 * A connection to RabbitMQ that reconnects by itself. With several hosts each connection prefers one
 * of them, by chance. When the loss of its host is noticed, it goes on to the next within a second. It
 * returns when its own host is back: the new connection is in use before the old one is closed.
 *
 * A process that both consumes and publishes opens two. While a memory or disk alarm is on, the
 * broker stops reading from publishing connections, including their acknowledgements. A worker that
 * cannot acknowledge cannot empty the queue that raised the alarm.
 */

export interface ConnectionLimits extends ReturnLimits {
  /** For declaring the topology and opening the channels after a (re)connect. */
  readonly setupTimeoutMs: number;
  /** Pause before a channel that the broker closed is opened again. */
  readonly channelReopenDelayMs: number;
  /**
   * AMQP frames that a channel buffers while its socket accepts no more. Both stages of its buffer
   * hold this many. When they are full, the publisher pauses until `drain`. A message takes one
   * frame, or two if it is long.
   */
  readonly channelFramesMax: number;
}

const CONNECTION_LIMITS: ConnectionLimits = {
  reconnectDelayInitialMs: 100,
  reconnectDelayMaxMs: 5_000,
  connectTimeoutMs: 5_000,
  setupTimeoutMs: 15_000,
  closeTimeoutMs: 3_000,
  heartbeatSeconds: 5,
  channelReopenDelayMs: 500,
  channelFramesMax: 1_024,
  returnDelayMs: 30_000,
  returnGraceMs: 2_000,
};

export interface ConnectionOptions {
  /** amqp:// or amqps://, including the virtual host: `amqp://login@a:5672,b:5672/shop`. */
  readonly url: string;
  /** Shown in the management UI and by `rabbitmqctl list_connections`. */
  readonly name: string;
  readonly log: Log;
  /** The homes of the installation: each has an orders queue. Default: `regular` and `hot`. */
  readonly homes?: readonly Home[];
  readonly limits?: Partial<ConnectionLimits>;
}

/** There is no connection now; a reconnect is under way. */
class BrokerUnavailable extends Error {
  override name = 'BrokerUnavailable';
}

export class BrokerConnection {
  readonly log: Log;
  readonly homes: readonly Home[];
  readonly limits: ConnectionLimits;
  readonly #keepers = new Map<ChannelUser, ChannelKeeper>();
  readonly #listeners = new Set<() => void>();
  #link: ReturningLink | undefined;
  /** The current connection; set before its channels are opened. */
  #model: ChannelModel | undefined;
  /** The topology is declared: users attached from now on open their channels at once. */
  #declared = false;
  #connected = false;
  #blocked = false;
  #closed = false;

  private constructor(options: ConnectionOptions) {
    this.log = options.log.child({ connection: options.name });
    this.homes = options.homes ?? DEFAULT_HOMES;
    this.limits = { ...CONNECTION_LIMITS, ...options.limits };
  }

  /** Returns at once. The background keeps connecting and reconnecting until `close()`. */
  static async open(options: ConnectionOptions): Promise<BrokerConnection> {
    const connection = new BrokerConnection(options);
    connection.#link = await ReturningLink.open({
      hosts: shuffledHosts(options.url),
      name: options.name,
      log: connection.log,
      limits: connection.limits,
      setUp: (model, host) => connection.#setUp(model, host),
      inUse: () => connection.#model,
    });
    return connection;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** `host:port` of the broker in use, or of the one that is tried next. */
  get host(): string | undefined {
    return this.#link?.host;
  }

  /** The broker has raised an alarm and does not read messages from this connection. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Resolves when connected, with the topology declared and the channels open. Never rejects. */
  async whenConnected(): Promise<void> {
    while (!this.#connected) {
      const changed = Promise.withResolvers<void>();
      const undo = this.onChange(changed.resolve);
      await changed.promise;
      undo();
    }
  }

  /**
   * Calls `listener` after each change of `connected` or `blocked`.
   *
   * @returns a function that removes the listener
   */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Gives `user` a channel now and after every reconnect. Resolves when the channel is open on the
   * current connection, or at once when there is none.
   */
  async attach(user: ChannelUser): Promise<void> {
    const keeper = new ChannelKeeper(user, this, () => this.#model);
    this.#keepers.set(user, keeper);
    if (this.#model !== undefined && this.#declared) await keeper.open(this.#model);
  }

  async detach(user: ChannelUser): Promise<void> {
    const keeper = this.#keepers.get(user);
    this.#keepers.delete(user);
    await keeper?.close();
  }

  /**
   * Opens a channel for one task. The caller closes it. It is not reopened after its `close` event.
   *
   * @throws {BrokerUnavailable} when there is no connection
   */
  async openChannel(): Promise<Channel> {
    if (this.#model === undefined) throw new BrokerUnavailable('not connected to RabbitMQ');
    const channel = await this.#model.createConfirmChannel();
    channel.on('error', (error) => this.log.warn({ err: error }, 'channel closed by the broker'));
    channel.on('handler-error', (error, event) => this.log.error({ err: error, event }, 'bug'));
    return channel;
  }

  /**
   * Closes the connection and stops reconnecting. Deliveries without an acknowledgement are
   * requeued; publishes without a confirm stay unconfirmed.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const keeper of this.#keepers.values()) keeper.abandon();
    const model = this.#model;
    const closing = this.#link?.close() ?? Promise.resolve();
    const inTime = await endsWithin(this.limits.closeTimeoutMs, closing);
    if (!inTime && model !== undefined) cutSocket(model);
    this.#lost();
  }

  /**
   * Runs inside amqplib's recovery, which starts to listen to the connection only afterwards.
   * Before that, an error would crash the process and a close would go unnoticed, so the listeners
   * are added first. amqplib would also wait without limit when it closes a failed connection, so
   * the close here has a deadline, after which the socket is destroyed.
   */
  async #setUp(model: ChannelModel, host: string): Promise<void> {
    let ended: Error | undefined;
    model.on('error', (error) => {
      ended ??= error;
    });
    model.on('close', (error) => {
      ended ??= error ?? new Error('connection closed');
      if (this.#model === model) this.#lost();
    });
    model.on('blocked', (reason) => this.#setBlocked(model, true, reason));
    model.on('unblocked', () => this.#setBlocked(model, false, ''));
    const opened = this.#openChannels(model, () => ended).catch((error: unknown) => {
      ended ??= error instanceof Error ? error : new Error(String(error));
    });
    if (!(await endsWithin(this.limits.setupTimeoutMs, opened))) {
      ended ??= new Error(`channels were not open within ${this.limits.setupTimeoutMs} ms`);
    }
    if (this.#closed) ended ??= new Error('closed meanwhile');
    if (ended !== undefined) {
      if (this.#model === model) this.#lost();
      await endsWithin(this.limits.closeTimeoutMs, model.close());
      cutSocket(model);
      throw ended;
    }
    this.#connected = true;
    this.log.info({ host }, 'connected to RabbitMQ');
    this.#changed();
  }

  async #openChannels(model: ChannelModel, ended: () => Error | undefined): Promise<void> {
    const old = await declareTopology(async () => {
      const channel = await model.createConfirmChannel();
      channel.on('error', () => {}); // The failed call rejects with the same error.
      return channel;
    }, this.homes);
    if (old.length > 0)
      this.log.warn({ queues: old }, 'queues declared by an older version are used unchanged');
    const error = ended();
    if (error !== undefined) throw error;
    // Until here, the connection to another host served on, if there was one.
    this.#model = model;
    this.#declared = true;
    this.#blocked = false;
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.open(model)));
  }

  #lost(): void {
    const wasConnected = this.#connected;
    this.#model = undefined;
    this.#declared = false;
    this.#connected = false;
    this.#blocked = false;
    if (wasConnected && !this.#closed) this.log.warn('connection to RabbitMQ lost');
    this.#changed();
  }

  #setBlocked(model: ChannelModel, blocked: boolean, reason: string): void {
    if (this.#model !== model) return;
    this.#blocked = blocked;
    this.log.warn(
      { reason },
      blocked ? 'RabbitMQ accepts no messages' : 'RabbitMQ accepts messages again',
    );
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
