import type { Duplex } from 'node:stream';
import type { Log } from '../process/log.ts';
import { type Channel, type ChannelModel, connect, type RecoveringChannelModel } from './amqp.ts';
import { ChannelKeeper, type ChannelUser } from './channel.ts';
import { endsWithin } from './deadline.ts';
import { trustedBy } from './tls.ts';
import { declareTopology } from './topology.ts';

/**
 * A connection to RabbitMQ that reconnects by itself.
 *
 * A process that both consumes and publishes opens two. While a memory or disk alarm is on, the
 * broker stops reading from publishing connections, including their acknowledgements. A worker that
 * cannot acknowledge cannot empty the queue that raised the alarm.
 */

export interface ConnectionLimits {
  readonly reconnectDelayInitialMs: number;
  readonly reconnectDelayMaxMs: number;
  /** For the TCP connect and the AMQP handshake. */
  readonly connectTimeoutMs: number;
  /** For declaring the topology and opening the channels after a (re)connect. */
  readonly setupTimeoutMs: number;
  readonly closeTimeoutMs: number;
  /** A silent peer is detected after two to three heartbeats. */
  readonly heartbeatSeconds: number;
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
  heartbeatSeconds: 10,
  channelReopenDelayMs: 500,
  channelFramesMax: 1_024,
};

export interface ConnectionOptions {
  /** amqp:// or amqps://, including the virtual host. */
  readonly url: string;
  /** Shown in the management UI and by `rabbitmqctl list_connections`. */
  readonly name: string;
  readonly log: Log;
  readonly limits?: Partial<ConnectionLimits>;
}

/** There is no connection now; a reconnect is under way. */
class BrokerUnavailable extends Error {
  override name = 'BrokerUnavailable';
}

export class BrokerConnection {
  readonly log: Log;
  readonly limits: ConnectionLimits;
  readonly #keepers = new Map<ChannelUser, ChannelKeeper>();
  readonly #listeners = new Set<() => void>();
  #recovering: RecoveringChannelModel | undefined;
  /** The current connection; set before its channels are opened. */
  #model: ChannelModel | undefined;
  /** The topology is declared: users attached from now on open their channels at once. */
  #declared = false;
  #connected = false;
  #blocked = false;
  #closed = false;

  private constructor(options: ConnectionOptions) {
    this.log = options.log.child({ connection: options.name });
    this.limits = { ...CONNECTION_LIMITS, ...options.limits };
  }

  /** Returns at once. The background keeps connecting and reconnecting until `close()`. */
  static async open(options: ConnectionOptions): Promise<BrokerConnection> {
    const connection = new BrokerConnection(options);
    await connection.#start(options);
    return connection;
  }

  get connected(): boolean {
    return this.#connected;
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
    const closing = this.#recovering?.close() ?? Promise.resolve();
    const inTime = await endsWithin(this.limits.closeTimeoutMs, closing);
    if (!inTime && model !== undefined) cutSocket(model);
    this.#lost();
  }

  async #start(options: ConnectionOptions): Promise<void> {
    const { limits, log } = this;
    this.#recovering = await connect(withHeartbeat(options.url, limits.heartbeatSeconds), {
      // Nagle's algorithm together with delayed ACKs would hold a single publish for 40 ms.
      noDelay: true,
      timeout: limits.connectTimeoutMs,
      ...trustedBy(options.url),
      clientProperties: { connection_name: options.name },
      recovery: {
        initialDelay: limits.reconnectDelayInitialMs,
        maxDelay: limits.reconnectDelayMaxMs,
        jitter: 0.5,
        waitForConnect: false,
        setup: (model: ChannelModel) => this.#setUp(model),
      },
    });
    this.#recovering.on('error', (error) => log.warn({ err: error }, 'RabbitMQ connection failed'));
    this.#recovering.on('connect-failed', (error) =>
      log.warn({ err: error }, 'no connection to RabbitMQ'),
    );
  }

  /**
   * Runs inside amqplib's recovery, which starts to listen to the connection only afterwards.
   * Before that, an error would crash the process and a close would go unnoticed, so the listeners
   * are added first. amqplib would also wait without limit when it closes a failed connection, so
   * the close here has a deadline, after which the socket is destroyed.
   */
  async #setUp(model: ChannelModel): Promise<void> {
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
    this.#model = model;
    const opened = this.#openChannels(model).catch((error: unknown) => {
      ended ??= error instanceof Error ? error : new Error(String(error));
    });
    if (!(await endsWithin(this.limits.setupTimeoutMs, opened))) {
      ended ??= new Error(`channels were not open within ${this.limits.setupTimeoutMs} ms`);
    }
    if (this.#closed) ended ??= new Error('closed meanwhile');
    if (ended !== undefined) {
      this.#lost();
      await endsWithin(this.limits.closeTimeoutMs, model.close());
      cutSocket(model);
      throw ended;
    }
    this.#connected = true;
    this.log.info('connected to RabbitMQ');
    this.#changed();
  }

  async #openChannels(model: ChannelModel): Promise<void> {
    const old = await declareTopology(async () => {
      const channel = await model.createConfirmChannel();
      channel.on('error', () => {}); // The failed call rejects with the same error.
      return channel;
    });
    if (old.length > 0)
      this.log.warn({ queues: old }, 'queues declared by an older version are used unchanged');
    this.#declared = true;
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

/** amqplib reads the heartbeat only from the URL. A heartbeat that the URL already has is kept. */
function withHeartbeat(url: string, seconds: number): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(seconds));
  return parsed.href;
}

/**
 * Ends a connection whose peer does not answer. amqplib has no call for this; an error on the
 * socket moves it from any state to the closed one.
 */
function cutSocket(model: ChannelModel): void {
  const { stream } = model.connection as { stream?: Duplex };
  if (stream?.destroyed === false) stream.destroy(new Error('RabbitMQ did not answer in time'));
}
