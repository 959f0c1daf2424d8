/**
 * Decides which requests go into the next call of place_orders, and when. Pure: no clock, no I/O.
 *
 * A call takes requests of one SKU, all of them with chosen units or none. If fewer than `callsInFlightMax` calls are under way, a request
 * waits up to `batchWaitMs` for others to join its batch. Otherwise it waits until a call ends.
 * Batches therefore grow with the load.
 */

export interface BatchLimits {
  readonly batchRequestsMax: number;
  readonly batchWaitMs: number;
  /** Concurrent calls for one schema. */
  readonly callsInFlightMax: number;
}

export const BATCH_LIMITS: BatchLimits = {
  batchRequestsMax: 200,
  batchWaitMs: 2,
  callsInFlightMax: 4,
};

export interface Batch<R> {
  readonly sku: string;
  /** Whether the requests name the units that they want. */
  readonly isChosen: boolean;
  readonly requests: readonly R[];
  /** Whether the call waits for locked slots, because some of the requests were `locked` before. */
  readonly wait: boolean;
}

/** Requests of one SKU and kind that wait for a call. */
interface Lane<R> {
  readonly key: string;
  readonly sku: string;
  readonly isChosen: boolean;
  fresh: R[];
  /** Requests that were `locked` in their last call. They go first and do not wait for others. */
  locked: R[];
  /** When the oldest of `fresh` was added. */
  firstAtMs: number;
  /** No call before this time, because the sale had not opened by the database server's clock. */
  notBeforeMs: number;
  /** A call that waits for locks is under way; another one would wait for the same locks. */
  waitInFlight: boolean;
}

interface Plannable {
  readonly requestId: string;
  readonly positions?: readonly number[];
}

export class BatchPlanner<R extends Plannable> {
  readonly #limits: BatchLimits;
  readonly #lanes = new Map<string, Lane<R>>();
  /** Request ids under decision. A copy of one in a concurrent call would collide with the first. */
  readonly #deciding = new Set<string>();
  #callsInFlight = 0;
  #waiting = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  /** Number of requests that are in no call. */
  get waiting(): number {
    return this.#waiting;
  }

  get callsInFlight(): number {
    return this.#callsInFlight;
  }

  /** @param nowMs monotonic, as in the other methods */
  add(sku: string, request: R, nowMs: number): void {
    const lane = this.#lane(sku, request.positions !== undefined, nowMs);
    lane.fresh.push(request);
    this.#waiting += 1;
  }

  /** Returns the next batch that is due. It counts as in flight until `finished`. */
  next(nowMs: number): Batch<R> | undefined {
    if (this.#callsInFlight >= this.#limits.callsInFlightMax) return undefined;
    for (const lane of this.#lanes.values()) {
      if (lane.waitInFlight || !this.#isDue(lane, nowMs)) continue;
      const batch = this.#take(lane);
      if (batch === undefined) continue;
      // The SKU goes to the end of the order, so that it does not starve others.
      this.#lanes.delete(lane.key);
      if (lane.waitInFlight || lane.fresh.length + lane.locked.length > 0) {
        this.#lanes.set(lane.key, lane);
      }
      return batch;
    }
    return undefined;
  }

  /**
   * Records that the call of a batch has ended.
   *
   * @param locked requests of the batch that need another call
   * @param pauseMs time without a call for this SKU; other SKUs are not affected. After a pause the
   *   `locked` requests go behind the new ones, because they waited for the time and not for a lock
   */
  finished(batch: Batch<R>, locked: readonly R[], nowMs: number, pauseMs = 0): void {
    this.#callsInFlight -= 1;
    for (const { requestId } of batch.requests) this.#deciding.delete(requestId);
    const lane = this.#lane(batch.sku, batch.isChosen, nowMs);
    if (batch.wait) lane.waitInFlight = false;
    (pauseMs > 0 ? lane.fresh : lane.locked).push(...locked);
    lane.notBeforeMs = nowMs + pauseMs;
    this.#waiting += locked.length;
    if (lane.fresh.length + lane.locked.length === 0 && !lane.waitInFlight) {
      this.#lanes.delete(lane.key);
    }
  }

  /**
   * Milliseconds until a batch that is not due yet becomes due. Undefined when there is none: only
   * the end of a call, or a new request, can then start a batch.
   */
  dueInMs(nowMs: number): number | undefined {
    let soonest: number | undefined;
    for (const lane of this.#lanes.values()) {
      const { fresh, locked, notBeforeMs, firstAtMs } = lane;
      if (fresh.length + locked.length === 0 || this.#isDue(lane, nowMs)) continue;
      const isFull = locked.length > 0 || fresh.length >= this.#limits.batchRequestsMax;
      const joinUntilMs = isFull ? nowMs : firstAtMs + this.#limits.batchWaitMs;
      const dueInMs = Math.max(joinUntilMs, notBeforeMs) - nowMs;
      soonest = Math.min(soonest ?? dueInMs, dueInMs);
    }
    return soonest;
  }

  #lane(sku: string, isChosen: boolean, nowMs: number): Lane<R> {
    // No SKU has a blank in its name.
    const key = isChosen ? `${sku} chosen` : sku;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = {
        key,
        sku,
        isChosen,
        fresh: [],
        locked: [],
        firstAtMs: nowMs,
        notBeforeMs: Number.NEGATIVE_INFINITY,
        waitInFlight: false,
      };
      this.#lanes.set(key, lane);
    } else if (lane.fresh.length === 0) {
      lane.firstAtMs = nowMs;
    }
    return lane;
  }

  #isDue(lane: Lane<R>, nowMs: number): boolean {
    if (nowMs < lane.notBeforeMs) return false;
    return (
      lane.locked.length > 0 ||
      lane.fresh.length >= this.#limits.batchRequestsMax ||
      (lane.fresh.length > 0 && nowMs - lane.firstAtMs >= this.#limits.batchWaitMs)
    );
  }

  #take(lane: Lane<R>): Batch<R> | undefined {
    const wait = lane.locked.length > 0;
    const requests: R[] = [];
    lane.locked = this.#pick(lane.locked, requests);
    lane.fresh = this.#pick(lane.fresh, requests);
    if (requests.length === 0) return undefined;
    lane.waitInFlight = wait;
    this.#waiting -= requests.length;
    this.#callsInFlight += 1;
    return { sku: lane.sku, isChosen: lane.isChosen, requests, wait };
  }

  /**
   * Moves requests into the batch until it is full, except those whose id is under decision. Returns
   * the requests that stay.
   */
  #pick(from: R[], into: R[]): R[] {
    const stay: R[] = [];
    for (const [index, request] of from.entries()) {
      if (into.length === this.#limits.batchRequestsMax) return stay.concat(from.slice(index));
      if (this.#deciding.has(request.requestId)) {
        stay.push(request);
      } else {
        this.#deciding.add(request.requestId);
        into.push(request);
      }
    }
    return stay;
  }
}
