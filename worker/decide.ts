import { setTimeout as sleep } from 'node:timers/promises';
import type { DeadCause } from '../contracts/dead-letters.ts';
import type { OrderTerms, Verdict } from '../contracts/messages.ts';
import type { Decision as Placed } from '../db/orders.ts';
import type { AdmittedRequest } from '../db/place-call.ts';
import type { Log } from '../process/log.ts';
import { type Span, traceIdsOf } from '../process/spans.ts';
import { CallSizes } from './call-size.ts';
import { type FailureKind, kindOfFailure, type RetryLimits, retryDelayMs } from './retry.ts';

/**
 * Decides requests with place_orders despite failures. It waits until an outage is over. If a request
 * makes every call fail, it finds that request by halving the batch and gives up only that one. A batch
 * that takes longer than the statement timeout is halved as well; a single request waits then.
 */

export interface DecidedRequest extends AdmittedRequest {
  /** Set only if the request is traced. */
  readonly span?: Span;
}

/** One call of place_orders; the results are in the order of the requests. */
export type PlaceOrders = (
  sku: string,
  requests: readonly DecidedRequest[],
  wait: boolean,
) => Promise<readonly Placed[]>;

export type Decision =
  | {
      readonly kind: 'decided';
      readonly verdict: Verdict;
      /** Terms of the placed orders; all decisions of one call share the same object. */
      readonly terms?: OrderTerms;
    }
  /** Needs another call. `isEarly`: only after a pause, as the database's clock is before the opening. */
  | { readonly kind: 'locked'; readonly isEarly?: true }
  /** The call of this request alone fails each time. */
  | { readonly kind: 'poison'; readonly cause: DeadCause; readonly error: unknown }
  /** The process is stopping and the request was not decided. */
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
  readonly #sizes = new CallSizes();
  /**
   * Requests given up since the last successful call. Many in a row point to another cause, such as a
   * routine that was replaced by one with a bug; those requests must not become dead letters.
   */
  #poisonInARow = 0;

  constructor(options: DeciderOptions) {
    this.#options = options;
  }

  /** Returns one decision for each request, in order. Never rejects. */
  async decide(
    sku: string,
    requests: readonly DecidedRequest[],
    wait: boolean,
  ): Promise<readonly Decision[]> {
    const { stopping, limits } = this.#options;
    let attempts = 0;
    let permanent = 0;
    let slow = 0;
    while (!stopping.aborted) {
      if (requests.length > this.#sizes.of(sku)) return this.#halve(sku, requests, wait);
      try {
        return await this.#call(sku, requests, wait);
      } catch (error) {
        attempts += 1;
        const kind = this.#failed(error, sku, requests, attempts);
        if (kind === 'permanent') {
          permanent += 1;
          if (requests.length > 1) return this.#halve(sku, requests, wait);
          if (permanent >= limits.poisonAttemptsMax) return [this.#giveUp(error)];
        }
        if (kind === 'slow') {
          slow += 1;
          if (slow >= limits.slowAttemptsMax) this.#sizes.tookTooLong(sku, requests.length);
        }
        await this.#pause(attempts);
      }
    }
    return requests.map(() => ({ kind: 'abandoned' }));
  }

  async #call(
    sku: string,
    requests: readonly DecidedRequest[],
    wait: boolean,
  ): Promise<readonly Decision[]> {
    const startMs = performance.now();
    const placed = await this.#options.placeOrders(sku, requests, wait);
    const decisions = requests.map((request, index) => decisionOf(request, placed[index]));
    const seconds = (performance.now() - startMs) / 1_000;
    this.#poisonInARow = 0;
    this.#sizes.ended(sku, requests.length, seconds);
    this.#options.onCall?.(requests.length, seconds);
    return decisions;
  }

  /** Decides one half after the other, so that failures do not add concurrent database calls. */
  async #halve(
    sku: string,
    requests: readonly DecidedRequest[],
    wait: boolean,
  ): Promise<readonly Decision[]> {
    const middle = Math.ceil(requests.length / 2);
    const first = await this.decide(sku, requests.slice(0, middle), wait);
    const second = await this.decide(sku, requests.slice(middle), wait);
    return [...first, ...second];
  }

  /** Poison, unless no call succeeds at all: then the request is tried again in a batch. */
  #giveUp(error: unknown): Decision {
    if (this.#poisonInARow >= this.#options.limits.poisonInARowMax) return { kind: 'locked' };
    this.#poisonInARow += 1;
    return { kind: 'poison', cause: 'failed', error };
  }

  #failed(
    error: unknown,
    sku: string,
    requests: readonly DecidedRequest[],
    attempts: number,
  ): FailureKind {
    const kind = kindOfFailure(error);
    this.#options.onRetry?.(kind);
    // A long outage is logged at its 1st, 2nd, 4th, 8th … attempt.
    if (kind !== 'collision' && Number.isInteger(Math.log2(attempts))) {
      const what = { err: error, kind, sku, requests: requests.length, attempts };
      this.#options.log.warn({ ...what, ...traceIdsOf(requests) }, 'place_orders failed');
    }
    return kind;
  }

  async #pause(attempts: number): Promise<void> {
    const { limits, stopping } = this.#options;
    const delayMs = retryDelayMs(attempts, Math.random(), limits);
    // The sleep rejects when the process stops; the loop checks that itself.
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
    // The database has stored no outcome, so this is not final: the SKU may be created later.
    // (placeOrders itself follows a SKU that has moved to the other schema.)
    return { kind: 'poison', cause: 'unknown_sku', error: new Error('no catalogue has this SKU') };
  }
  const { requestId, status, reason, orderNo, units, amount, packet, seats, terms } = placed;
  return {
    kind: 'decided',
    verdict: {
      requestId,
      status,
      units,
      ...(reason !== null && { reason }),
      ...(orderNo !== null && { orderNo }),
      ...(amount !== undefined && { amount }),
      ...(packet !== undefined && { packet }),
      ...(seats !== undefined && { seats }),
    },
    ...(terms && { terms }),
  };
}
