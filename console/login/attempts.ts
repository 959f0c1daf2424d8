import { LRUCache } from 'lru-cache';
import { networkOf } from '../../contracts/address.ts';
import { entriesMax } from '../../process/entries-max.ts';

/**
 * Bounds failed sign-ins of an address: a token cannot be guessed, but tries would fill the log and the CPU. A try with
 * an unknown token names no person, so there is nobody whose tries could be counted beside those of the address.
 */

const FAILURES_MAX = 10;
const WINDOW_MS = 60_000;
const ADDRESSES_MAX = 10_000;

export class Attempts {
  readonly #failures = new LRUCache<string, { count: number }>({
    ...entriesMax(ADDRESSES_MAX),
    ttl: WINDOW_MS,
  });

  mayTry(address: string): boolean {
    return (this.#failures.get(networkOf(address))?.count ?? 0) < FAILURES_MAX;
  }

  /** The window begins with the first failure. */
  failed(address: string): void {
    const network = networkOf(address);
    const known = this.#failures.get(network);
    if (known === undefined) this.#failures.set(network, { count: 1 });
    else known.count += 1;
  }
}
