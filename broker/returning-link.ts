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

interface ReturningLinkOptions extends Omit<LinkOptions, 'setUp'> {
  readonly limits: ReturnLimits;
  /** Called with each new connection. Moves the users to it. */
  readonly setUp: (model: ChannelModel, host: string) => Promise<void>;
  /** The connection that the users have. */
  readonly inUse: () => ChannelModel | undefined;
}

export class ReturningLink {
  readonly #options: ReturningLinkOptions;
  /** The link in use. */
  #link: Link;
  /** The link that may take its place. */
  #next: Link | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: ReturningLinkOptions) {
    this.#options = options;
    this.#link = this.#createLink();
  }

  /** Returns at once. The background keeps connecting and reconnecting until `close()`. */
  static async open(options: ReturningLinkOptions): Promise<ReturningLink> {
    const link = new ReturningLink(options);
    await link.#link.open();
    link.#returnLater();
    return link;
  }

  /** `host:port` of the host that is connected or tried next. */
  get host(): string {
    return this.#link.host;
  }

  /** Closes the connection and stops reconnecting. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#link.close(), this.#next?.close()]);
  }

  #createLink(): Link {
    const setUp = async (model: ChannelModel, link: Link) => {
      // While another link takes the users over, or has done so, this one may not take them back.
      const isFree = this.#next === undefined ? link === this.#link : link === this.#next;
      if (this.#closed || !isFree) throw new Error('another host is in use');
      await this.#options.setUp(model, link.host);
    };
    return new Link({ ...this.#options, setUp });
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

  /** Never rejects. */
  async #returnToFirst(): Promise<void> {
    const old = this.#link;
    if (old.isAtFirst || old.model === undefined) return;
    const { limits, log, inUse } = this.#options;
    const next = this.#createLink();
    this.#next = next;
    try {
      await next.openAtFirst();
      this.#link = next;
      this.#next = undefined;
      await sleep(limits.returnGraceMs);
      const { model } = old;
      await endsWithin(limits.closeTimeoutMs, old.close());
      if (model !== undefined) cutSocket(model);
    } catch (error) {
      log.info({ err: error }, 'the preferred RabbitMQ host is not back yet');
      this.#next = undefined;
      // If users have moved already, the old connection starts anew and takes them all.
      if (old.model !== undefined && inUse() !== old.model) cutSocket(old.model);
    }
    if (this.#closed) await Promise.all([old.close(), next.close()]);
  }
}
