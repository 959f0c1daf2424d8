import type { Duplex } from 'node:stream';
import type { Log } from '../process/log.ts';
import { type Channel, type ChannelModel, connect, type RecoveringChannelModel } from './amqp.ts';
import { ChannelKeeper, type ChannelUser } from './channel.ts';
import { endsWithin } from './deadline.ts';
import { declareTopology } from './topology.ts';

/**
 * A connection to RabbitMQ that comes back by itself.
 *
 * A process that consumes and publishes opens two: the broker stops reading a publishing connection
 * while its memory or disk alarm is on, acknowledgements included, and a worker that cannot
 * acknowledge cannot empty the queue that raised the alarm.
 */

export interface ConnectionLimits {
  readonly reconnectDelayInitialMs: number;
  readonly reconnectDelayMaxMs: number;
  /** TCP connect and AMQP handshake. */
  readonly connectTimeoutMs: number;
  /** Topology and channels after a (re)connect. */
  readonly setupTimeoutMs: number;
  readonly closeTimeoutMs: number;
  /** A silent peer is noticed after two to three of these. */
  readonly heartbeatSeconds: number;
  /** Pause before a channel that was closed alone is opened again. */
  readonly channelReopenDelayMs: number;
  /**
   * AMQP frames that a channel keeps while its socket takes no more, twice over (in and out of its
   * buffer); then its publisher pauses until `drain`. A message is one frame, or two if it is long.
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
  /** amqp:// or amqps://, the virtual host included. */
  readonly url: string;
  /** Shown in the management UI and in `rabbitmqctl list_connections`. */
  readonly name: string;
  readonly log: Log;
  readonly limits?: Partial<ConnectionLimits>;
}

/** There is no connection at this moment; it is being re-established. */
class BrokerUnavailable extends Error {
  override name = 'BrokerUnavailable';
}

export class BrokerConnection {
  readonly log: Log;
  readonly limits: ConnectionLimits;
  readonly #keepers = new Map<ChannelUser, ChannelKeeper>();
  readonly #listeners = new Set<() => void>();
  #recovering: RecoveringChannelModel | undefined;
  /** The connection of this moment; set before its channels are opened. */
  #model: ChannelModel | undefined;
  /** Users that are attached from now on open their channels themselves. */
  #declared = false;
  #connected = false;
  #blocked = false;
  #closed = false;

  private constructor(options: ConnectionOptions) {
    this.log = options.log.child({ connection: options.name });
    this.limits = { ...CONNECTION_LIMITS, ...options.limits };
  }

  /** Returns at once; the first connection is made, and remade for ever, in the background. */
  static async open(options: ConnectionOptions): Promise<BrokerConnection> {
    const connection = new BrokerConnection(options);
    await connection.#start(options);
    return connection;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** The broker has an alarm on and reads nothing that this connection publishes. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Resolves when connected, with topology and channels in place. Never rejects. */
  async whenConnected(): Promise<void> {
    while (!this.#connected) {
      const changed = Promise.withResolvers<void>();
      const undo = this.onChange(changed.resolve);
      await changed.promise;
      undo();
    }
  }

  /** Calls `listener` after each change of `connected` or `blocked`; returns the undo. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Gives `user` a channel now and after every reconnect. Resolves when it was opened on the present
   * connection, or at once when there is none.
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
   * A channel for one task; the caller closes it. It is not reopened: its `close` event is the end.
   *
   * @throws {BrokerUnavailable}
   */
  async openChannel(): Promise<Channel> {
    if (this.#model === undefined) throw new BrokerUnavailable('not connected to RabbitMQ');
    const channel = await this.#model.createConfirmChannel();
    channel.on('error', (error) => this.log.warn({ err: error }, 'channel closed by the broker'));
    channel.on('handler-error', (error, event) => this.log.error({ err: error, event }, 'bug'));
    return channel;
  }

  /** Ends the connection for good. What was not acknowledged or confirmed stays so. */
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
      // Nagle's algorithm and delayed ACKs would hold a lone publish for 40 ms.
      noDelay: true,
      timeout: limits.connectTimeoutMs,
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
   * Runs inside amqplib's recovery, which listens to the connection only afterwards: an error or a
   * close in between would crash the process or go unseen, and its own close of a failed connection
   * waits for an answer without end. Hence the listeners first, and the deadline with a cut.
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
      ended ??= new Error(`no channels within ${this.limits.setupTimeoutMs} ms`);
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
    if (old.length > 0) this.log.warn({ queues: old }, 'declared by an older version, used as is');
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
    this.log.warn({ reason }, blocked ? 'RabbitMQ takes no messages' : 'RabbitMQ takes messages');
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** amqplib reads the heartbeat from the URL only. One that stands there already wins. */
function withHeartbeat(url: string, seconds: number): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(seconds));
  return parsed.href;
}

/**
 * Ends a connection whose peer does not answer. amqplib has no call for it; an error on the socket is
 * what makes it move to its closed state from any other.
 */
function cutSocket(model: ChannelModel): void {
  const { stream } = model.connection as { stream?: Duplex };
  if (stream?.destroyed === false) stream.destroy(new Error('RabbitMQ did not answer in time'));
}
