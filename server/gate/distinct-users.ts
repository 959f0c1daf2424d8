import { randomBytes } from 'node:crypto';
import { ExpiryTable } from './expiry-table.ts';

/**
 * About how many users a network has shown within a window, in bounded memory: 64 bits a network, one
 * of them set by each user (linear counting, Whang et al. 1990). Exact enough to tell a household from
 * a thousand accounts; past some 200 it only says "many".
 */

const NETWORKS_MAX = 262_144;
const WINDOW_MS = 60_000;
const BITS = 64;
/** What all bits set stand for: the estimate ends there. */
export const DISTINCT_USERS_MAX = 300;

export class DistinctUsers {
  readonly #windowEnds = new ExpiryTable(NETWORKS_MAX);
  readonly #bits = new Uint32Array(2 * this.#windowEnds.capacity);
  readonly #seed = randomBytes(4).readInt32LE();

  /**
   * Counts the user in.
   * @param nowMs monotonic
   * @returns users of the network within the window, an estimate
   */
  note(network: string, userId: string, nowMs: number): number {
    const place = this.#windowEnds.place(network, nowMs);
    const bits = this.#bits;
    const low = 2 * place;
    if (this.#windowEnds.at(place) <= nowMs) {
      this.#windowEnds.put(place, nowMs + WINDOW_MS);
      bits[low] = 0;
      bits[low + 1] = 0;
    }
    const bit = this.#hash(userId) % BITS;
    const word = low + (bit >>> 5);
    bits[word] = (bits[word] ?? 0) | (1 << (bit & 31));
    const empty = BITS - ones(bits[low] ?? 0) - ones(bits[low + 1] ?? 0);
    return empty === 0 ? DISTINCT_USERS_MAX : Math.round(BITS * Math.log(BITS / empty));
  }

  #hash(key: string): number {
    let hash = this.#seed;
    for (let at = 0; at < key.length; at += 1) {
      hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
    }
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x2c1b3c6d);
    return (hash ^ (hash >>> 13)) >>> 0;
  }
}

/** Bits that are set in 32. */
function ones(word: number): number {
  let count = word - ((word >>> 1) & 0x55555555);
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333);
  return Math.imul((count + (count >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
