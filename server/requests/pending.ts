import { LRUCache } from 'lru-cache';
import type { Home } from '../../contracts/homes.ts';
import type { PurchaseRequest, Verdict } from '../../contracts/messages.ts';
import { entriesMax } from '../../process/entries-max.ts';
import type { Span } from '../../process/spans.ts';

/**
 * The requests that this process has admitted, from the draw to their outcome:
 *
 *   publishing ──confirmed──▶ taken ──verdict──▶ decided
 *       │  └──no answer──▶ unknown ──confirmed later, or found in the database──▶ taken / decided
 *       └──definitely not taken──▶ forgotten (its units are refunded)
 *
 * The grants bound the number of pending requests. Decided requests are remembered for a while, so
 * that a shopper who asks again, or presses again with the same key, gets the same answer without
 * I/O.
 */

const DECIDED_MAX = 100_000;
const DECIDED_TTL_MS = 60_000;
/**
 * With a finer resolution, the clock would be read and a timer set for each millisecond of a rush.
 */
const DECIDED_TTL_RESOLUTION_MS = 1_000;

export type Stage = 'publishing' | 'unknown' | 'taken' | 'decided' | 'refused';

export interface PendingRequest {
  /** The request for the units that were drawn. */
  request: PurchaseRequest;
  /** Units that the shopper asked for. */
  readonly wanted: number;
  readonly sale: string;
  readonly sku: string;
  readonly schema: Home;
  /** Id of the ticket of the request. */
  readonly ticketId: string;
  /** The node id under which the units were drawn. */
  readonly node: string;
  /** performance.now() at admission. */
  readonly admittedAtMs: number;
  /** performance.now() when the outcome was last looked up; at first, the time of admission. */
  lookedUpAtMs: number;
  /** performance.now() of the last moment at which the request certainly had no outcome. */
  undecidedAtMs: number;
  stage: Stage;
  /** The request became a dead letter: it is not lost, but nothing decides it automatically. */
  delayed?: boolean;
  verdict?: Verdict;
  /** Resolves when the broker has answered, or when the wait for its answer has ended. */
  published: Promise<void>;
  /** The publishing of a traced request, until the broker has answered. */
  span?: Span | undefined;
}

export class PendingRequests {
  readonly #pending = new Map<string, PendingRequest>();
  readonly #decided = new LRUCache<string, PendingRequest>({
    ...entriesMax(DECIDED_MAX),
    ttl: DECIDED_TTL_MS,
    ttlResolution: DECIDED_TTL_RESOLUTION_MS,
  });

  get count(): number {
    return this.#pending.size;
  }

  /**
   * Seconds that the oldest request without an outcome has waited, dead letters left out; 0 if there is
   * none. Reads all of them, because look-ups change their order; the grants bound their number.
   */
  get oldestSeconds(): number {
    const now = performance.now();
    let oldest = now;
    for (const { admittedAtMs, delayed } of this.#pending.values()) {
      if (!delayed) oldest = Math.min(oldest, admittedAtMs);
    }
    return (now - oldest) / 1_000;
  }

  get isEmpty(): boolean {
    return this.#pending.size === 0 && this.#decided.size === 0;
  }

  find(requestId: string): PendingRequest | undefined {
    return this.#pending.get(requestId) ?? this.#decided.get(requestId);
  }

  enter(entry: PendingRequest): void {
    this.#pending.set(entry.request.requestId, entry);
  }

  /** Forgets a request that was certainly not taken. */
  forget(requestId: string): void {
    this.#pending.delete(requestId);
  }

  /**
   * Records the outcome of any request. Returns the pending request, if it is one of this node and
   * was not decided yet.
   */
  decide(verdict: Verdict): PendingRequest | undefined {
    const entry = this.#pending.get(verdict.requestId);
    if (entry === undefined) return undefined;
    this.#pending.delete(verdict.requestId);
    entry.stage = 'decided';
    entry.verdict = verdict;
    this.#decided.set(verdict.requestId, entry);
    return entry;
  }

  /** Marks the request as a dead letter, unless it was decided meanwhile. */
  delay(requestId: string): void {
    const entry = this.#pending.get(requestId);
    if (entry !== undefined) entry.delayed = true;
  }

  /** Moves a request without a known outcome behind those that have waited longer for a look-up. */
  defer(entry: PendingRequest): void {
    if (!this.#pending.delete(entry.request.requestId)) return;
    entry.lookedUpAtMs = performance.now();
    this.#pending.set(entry.request.requestId, entry);
  }

  /** Yields pending requests whose outcome was last looked up before `beforeMs`, oldest first. */
  *pendingSince(beforeMs: number): Generator<PendingRequest> {
    // A Map iterates in order of insertion, and both admissions and deferrals go to its end.
    for (const entry of this.#pending.values()) {
      if (entry.lookedUpAtMs > beforeMs) return;
      yield entry;
    }
  }
}
