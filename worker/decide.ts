import { setTimeout as sleep } from 'node:timers/promises';
import type { DeadCause, OrderTerms, Verdict } from '../contracts/messages.ts';
import type { AdmittedRequest, Decision as Placed } from '../db/orders.ts';
import type { Log } from '../process/log.ts';
import { type FailureKind, kindOfFailure, type RetryLimits, retryDelayMs } from './retry.ts';

/**
 * Brings requests through place_orders, whatever it takes: an outage is waited out, a request that
 * makes every call fail is found by halving, and only that one is given up.
 */

/** One call of place_orders; answers in the order of the requests. */
export type PlaceOrders = (
  sku: string,
  requests: readonly AdmittedRequest[],
  wait: boolean,
) => Promise<readonly Placed[]>;

export type Decision =
  | {
      readonly kind: 'decided';
      readonly verdict: Verdict;
      /** Of the orders that its call of place_orders has placed: the same object in each. */
      readonly terms?: OrderTerms;
    }
  /** To be decided by another call; `isEarly`: after a pause, the sale opens later by that clock. */
  | { readonly kind: 'locked'; readonly isEarly?: true }
  /** Its call fails however often and however alone. */
  | { readonly kind: 'poison'; readonly cause: DeadCause; readonly error: unknown }
  /** The process stops; nothing was decided here. */
  | { readonly kind: 'abandoned' };

export interface DeciderOptions {
  readonly placeOrders: PlaceOrders;
  readonly limits: RetryLimits;
  readonly log: Log;
  readonly stopping: AbortSignal;
  readonly onCall?: (requests: number, seconds: number) => void;
  readonly onRetry?: (kind: FailureKind) => void;
}

export class Decider {
  readonly #options: DeciderOptions;
  /**
   * Requests given up since the last call that went well. Many in a row are no poison but, say, a
   * routine that was replaced by one with a bug: those requests must not end as dead letters.
   */
  #poisonInARow = 0;

  constructor(options: DeciderOptions) {
    this.#options = options;
  }

  /** Never rejects. One decision for each request, in their order. */
  async decide(
    sku: string,
    requests: readonly AdmittedRequest[],
    wait: boolean,
  ): Promise<readonly Decision[]> {
    const { stopping, limits } = this.#options;
    let attempts = 0;
    let permanent = 0;
    while (!stopping.aborted) {
      try {
        return await this.#call(sku, requests, wait);
      } catch (error) {
        attempts += 1;
        const kind = this.#failed(error, sku, requests.length, attempts);
        if (kind === 'permanent') {
          permanent += 1;
          if (requests.length > 1) return this.#halve(sku, requests, wait);
          if (permanent >= limits.poisonAttemptsMax) return [this.#giveUp(error)];
        }
        await this.#pause(attempts);
      }
    }
    return requests.map(() => ({ kind: 'abandoned' }));
  }

  async #call(
    sku: string,
    requests: readonly AdmittedRequest[],
    wait: boolean,
  ): Promise<readonly Decision[]> {
    const startMs = performance.now();
    const placed = await this.#options.placeOrders(sku, requests, wait);
    const decisions = requests.map((request, index) => decisionOf(request, placed[index]));
    this.#poisonInARow = 0;
    this.#options.onCall?.(requests.length, (performance.now() - startMs) / 1_000);
    return decisions;
  }

  /** One half after the other: in an hour of trouble the database gets no more calls than before. */
  async #halve(
    sku: string,
    requests: readonly AdmittedRequest[],
    wait: boolean,
  ): Promise<readonly Decision[]> {
    const middle = Math.ceil(requests.length / 2);
    const first = await this.decide(sku, requests.slice(0, middle), wait);
    const second = await this.decide(sku, requests.slice(middle), wait);
    return [...first, ...second];
  }

  /** Poison, unless nothing works at all: then it goes round again, among others. */
  #giveUp(error: unknown): Decision {
    if (this.#poisonInARow >= this.#options.limits.poisonInARowMax) return { kind: 'locked' };
    this.#poisonInARow += 1;
    return { kind: 'poison', cause: 'failed', error };
  }

  #failed(error: unknown, sku: string, requests: number, attempts: number): FailureKind {
    const kind = kindOfFailure(error);
    this.#options.onRetry?.(kind);
    // A long outage is told at its 1st, 2nd, 4th, 8th … attempt.
    if (kind !== 'collision' && Number.isInteger(Math.log2(attempts))) {
      this.#options.log.warn({ err: error, kind, sku, requests, attempts }, 'place_orders failed');
    }
    return kind;
  }

  async #pause(attempts: number): Promise<void> {
    const { limits, stopping } = this.#options;
    const delayMs = retryDelayMs(attempts, Math.random(), limits);
    // Rejects when the process stops: the loop sees that itself.
    await sleep(delayMs, undefined, { signal: stopping }).catch(() => {});
  }
}

function decisionOf(request: AdmittedRequest, placed: Placed | undefined): Decision {
  if (placed?.requestId !== request.requestId) {
    throw new Error(`place_orders did not answer for ${request.requestId}`);
  }
  if (placed.status === 'locked') {
    return { kind: 'locked', ...(placed.reason === 'not_open' && { isEarly: true }) };
  }
  if (placed.status === 'rejected' && placed.reason === 'unknown_sku') {
    // Answered without a record, so it is not final: the SKU may come to be. (One that
    // has moved to the other schema is followed there by placeOrders.)
    return { kind: 'poison', cause: 'unknown_sku', error: new Error('no catalogue has this SKU') };
  }
  const { requestId, status, reason, orderNo, units, amount, terms } = placed;
  return {
    kind: 'decided',
    verdict: {
      requestId,
      status,
      units,
      ...(reason !== null && { reason }),
      ...(orderNo !== null && { orderNo }),
      ...(amount !== undefined && { amount }),
    },
    ...(terms && { terms }),
  };
}
