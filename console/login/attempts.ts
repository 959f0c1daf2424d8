import { LRUCache } from 'lru-cache';
import { entriesMax } from '../../process/entries-max.ts';

/** Bounds failed sign-ins: a token cannot be guessed, but tries would fill the log and the CPU. */

const FAILURES_MAX = 10;
const WINDOW_MS = 60_000;
const ADDRESSES_MAX = 10_000;

export class Attempts {
  readonly #failures = new LRUCache<string, { count: number }>({
    ...entriesMax(ADDRESSES_MAX),
    ttl: WINDOW_MS,
  });

  mayTry(address: string): boolean {
    return (this.#failures.get(address)?.count ?? 0) < FAILURES_MAX;
  }

  /** The window begins with the first failure. */
  failed(address: string): void {
    const known = this.#failures.get(address);
    if (known === undefined) this.#failures.set(address, { count: 1 });
    else known.count += 1;
  }
}
