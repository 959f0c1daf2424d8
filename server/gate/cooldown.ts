import { BUCKETS_MAX } from './buckets.ts';
import { ExpiryTable } from './expiry-table.ts';

/**
 * After an admitted request, further requests of the same user are refused for a while, whatever
 * the SKU. Memory is bounded: when it is full, the cooldowns nearest to their end are forgotten. A
 * few users can then ask again early, which does no harm because the database enforces the limits
 * per user. No clock that may be set counts: a cooldown lasts as long as it lasts.
 */
export class Cooldown {
  readonly #overAt = new ExpiryTable(BUCKETS_MAX);
  readonly #lengthMs: number;

  /** @param seconds 0 switches the cooldown off */
  constructor(seconds: number) {
    this.#lengthMs = seconds * 1_000;
  }

  /** Whole seconds until the user may ask again; 0 if the user may ask now. */
  remainingSeconds(userId: string): number {
    const nowMs = performance.now();
    const overAtMs = this.#overAt.get(userId, nowMs);
    return overAtMs === 0 ? 0 : Math.ceil((overAtMs - nowMs) / 1_000);
  }

  start(userId: string): void {
    const nowMs = performance.now();
    if (this.#lengthMs > 0) this.#overAt.set(userId, nowMs + this.#lengthMs, nowMs);
  }

  /** Ends the cooldown of a user whose request was not taken after all. */
  end(userId: string): void {
    this.#overAt.clear(userId);
  }
}
