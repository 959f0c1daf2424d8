import { randomBytes } from 'node:crypto';

/**
 * Stores an expiry time for each key in bounded memory. It uses typed arrays that are reserved
 * once, 13 bytes an entry, so it produces no garbage, however many users come. Keys are stored as
 * fingerprints.
 *
 * A key belongs to one group of 16 neighbouring entries. An expired entry counts as absent, so
 * entries are never deleted: the next new key of the group overwrites an expired one. If none of
 * the 16 entries has expired, the one nearest to its expiry is overwritten.
 *
 * Only the first groups are in use. The system gives memory to those that were written to, so the table
 * takes as much as the most keys at once need. It grows by a group at a time (linear hashing,
 * Litwin 1980): the group with which it begins anew is divided, and no call takes longer than to look at
 * 16 entries.
 */

/** The tags of a group fill one cache line. */
const GROUP_ENTRIES = 16;
/** The table may double its groups this often: an entry keeps as many bits of its key's hash. */
const DOUBLINGS_MAX = 8;
/** It grows when more than this share of its entries is in use. Groups that wait to be divided have twice as many. */
const FILL_MAX = 0.25;

export class ExpiryTable {
  readonly #tags: Uint32Array;
  readonly #untilMs: Float64Array;
  /** Of each entry, the bits of its group's hash that decide where it goes when its group is divided. */
  readonly #bits: Uint8Array;
  readonly #groupsMax: number;
  readonly #groupsFirst: number;
  /** Groups in use, and one less than the next power of two. */
  #groups: number;
  #groupMask: number;
  /** Entries that were ever used. */
  #used = 0;
  /** The seeds are secret, so that nobody can choose keys that fall into one group. */
  readonly #seedOfGroup = randomBytes(4).readInt32LE();
  readonly #seedOfTag = randomBytes(4).readInt32LE();

  /**
   * @param entriesMax rounded up to a power of two
   * @param grows false: all entries are in use from the start, and none changes its place
   */
  constructor(entriesMax: number, grows = true) {
    const groups = 2 ** Math.ceil(Math.log2(Math.max(1, entriesMax / GROUP_ENTRIES)));
    this.#tags = new Uint32Array(groups * GROUP_ENTRIES);
    this.#untilMs = new Float64Array(groups * GROUP_ENTRIES);
    this.#groupsMax = groups;
    this.#groupsFirst = grows ? Math.max(1, groups >>> DOUBLINGS_MAX) : groups;
    this.#bits = new Uint8Array(grows ? groups * GROUP_ENTRIES : 0);
    this.#groups = this.#groupsFirst;
    this.#groupMask = this.#groups - 1;
  }

  /** Number of entries; every place is below it. */
  get capacity(): number {
    return this.#tags.length;
  }

  /** Number of entries that are in use so far. */
  get entries(): number {
    return this.#groups * GROUP_ENTRIES;
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
   * Hash, group and tag of the key that `#find` looked for last. `#claim` uses them after a `#find`
   * that found nothing.
   */
  #groupHash = 0;
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
    if (this.#used > this.entries * FILL_MAX && this.#groups < this.#groupsMax) {
      this.#grow();
      this.#first = this.#firstOf(this.#groupHash);
    }
    let chosen = this.#first;
    for (let at = this.#first; at < this.#first + GROUP_ENTRIES; at += 1) {
      const untilMs = this.#untilMs[at] ?? 0;
      if (untilMs < (this.#untilMs[chosen] ?? 0)) chosen = at;
      if (untilMs <= nowMs) break;
    }
    if (this.#tags[chosen] === 0) this.#used += 1;
    this.#tags[chosen] = this.#tag;
    this.#untilMs[chosen] = 0;
    this.#bits[chosen] = this.#groupHash / this.#groupsFirst;
    return chosen;
  }

  /** Takes one more group into use: it gets those entries of an older one that now belong to it. */
  #grow(): void {
    if (this.#groups > this.#groupMask) this.#groupMask = 2 * this.#groupMask + 1;
    const half = (this.#groupMask + 1) / 2;
    const bit = half / this.#groupsFirst;
    const from = (this.#groups - half) * GROUP_ENTRIES;
    const to = this.#groups * GROUP_ENTRIES;
    for (let at = 0; at < GROUP_ENTRIES; at += 1) {
      const bits = this.#bits[from + at] ?? 0;
      if ((bits & bit) === 0) continue;
      this.#tags[to + at] = this.#tags[from + at] ?? 0;
      this.#untilMs[to + at] = this.#untilMs[from + at] ?? 0;
      this.#bits[to + at] = bits;
      this.#tags[from + at] = 0;
      this.#untilMs[from + at] = 0;
      this.#bits[from + at] = 0;
    }
    this.#groups += 1;
  }

  /** First entry of the group of a hash. */
  #firstOf(hash: number): number {
    const group = hash & this.#groupMask;
    return (group < this.#groups ? group : group & (this.#groupMask >>> 1)) * GROUP_ENTRIES;
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
    this.#groupHash = mixed(group) >>> 0;
    this.#first = this.#firstOf(this.#groupHash);
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
