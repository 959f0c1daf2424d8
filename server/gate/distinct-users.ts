import { randomBytes } from 'node:crypto';
import { ExpiryTable } from './expiry-table.ts';

/**
 * Estimates how many distinct users a network has shown within a window, in bounded memory: 64 bits
 * for each network, one of which each user sets (linear counting, Whang et al. 1990). The estimate
 * tells a household from a thousand accounts. Above about 200 users it only says "many".
 */

const NETWORKS_MAX = 262_144;
const WINDOW_MS = 60_000;
const BITS = 64;
/** The highest estimate, returned when all bits are set. */
export const DISTINCT_USERS_MAX = 300;

export class DistinctUsers {
  /** Its places do not change, because the bits of a network are at the same place. */
  readonly #windowEnds = new ExpiryTable(NETWORKS_MAX, false);
  readonly #bits = new Uint32Array(2 * this.#windowEnds.capacity);
  readonly #seed = randomBytes(4).readInt32LE();

  /**
   * Counts a user.
   *
   * @param nowMs monotonic
   * @returns estimated number of users of the network within the window
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

/** Number of set bits in a 32-bit word. */
function ones(word: number): number {
  let count = word - ((word >>> 1) & 0x55555555);
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333);
  return Math.imul((count + (count >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
