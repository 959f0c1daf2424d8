/**
 * Which requests go into the next call of place_orders, and when. Pure: no clock, no I/O.
 *
 * A call takes one SKU. Requests wait `batchWaitMs` for company while calls are free, and for a free
 * call otherwise, so that batches grow with the load by themselves.
 */

export interface BatchLimits {
  readonly batchRequestsMax: number;
  readonly batchWaitMs: number;
  /** Calls of one schema at the same time. */
  readonly callsInFlightMax: number;
}

export const BATCH_LIMITS: BatchLimits = {
  batchRequestsMax: 200,
  batchWaitMs: 2,
  callsInFlightMax: 4,
};

export interface Batch<R> {
  readonly sku: string;
  readonly requests: readonly R[];
  /** Some of them met locked slots: the call shall wait for those. */
  readonly wait: boolean;
}

/** Requests of one SKU that wait for a call. */
interface Lane<R> {
  readonly sku: string;
  fresh: R[];
  /** Were `locked` in their last call: they go first, and without a wait. */
  locked: R[];
  firstAtMs: number;
  /** The sale has not opened by the clock that decides: no call before then. */
  notBeforeMs: number;
  /** A call that waits for locks is under way: another one would only meet the same locks. */
  waitInFlight: boolean;
}

export class BatchPlanner<R extends { readonly requestId: string }> {
  readonly #limits: BatchLimits;
  readonly #lanes = new Map<string, Lane<R>>();
  /** Ids being decided: a second copy in a call of its own would only collide with the first. */
  readonly #deciding = new Set<string>();
  #callsInFlight = 0;
  #waiting = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  /** Requests that are in no call yet. */
  get waiting(): number {
    return this.#waiting;
  }

  get callsInFlight(): number {
    return this.#callsInFlight;
  }

  add(sku: string, request: R, nowMs: number): void {
    const lane = this.#lane(sku, nowMs);
    lane.fresh.push(request);
    this.#waiting += 1;
  }

  /** The next batch that is due; it counts as in flight until `finished`. */
  next(nowMs: number): Batch<R> | undefined {
    if (this.#callsInFlight >= this.#limits.callsInFlightMax) return undefined;
    for (const lane of this.#lanes.values()) {
      if (lane.waitInFlight || !this.#isDue(lane, nowMs)) continue;
      const batch = this.#take(lane);
      if (batch === undefined) continue;
      // To the end of the order: no SKU starves another.
      this.#lanes.delete(lane.sku);
      if (lane.waitInFlight || lane.fresh.length + lane.locked.length > 0) {
        this.#lanes.set(lane.sku, lane);
      }
      return batch;
    }
    return undefined;
  }

  /**
   * The call has ended.
   *
   * @param locked those of its requests that must be decided by another one
   * @param pauseMs no call for the SKU before that time is over; other SKUs go on. The requests wait for
   *   this time and for no lock, so they go behind those that no call has seen yet
   */
  finished(batch: Batch<R>, locked: readonly R[], nowMs: number, pauseMs = 0): void {
    this.#callsInFlight -= 1;
    for (const { requestId } of batch.requests) this.#deciding.delete(requestId);
    const lane = this.#lane(batch.sku, nowMs);
    if (batch.wait) lane.waitInFlight = false;
    (pauseMs > 0 ? lane.fresh : lane.locked).push(...locked);
    lane.notBeforeMs = nowMs + pauseMs;
    this.#waiting += locked.length;
    if (lane.fresh.length + lane.locked.length === 0 && !lane.waitInFlight) {
      this.#lanes.delete(batch.sku);
    }
  }

  /** Time until a batch becomes due that is not yet; undefined when only ends of calls matter. */
  dueInMs(nowMs: number): number | undefined {
    let soonest: number | undefined;
    for (const lane of this.#lanes.values()) {
      const { fresh, locked, notBeforeMs, firstAtMs } = lane;
      if (fresh.length + locked.length === 0 || this.#isDue(lane, nowMs)) continue;
      const isFull = locked.length > 0 || fresh.length >= this.#limits.batchRequestsMax;
      const companyUntilMs = isFull ? nowMs : firstAtMs + this.#limits.batchWaitMs;
      const dueInMs = Math.max(companyUntilMs, notBeforeMs) - nowMs;
      soonest = Math.min(soonest ?? dueInMs, dueInMs);
    }
    return soonest;
  }

  #lane(sku: string, nowMs: number): Lane<R> {
    let lane = this.#lanes.get(sku);
    if (lane === undefined) {
      lane = {
        sku,
        fresh: [],
        locked: [],
        firstAtMs: nowMs,
        notBeforeMs: Number.NEGATIVE_INFINITY,
        waitInFlight: false,
      };
      this.#lanes.set(sku, lane);
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
    return { sku: lane.sku, requests, wait };
  }

  /** Moves requests into the batch up to its bound; returns those that stay. */
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
