import { randomBytes } from 'node:crypto';

/**
 * Stores an expiry time for each key in bounded memory. It uses typed arrays that are allocated
 * once, 12 bytes an entry, so it produces no garbage, however many users come. Keys are stored as
 * fingerprints.
 *
 * A key belongs to one group of 16 neighbouring entries. An expired entry counts as absent, so
 * entries are never deleted: the next new key of the group overwrites an expired one. If none of
 * the 16 entries has expired, the one nearest to its expiry is overwritten.
 */

/** The tags of a group fill one cache line. */
const GROUP_ENTRIES = 16;

export class ExpiryTable {
  readonly #tags: Uint32Array;
  readonly #untilMs: Float64Array;
  readonly #groupMask: number;
  /** The seeds are secret, so that nobody can choose keys that fall into one group. */
  readonly #seedOfGroup = randomBytes(4).readInt32LE();
  readonly #seedOfTag = randomBytes(4).readInt32LE();

  /** @param entriesMax rounded up to a power of two */
  constructor(entriesMax: number) {
    const groups = 2 ** Math.ceil(Math.log2(Math.max(1, entriesMax / GROUP_ENTRIES)));
    this.#tags = new Uint32Array(groups * GROUP_ENTRIES);
    this.#untilMs = new Float64Array(groups * GROUP_ENTRIES);
    this.#groupMask = groups - 1;
  }

  /** Number of entries; every place is below it. */
  get capacity(): number {
    return this.#tags.length;
  }

  /** Expiry time of a key; 0 if the key is unknown or has expired. */
  get(key: string, nowMs: number): number {
    const at = this.#find(key);
    const untilMs = at < 0 ? 0 : (this.#untilMs[at] ?? 0);
    return untilMs > nowMs ? untilMs : 0;
  }

  set(key: string, untilMs: number, nowMs: number): void {
    this.#untilMs[this.place(key, nowMs)] = untilMs;
  }

  /**
   * Place of the key's expiry time, for `at` and `put`. It is valid until the next call of another
   * method.
   */
  place(key: string, nowMs: number): number {
    const at = this.#find(key);
    return at < 0 ? this.#claim(nowMs) : at;
  }

  at(place: number): number {
    return this.#untilMs[place] ?? 0;
  }

  put(place: number, untilMs: number): void {
    this.#untilMs[place] = untilMs;
  }

  /** Forgets the expiry time of a key. */
  clear(key: string): void {
    const at = this.#find(key);
    if (at >= 0) this.#untilMs[at] = 0;
  }

  /**
   * Group and tag of the key that `#find` looked for last. `#claim` uses them after a `#find` that
   * found nothing.
   */
  #first = 0;
  #tag = 0;

  #find(key: string): number {
    this.#hash(key);
    const tags = this.#tags;
    const tag = this.#tag;
    const end = this.#first + GROUP_ENTRIES;
    for (let at = this.#first; at < end; at += 1) if (tags[at] === tag) return at;
    return -1;
  }

  #claim(nowMs: number): number {
    let chosen = this.#first;
    for (let at = this.#first; at < this.#first + GROUP_ENTRIES; at += 1) {
      const untilMs = this.#untilMs[at] ?? 0;
      if (untilMs < (this.#untilMs[chosen] ?? 0)) chosen = at;
      if (untilMs <= nowMs) break;
    }
    this.#tags[chosen] = this.#tag;
    this.#untilMs[chosen] = 0;
    return chosen;
  }

  /** Computes two independent 32-bit hashes, which together tell a million keys apart. */
  #hash(key: string): void {
    let group = this.#seedOfGroup;
    let tag = this.#seedOfTag;
    for (let index = 0; index < key.length; index += 1) {
      const code = key.charCodeAt(index);
      group = Math.imul(group ^ code, 0x01000193);
      tag = Math.imul((tag << 5) ^ (tag >>> 2) ^ code, 0x9e3779b1);
    }
    this.#first = (mixed(group) & this.#groupMask) * GROUP_ENTRIES;
    // The tag 0 marks an entry that was never used.
    this.#tag = mixed(tag) >>> 0 || 1;
  }
}

/** The final mix of MurmurHash3: every bit of the input affects every bit of the result. */
function mixed(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
