import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Home } from '../../contracts/homes.ts';

/**
 * Tells whether this node is overloaded. It takes samples at intervals, so the answer for each
 * request comes from memory. A cause ends well below the threshold at which it began, so that the
 * gate does not switch back and forth.
 */

const SAMPLE_MS = 250;
const QUEUE_POLL_MS = 1_000;
/** A dozen samples a quarter of a second. Each is a wake-up, also of an idle node. */
const LOOP_RESOLUTION_MS = 20;
/** A cause ends below this share of its threshold. */
const RELEASE_SHARE = 0.5;
/** Older figures of the queues are not used. */
const FIGURES_TTL_MS = 10_000;

export const OVERLOAD_CAUSES = ['event_loop', 'queue', 'unconfirmed', 'broker', 'circuit'] as const;
export type OverloadCause = (typeof OVERLOAD_CAUSES)[number];

export interface PressureLimits {
  /** Delay of timers in this process: the 90th percentile over a quarter of a second. */
  readonly eventLoopDelayMs: number;
  /** Messages that are waiting in one orders queue. */
  readonly queueMessages: number;
  /** Messages that are published but not confirmed yet. */
  readonly unconfirmedMessages: number;
}

export interface PressureSources {
  readonly unconfirmed: () => number;
  /** Messages in the orders queue of each home. Rejects while the broker gives no figures. */
  readonly queueMessages: () => Promise<ReadonlyMap<Home, number>>;
}

/** A threshold with a lower value at which it is left again. */
export class Threshold {
  readonly #limit: number;
  #isOver = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  judge(value: number): boolean {
    this.#isOver = value > this.#limit * (this.#isOver ? RELEASE_SHARE : 1);
    return this.#isOver;
  }
}

export class Pressure {
  readonly #sources: PressureSources;
  readonly #delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  readonly #loop: Threshold;
  readonly #unconfirmed: Threshold;
  readonly #queueMessages: number;
  readonly #queues = new Map<Home, Threshold>();
  readonly #timers: NodeJS.Timeout[] = [];
  #isLoopLate = false;
  #isWindowFull = false;
  #longQueues = new Set<Home>();
  #figuresAtMs = Number.NEGATIVE_INFINITY;
  #isAsking = false;

  constructor(limits: PressureLimits, sources: PressureSources) {
    this.#sources = sources;
    this.#loop = new Threshold(limits.eventLoopDelayMs);
    this.#unconfirmed = new Threshold(limits.unconfirmedMessages);
    this.#queueMessages = limits.queueMessages;
  }

  start(): void {
    this.#delay.enable();
    this.#timers.push(
      setInterval(() => this.#sample(), SAMPLE_MS),
      setInterval(() => void this.#askQueues(), QUEUE_POLL_MS),
    );
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#delay.disable();
  }

  /** The reason why a request of this home should not be taken now, if there is one. */
  cause(home: Home): OverloadCause | undefined {
    if (this.#isLoopLate) return 'event_loop';
    if (this.#isWindowFull) return 'unconfirmed';
    return this.#longQueues.has(home) ? 'queue' : undefined;
  }

  #sample(): void {
    const lateMs = this.#delay.percentile(90) / 1e6 - LOOP_RESOLUTION_MS;
    this.#delay.reset();
    this.#isLoopLate = this.#loop.judge(lateMs);
    this.#isWindowFull = this.#unconfirmed.judge(this.#sources.unconfirmed());
    // A broker that gives no figures is a cause of its own, not a long queue.
    if (performance.now() - this.#figuresAtMs > FIGURES_TTL_MS) this.#longQueues.clear();
  }

  #thresholdOf(home: Home): Threshold {
    const threshold = this.#queues.get(home) ?? new Threshold(this.#queueMessages);
    this.#queues.set(home, threshold);
    return threshold;
  }

  async #askQueues(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const messages = await this.#sources.queueMessages();
      this.#figuresAtMs = performance.now();
      const long = [...messages].filter(([home, count]) => this.#thresholdOf(home).judge(count));
      this.#longQueues = new Set(long.map(([home]) => home));
    } catch {
      // There are no figures now; the next round asks again.
    } finally {
      this.#isAsking = false;
    }
  }
}
