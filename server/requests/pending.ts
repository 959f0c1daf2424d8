import { LRUCache } from 'lru-cache';
import type { PurchaseRequest, Verdict } from '../../contracts/messages.ts';
import type { Schema } from '../../contracts/names.ts';

/**
 * The requests that this process has admitted, from the draw to their outcome:
 *
 *   publishing ──confirmed──▶ taken ──verdict──▶ decided
 *       │  └──no answer──▶ unknown ──confirmed later, or found in the database──▶ taken / decided
 *       └──definitely not taken──▶ forgotten (its units are refunded)
 *
 * What is pending is bounded by the grants; what is decided is remembered for a while, so that a
 * shopper who asks again, or presses again with the same key, gets the same answer without I/O.
 */

const DECIDED_MAX = 100_000;
const DECIDED_TTL_MS = 60_000;
/** Finer, and the clock is read and a timer set for each millisecond of a rush. */
const DECIDED_TTL_RESOLUTION_MS = 1_000;

export type Stage = 'publishing' | 'unknown' | 'taken' | 'decided' | 'refused';

export interface PendingRequest {
  /** For the units that were drawn. */
  readonly request: PurchaseRequest;
  /** Units that the shopper asked for. */
  readonly wanted: number;
  readonly sale: string;
  readonly sku: string;
  readonly schema: Schema;
  /** The ticket that it came with. */
  readonly ticketId: string;
  /** The node id under which the units were drawn. */
  readonly node: string;
  /** performance.now() at admission. */
  readonly admittedAtMs: number;
  /** performance.now() when its outcome was last asked for; at first, of the admission. */
  lookedUpAtMs: number;
  /** performance.now() of the last moment at which it had no outcome for certain. */
  undecidedAtMs: number;
  stage: Stage;
  /** It became a dead letter: safe, but nothing decides it by itself. */
  delayed?: boolean;
  verdict?: Verdict;
  /** Resolves when the broker has answered, or when waiting for it was given up. */
  published: Promise<void>;
}

export class PendingRequests {
  readonly #pending = new Map<string, PendingRequest>();
  readonly #decided = new LRUCache<string, PendingRequest>({
    max: DECIDED_MAX,
    ttl: DECIDED_TTL_MS,
    ttlResolution: DECIDED_TTL_RESOLUTION_MS,
  });

  get count(): number {
    return this.#pending.size;
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

  /** It was definitely not taken: as if it had never been asked. */
  forget(requestId: string): void {
    this.#pending.delete(requestId);
  }

  /** Takes what is known of any request, ours or not; the entry if that was news here. */
  decide(verdict: Verdict): PendingRequest | undefined {
    const entry = this.#pending.get(verdict.requestId);
    if (entry === undefined) return undefined;
    this.#pending.delete(verdict.requestId);
    entry.stage = 'decided';
    entry.verdict = verdict;
    this.#decided.set(verdict.requestId, entry);
    return entry;
  }

  /** It is a dead letter, unless it was decided meanwhile. */
  delay(requestId: string): void {
    const entry = this.#pending.get(requestId);
    if (entry !== undefined) entry.delayed = true;
  }

  /** Not known yet, or it could not be asked: it is asked for again after those that wait longer. */
  defer(entry: PendingRequest): void {
    if (!this.#pending.delete(entry.request.requestId)) return;
    entry.lookedUpAtMs = performance.now();
    this.#pending.set(entry.request.requestId, entry);
  }

  /** Pending requests whose outcome was last asked for before the moment, oldest first. */
  *pendingSince(beforeMs: number): Generator<PendingRequest> {
    // A Map iterates in order of insertion: admissions and deferrals both go to its end.
    for (const entry of this.#pending.values()) {
      if (entry.lookedUpAtMs > beforeMs) return;
      yield entry;
    }
  }
}
