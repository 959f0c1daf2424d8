import { LRUCache } from 'lru-cache';

/**
 * After an admitted request a user waits before the next one is looked at, whatever the SKU.
 * Memory is bounded: past the limit the oldest cooldowns are forgotten, which lets a few users
 * through early and harms nothing (limits per user are kept by the database).
 */
const USERS_MAX = 200_000;

export class Cooldown {
  readonly #startedAtMs: LRUCache<string, number>;
  readonly #lengthMs: number;

  /** @param seconds 0 switches it off */
  constructor(seconds: number) {
    this.#lengthMs = seconds * 1_000;
    this.#startedAtMs = new LRUCache({ max: USERS_MAX });
  }

  /** Whole seconds until the user may ask again; 0 when the user may now. */
  remainingSeconds(userId: string, nowMs: number): number {
    const startedAtMs = this.#startedAtMs.get(userId);
    if (startedAtMs === undefined) return 0;
    return Math.max(0, Math.ceil((startedAtMs + this.#lengthMs - nowMs) / 1_000));
  }

  start(userId: string, nowMs: number): void {
    if (this.#lengthMs > 0) this.#startedAtMs.set(userId, nowMs);
  }

  /** The request was not taken after all: the user may try again at once. */
  end(userId: string): void {
    this.#startedAtMs.delete(userId);
  }
}
