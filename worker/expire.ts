import type { Home } from '../contracts/homes.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';
import { type FailureKind, kindOfFailure } from './retry.ts';

const EXPIRE_INTERVAL_MS = 1_000;
/** Orders per transaction. */
const EXPIRE_ORDERS_MAX = 500;
/** A SKU whose orders cannot be expired is left out for this time. */
const SKU_PAUSE_MS = 10_000;

export interface ExpireOptions {
  readonly schema: Home;
  /** The SKUs with overdue unpaid orders. */
  readonly overdueSkus: () => Promise<readonly string[]>;
  /** Expires at most `ordersMax` of these orders in one transaction; returns how many. */
  readonly expireOrders: (skus: readonly string[], ordersMax: number) => Promise<number>;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
  readonly stopping: AbortSignal;
  /** Monotonic. */
  readonly nowMs?: () => number;
}

/**
 * Expires unpaid orders whose time to pay is over, which frees their units. All workers may do this
 * at once, because the routine skips orders that another worker is expiring.
 *
 * The orders of one SKU may fail by themselves: an open transaction holds its slots, its books are broken, or
 * they take longer than the statement timeout. Then the SKUs are expired one by one, and that SKU with fewer
 * orders at a time. If not even one order can be expired, the SKU is left out for a while.
 */
export function expireOverdueOrders(options: ExpireOptions): Promise<void> {
  const expiry = new Expiry(options);
  return repeat(EXPIRE_INTERVAL_MS, options.stopping, () => expiry.round());
}

/** A SKU that is left out until a time. */
interface LeftOut {
  readonly trouble: Trouble;
  readonly untilMs: number;
}

/** One round is what `expireOverdueOrders` does each second. */
export class Expiry {
  readonly #options: ExpireOptions;
  readonly #what: string;
  readonly #trouble: Trouble;
  readonly #nowMs: () => number;
  readonly #leftOut = new Map<string, LeftOut>();

  constructor(options: ExpireOptions) {
    this.#options = options;
    this.#what = `expiry of ${options.schema} orders`;
    this.#trouble = new Trouble(options.log, this.#what);
    this.#nowMs = options.nowMs ?? (() => performance.now());
    // A rate needs the counter from its beginning.
    options.metrics.expiredOrders.inc({ schema: options.schema }, 0);
  }

  async round(): Promise<'more' | 'idle'> {
    try {
      const overdue = await this.#call('overdue_skus', this.#options.overdueSkus);
      this.#forgetWorking(overdue);
      const nowMs = this.#nowMs();
      const skus = overdue.filter((sku) => nowMs >= (this.#leftOut.get(sku)?.untilMs ?? nowMs));
      const isMore = await this.#expireAll(skus);
      this.#trouble.fine();
      return isMore ? 'more' : 'idle';
    } catch (error) {
      this.#trouble.failed(error);
      return 'idle';
    }
  }

  /** A SKU without overdue orders works again, also if another worker has expired them. */
  #forgetWorking(overdue: readonly string[]): void {
    for (const [sku, { trouble }] of this.#leftOut) {
      if (overdue.includes(sku)) continue;
      trouble.fine();
      this.#leftOut.delete(sku);
    }
  }

  /** @returns whether there may be more to expire at once; so does the next method */
  async #expireAll(skus: readonly string[]): Promise<boolean> {
    if (skus.length > 1) {
      try {
        return (await this.#expire(skus, EXPIRE_ORDERS_MAX)) === EXPIRE_ORDERS_MAX;
      } catch (error) {
        ofTheOrders(error);
      }
    }
    let isMore = false;
    for (const sku of skus) isMore = (await this.#expireOne(sku)) || isMore;
    return isMore;
  }

  /** Expires up to `EXPIRE_ORDERS_MAX` orders of a SKU, fewer in a transaction after each failure. */
  async #expireOne(sku: string): Promise<boolean> {
    let ordersMax = EXPIRE_ORDERS_MAX;
    let left = EXPIRE_ORDERS_MAX;
    while (left > 0 && !this.#options.stopping.aborted) {
      const asked = Math.min(ordersMax, left);
      try {
        const expired = await this.#expire([sku], asked);
        if (expired < asked) return false;
        left -= expired;
      } catch (error) {
        // A held lock is in the way of fewer orders as well.
        if (ofTheOrders(error) === 'held' || asked === 1) {
          this.#leaveOut(sku, error);
          return false;
        }
        ordersMax = Math.ceil(asked / 2);
      }
    }
    return true;
  }

  #leaveOut(sku: string, error: unknown): void {
    const { trouble } = this.#leftOut.get(sku) ?? {
      trouble: new Trouble(this.#options.log, `${this.#what} of ${sku}`),
    };
    trouble.failed(error);
    this.#leftOut.set(sku, { trouble, untilMs: this.#nowMs() + SKU_PAUSE_MS });
  }

  async #expire(skus: readonly string[], ordersMax: number): Promise<number> {
    const { schema, metrics, expireOrders } = this.#options;
    const expired = await this.#call('expire_orders_of', () => expireOrders(skus, ordersMax));
    metrics.expiredOrders.inc({ schema }, expired);
    return expired;
  }

  /** Makes a call, and counts in the metrics how long it took or how it failed. */
  async #call<T>(routine: string, call: () => Promise<T>): Promise<T> {
    const { schema, metrics } = this.#options;
    const stop = metrics.procedureSeconds.startTimer({ schema, routine });
    try {
      const answer = await call();
      stop();
      return answer;
    } catch (error) {
      metrics.retries.inc({ schema, routine, kind: kindOfFailure(error) });
      throw error;
    }
  }
}

/** @throws the error if the orders of other SKUs would fail as well */
function ofTheOrders(error: unknown): FailureKind {
  const kind = kindOfFailure(error);
  if (kind === 'transient') throw error;
  return kind;
}
