import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelModel } from './amqp.ts';
import { endsWithin } from './deadline.ts';
import { cutSocket, Link, type LinkLimits, type LinkOptions } from './link.ts';

/**
 * A link that prefers its first host. It goes on to another when that host is lost, and returns when the
 * host is back: the new connection is in use before the old one is closed.
 */

export interface ReturnLimits extends LinkLimits {
  readonly closeTimeoutMs: number;
  /** Mean pause between two tries to return to the first host. */
  readonly returnDelayMs: number;
  /** How long the old connection still takes confirms and acknowledgements after a return. */
  readonly returnGraceMs: number;
}

interface ReturningLinkOptions extends LinkOptions {
  readonly limits: ReturnLimits;
}

export class ReturningLink {
  readonly #options: ReturningLinkOptions;
  #link: Link | undefined;
  /** The connection that was set up last. */
  #model: ChannelModel | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: ReturningLinkOptions) {
    const setUp = async (model: ChannelModel, host: string) => {
      this.#model = model;
      await options.setUp(model, host);
    };
    this.#options = { ...options, setUp };
  }

  /** Returns at once. The background keeps connecting and reconnecting until `close()`. */
  static async open(options: ReturningLinkOptions): Promise<ReturningLink> {
    const link = new ReturningLink(options);
    link.#link = await Link.open(link.#options);
    link.#returnLater();
    return link;
  }

  /** `host:port` of the host that is connected or tried next. */
  get host(): string | undefined {
    return this.#link?.host;
  }

  /** Closes the connection and stops reconnecting. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#link?.close();
  }

  #returnLater(): void {
    const { hosts, limits } = this.#options;
    if (this.#closed || hosts.length === 1) return;
    const delayMs = limits.returnDelayMs * (0.5 + Math.random());
    this.#timer = setTimeout(async () => {
      await this.#returnToFirst();
      this.#returnLater();
    }, delayMs).unref();
  }

  /** Never rejects. The users of the connection move when the new one is set up. */
  async #returnToFirst(): Promise<void> {
    const [old, model] = [this.#link, this.#model];
    if (old === undefined || old.isAtFirst || model === undefined) return;
    const { limits, log } = this.#options;
    try {
      const link = await Link.openAtFirst(this.#options);
      this.#link = link;
      if (this.#closed) await link.close();
      await sleep(limits.returnGraceMs);
      await endsWithin(limits.closeTimeoutMs, old.close());
      cutSocket(model);
    } catch (error) {
      log.info({ err: error }, 'the preferred RabbitMQ host is not back yet');
      // The users may have moved already. The old connection then starts anew.
      if (this.#model !== model) cutSocket(model);
    }
  }
}
