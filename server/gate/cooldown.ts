import { BUCKETS_MAX } from './buckets.ts';
import { ExpiryTable } from './expiry-table.ts';

/**
 * After an admitted request a user waits before the next one is looked at, whatever the SKU.
 * Memory is bounded: past the limit cooldowns near their end are forgotten, which lets a few users
 * through early and harms nothing (limits per user are kept by the database).
 */
export class Cooldown {
  readonly #overAt = new ExpiryTable(BUCKETS_MAX);
  readonly #lengthMs: number;

  /** @param seconds 0 switches it off */
  constructor(seconds: number) {
    this.#lengthMs = seconds * 1_000;
  }

  /** Whole seconds until the user may ask again; 0 when the user may now. */
  remainingSeconds(userId: string, nowMs: number): number {
    const overAtMs = this.#overAt.get(userId, nowMs);
    return overAtMs === 0 ? 0 : Math.ceil((overAtMs - nowMs) / 1_000);
  }

  start(userId: string, nowMs: number): void {
    if (this.#lengthMs > 0) this.#overAt.set(userId, nowMs + this.#lengthMs, nowMs);
  }

  /** The request was not taken after all: the user may try again at once. */
  end(userId: string): void {
    this.#overAt.clear(userId);
  }
}
