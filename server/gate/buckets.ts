import { ExpiryTable } from './expiry-table.ts';

/**
 * Token buckets by key: `burst` tokens at first, `perSecond` come back. Kept as one moment a key, the
 * time at which its bucket is full again (the generic cell rate algorithm), so a full bucket, that of
 * a user who was never seen, needs no memory.
 */

/** Keys that one kind of bucket remembers at once: a million with room to spare, 25 MB. */
export const BUCKETS_MAX = 2_097_152;

/** Sums of fractions are a little off: a billionth of a second is not a wait. */
const ROUNDING_MS = 1e-6;

export class TokenBuckets {
  readonly #fullAt: ExpiryTable;
  readonly #tokenMs: number;
  readonly #bucketMs: number;

  constructor(options: { perSecond: number; burst?: number; keysMax?: number }) {
    const { perSecond, burst = perSecond, keysMax = BUCKETS_MAX } = options;
    this.#tokenMs = 1_000 / perSecond;
    this.#bucketMs = this.#tokenMs * Math.max(1, burst);
    this.#fullAt = new ExpiryTable(keysMax);
  }

  /** Share of the bucket that is in use, 0 to 1. */
  load(key: string, nowMs: number): number {
    const fullAtMs = this.#fullAt.get(key, nowMs);
    return fullAtMs === 0 ? 0 : Math.min(1, (fullAtMs - nowMs) / this.#bucketMs);
  }

  /** Whether `take` would find a token. */
  has(key: string, nowMs: number): boolean {
    return this.#waitMs(this.#fullAt.get(key, nowMs), nowMs) <= ROUNDING_MS;
  }

  /**
   * Takes a token.
   * @param nowMs monotonic
   * @returns 0 when there was one, else the milliseconds until there is
   */
  take(key: string, nowMs: number): number {
    const place = this.#fullAt.place(key, nowMs);
    const fullAtMs = this.#fullAt.at(place);
    const waitMs = this.#waitMs(fullAtMs, nowMs);
    if (waitMs > ROUNDING_MS) return waitMs;
    this.#fullAt.put(place, Math.max(nowMs, fullAtMs) + this.#tokenMs);
    return 0;
  }

  /** Until there is a token, if above 0. */
  #waitMs(fullAtMs: number, nowMs: number): number {
    return Math.max(nowMs, fullAtMs) + this.#tokenMs - nowMs - this.#bucketMs;
  }
}
