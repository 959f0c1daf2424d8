import { Moments } from './moments.ts';

/**
 * Token buckets by key: `burst` tokens at first, `perSecond` come back. Kept as one moment a key, the
 * time at which its bucket is full again (the generic cell rate algorithm), so a full bucket, that of
 * a user who was never seen, needs no memory.
 */

/** Keys that one kind of bucket remembers at once: a million with room to spare, 25 MB. */
export const BUCKETS_MAX = 2_097_152;

export class TokenBuckets {
  readonly #fullAt: Moments;
  readonly #tokenMs: number;
  readonly #bucketMs: number;

  constructor(options: { perSecond: number; burst?: number; keysMax?: number }) {
    const { perSecond, burst = perSecond, keysMax = BUCKETS_MAX } = options;
    this.#tokenMs = 1_000 / perSecond;
    this.#bucketMs = this.#tokenMs * Math.max(1, burst);
    this.#fullAt = new Moments(keysMax);
  }

  /** Share of the bucket that is in use, 0 to 1. */
  load(key: string, nowMs: number): number {
    const fullAtMs = this.#fullAt.get(key, nowMs);
    return fullAtMs === 0 ? 0 : Math.min(1, (fullAtMs - nowMs) / this.#bucketMs);
  }

  /**
   * Takes a token.
   * @param nowMs monotonic
   * @returns 0 when there was one, else the milliseconds until there is
   */
  take(key: string, nowMs: number): number {
    const place = this.#fullAt.place(key, nowMs);
    const fullAtMs = Math.max(nowMs, this.#fullAt.at(place)) + this.#tokenMs;
    const waitMs = fullAtMs - nowMs - this.#bucketMs;
    // Sums of fractions are a little off: a billionth of a second is not a wait.
    if (waitMs > 1e-6) return waitMs;
    this.#fullAt.put(place, fullAtMs);
    return 0;
  }
}
