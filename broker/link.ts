import type { Duplex } from 'node:stream';
import { urlsOfHosts } from '../contracts/cluster-url.ts';
import type { Log } from '../process/log.ts';
import { type ChannelModel, connect, type RecoveringChannelModel } from './amqp.ts';
import { trustedBy } from './tls.ts';

/**
 * A connection to one host of a cluster at a time. It reconnects by itself: after a loss or a failed
 * try, to the next host.
 */

export interface LinkLimits {
  readonly reconnectDelayInitialMs: number;
  readonly reconnectDelayMaxMs: number;
  /** For the TCP connect and the AMQP handshake. */
  readonly connectTimeoutMs: number;
  /** A silent peer is detected after two to three heartbeats. */
  readonly heartbeatSeconds: number;
}

export interface LinkOptions {
  /** URLs of one host each, in the order in which they are tried. */
  readonly hosts: readonly string[];
  /** Shown in the management UI and by `rabbitmqctl list_connections`. */
  readonly name: string;
  readonly log: Log;
  readonly limits: LinkLimits;
  /** Called with each new connection. If it fails, the connection is tried again. */
  readonly setUp: (model: ChannelModel, link: Link) => Promise<void>;
}

/**
 * Returns the hosts of `url` in random order, as URLs of one host each, so that many connections spread
 * over all hosts.
 */
export function shuffledHosts(url: string): string[] {
  return urlsOfHosts(url)
    .map((one) => ({ one, rank: Math.random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ one }) => one);
}

export class Link {
  readonly #options: LinkOptions;
  #recovering: RecoveringChannelModel | undefined;
  /** Index of the host that is connected or tried next. */
  #turn = 0;
  #model: ChannelModel | undefined;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Returns at once. The background keeps connecting and reconnecting until `close()`. */
  open(): Promise<void> {
    return this.#start({ waitForConnect: false });
  }

  /**
   * Resolves when connected to the first host.
   *
   * @throws {Error} after one failed try
   */
  openAtFirst(): Promise<void> {
    return this.#start({ waitForConnect: true, initialMaxRetries: 0 });
  }

  /** The connection that is set up; undefined while there is none. */
  get model(): ChannelModel | undefined {
    return this.#model;
  }

  /** `host:port` of the host that is connected or tried next. */
  get host(): string {
    return this.#url.host;
  }

  get isAtFirst(): boolean {
    return this.#turn === 0;
  }

  /** Closes the connection and stops reconnecting. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#recovering?.close();
  }

  get #url(): URL {
    return new URL(this.#options.hosts[this.#turn] as string);
  }

  async #start(recovery: { waitForConnect: boolean; initialMaxRetries?: number }): Promise<void> {
    const { limits, log, name, setUp } = this.#options;
    const recovering = await connect(this.#address(), {
      // Nagle's algorithm together with delayed ACKs would hold a single publish for 40 ms.
      noDelay: true,
      timeout: limits.connectTimeoutMs,
      ...trustedBy(this.#options.hosts[0] ?? ''),
      clientProperties: { connection_name: name },
      recovery: {
        ...recovery,
        initialDelay: limits.reconnectDelayInitialMs,
        maxDelay: limits.reconnectDelayMaxMs,
        jitter: 0.5,
        setup: async (model: ChannelModel) => {
          // Without a listener, an error before amqplib listens itself would end the process.
          model.on('error', () => {});
          await setUp(model, this);
          this.#model = model;
        },
      },
    });
    this.#recovering = recovering;
    if (this.#closed) await recovering.close();
    recovering.on('error', (err) => log.warn({ err }, 'RabbitMQ connection failed'));
    recovering.on('disconnect', () => {
      this.#model = undefined;
      this.#goOn();
    });
    recovering.on('connect-failed', (err) => {
      log.warn({ err, host: this.host }, 'no connection to RabbitMQ');
      this.#goOn();
    });
  }

  #goOn(): void {
    this.#turn = (this.#turn + 1) % this.#options.hosts.length;
  }

  /** The address for amqplib, which reads host and port again at each try. */
  #address() {
    const current = () => this.#url;
    const { protocol, username, password, pathname, searchParams } = current();
    const parameter = (key: string) => {
      const value = searchParams.get(key);
      return value === null ? {} : { [key]: Number(value) };
    };
    return {
      protocol: protocol.slice(0, -1),
      ...(username !== '' && { username: decodeURIComponent(username) }),
      ...(password !== '' && { password: decodeURIComponent(password) }),
      vhost: pathname.slice(1),
      heartbeat: this.#options.limits.heartbeatSeconds,
      ...parameter('heartbeat'),
      ...parameter('channelMax'),
      ...parameter('frameMax'),
      get hostname() {
        return current().hostname.replace(/^\[|\]$/g, '');
      },
      get port() {
        return Number(current().port); // 0 stands for the scheme's default.
      },
    };
  }
}

/**
 * Ends a connection whose peer does not answer. amqplib has no call for this; an error on the
 * socket moves it from any state to the closed one.
 */
export function cutSocket(model: ChannelModel): void {
  const { stream } = model.connection as { stream?: Duplex };
  if (stream?.destroyed === false) stream.destroy(new Error('RabbitMQ did not answer in time'));
}
