import { ExpiryTable } from './expiry-table.ts';

/**
 * Token buckets by key. A bucket starts with `burst` tokens, and `perSecond` tokens come back. Only
 * the time at which a bucket will be full again is stored (the generic cell rate algorithm). A full
 * bucket, such as that of a new user, therefore needs no memory.
 */

/** Keys that one kind of bucket remembers at once: room for more than a million, 27 MB if so many come. */
export const BUCKETS_MAX = 2_097_152;

/** Sums of fractions have rounding errors, so a wait of a nanosecond counts as none. */
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

  /** Returns whether `take` would find a token. */
  has(key: string, nowMs: number): boolean {
    return this.#waitMs(this.#fullAt.get(key, nowMs), nowMs) <= ROUNDING_MS;
  }

  /**
   * Takes a token if there is one.
   *
   * @param nowMs monotonic
   * @param parts this bucket is one of so many that share its tokens
   * @returns 0 if a token was taken, else the milliseconds until there is one
   */
  take(key: string, nowMs: number, parts = 1): number {
    const place = this.#fullAt.place(key, nowMs);
    const fullAtMs = this.#fullAt.at(place);
    const waitMs = this.#waitMs(fullAtMs, nowMs, parts);
    if (waitMs > ROUNDING_MS) return waitMs;
    this.#fullAt.put(place, Math.max(nowMs, fullAtMs) + this.#tokenMs * parts);
    return 0;
  }

  /** Milliseconds until there is a token; 0 or less if there is one now. */
  #waitMs(fullAtMs: number, nowMs: number, parts = 1): number {
    const tokenMs = this.#tokenMs * parts;
    // A part holds at least one token.
    return Math.max(nowMs, fullAtMs) + tokenMs - nowMs - Math.max(this.#bucketMs, tokenMs);
  }
}
