import { randomBytes } from 'node:crypto';

/**
 * Stores an expiry time for each key in bounded memory. It uses typed arrays, 13 bytes an entry, that are
 * never given back, so it produces no garbage, however many users come. Keys are stored as fingerprints.
 *
 * A key belongs to one group of 16 neighbouring entries. An expired entry counts as absent, so
 * entries are never deleted: the next new key of the group overwrites an expired one. If none of
 * the 16 entries has expired, the one nearest to its expiry is overwritten.
 *
 * Only the first groups are in use, so the table takes as much memory as the most keys at once need. It grows by
 * a group at a time (linear hashing, Litwin 1980): the group with which it begins anew is divided, and no call takes
 * longer than to look at 16 entries. Memory is added by segments, each as long as the table was at first.
 */

/** The tags of a group fill one cache line. */
const GROUP_ENTRIES = 16;
/** The table may double its groups this often: an entry keeps as many bits of its key's hash. */
const DOUBLINGS_MAX = 8;
/** It grows when more than this share of its entries is in use. Groups that wait to be divided have twice as many. */
const FILL_MAX = 0.25;

/** The entries of neighbouring groups. */
class Segment {
  readonly tags: Uint32Array;
  readonly untilMs: Float64Array;
  /** Of each entry, the bits of its group's hash that decide where it goes when its group is divided. */
  readonly bits: Uint8Array;

  constructor(entries: number) {
    this.tags = new Uint32Array(entries);
    this.untilMs = new Float64Array(entries);
    this.bits = new Uint8Array(entries);
  }
}

export class ExpiryTable {
  readonly #segments: Segment[];
  /** The upper bits of an entry's number are that of its segment, the lower ones its place in there. */
  readonly #segmentBits: number;
  readonly #segmentMask: number;
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
    this.#groupsMax = groups;
    this.#groupsFirst = grows ? Math.max(1, groups >>> DOUBLINGS_MAX) : groups;
    const entriesFirst = this.#groupsFirst * GROUP_ENTRIES;
    this.#segmentBits = Math.log2(entriesFirst);
    this.#segmentMask = entriesFirst - 1;
    this.#segments = [new Segment(entriesFirst)];
    this.#groups = this.#groupsFirst;
    this.#groupMask = this.#groups - 1;
  }

  /** Number of entries; every place is below it. */
  get capacity(): number {
    return this.#groupsMax * GROUP_ENTRIES;
  }

  /** Number of entries that are in use so far. */
  get entries(): number {
    return this.#groups * GROUP_ENTRIES;
  }

  /** Expiry time of a key; 0 if the key is unknown or has expired. */
  get(key: string, nowMs: number): number {
    const at = this.#find(key);
    const untilMs = at < 0 ? 0 : this.at(at);
    return untilMs > nowMs ? untilMs : 0;
  }

  set(key: string, untilMs: number, nowMs: number): void {
    this.put(this.place(key, nowMs), untilMs);
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
    return this.#segmentOf(place).untilMs[place & this.#segmentMask] ?? 0;
  }

  put(place: number, untilMs: number): void {
    this.#segmentOf(place).untilMs[place & this.#segmentMask] = untilMs;
  }

  /** Forgets the expiry time of a key. */
  clear(key: string): void {
    const at = this.#find(key);
    if (at >= 0) this.put(at, 0);
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
    const { tags } = this.#segmentOf(this.#first);
    const tag = this.#tag;
    const start = this.#first & this.#segmentMask;
    const end = start + GROUP_ENTRIES;
    for (let at = start; at < end; at += 1) if (tags[at] === tag) return this.#first + at - start;
    return -1;
  }

  #claim(nowMs: number): number {
    if (this.#used > this.entries * FILL_MAX && this.#groups < this.#groupsMax) {
      this.#grow();
      this.#first = this.#firstOf(this.#groupHash);
    }
    const { tags, untilMs, bits } = this.#segmentOf(this.#first);
    const start = this.#first & this.#segmentMask;
    let chosen = start;
    for (let at = start; at < start + GROUP_ENTRIES; at += 1) {
      const untilAt = untilMs[at] ?? 0;
      if (untilAt < (untilMs[chosen] ?? 0)) chosen = at;
      if (untilAt <= nowMs) break;
    }
    if (tags[chosen] === 0) this.#used += 1;
    tags[chosen] = this.#tag;
    untilMs[chosen] = 0;
    bits[chosen] = this.#groupHash / this.#groupsFirst;
    return this.#first + chosen - start;
  }

  /** Takes one more group into use: it gets those entries of an older one that now belong to it. */
  #grow(): void {
    if (this.#groups > this.#groupMask) this.#groupMask = 2 * this.#groupMask + 1;
    const half = (this.#groupMask + 1) / 2;
    const bit = half / this.#groupsFirst;
    if (this.#groups % this.#groupsFirst === 0)
      this.#segments.push(new Segment(this.#segmentMask + 1));
    const first = (this.#groups - half) * GROUP_ENTRIES;
    const from = this.#segmentOf(first);
    const to = this.#segmentOf(this.#groups * GROUP_ENTRIES);
    // Both groups are at the same place of their segments: half is a multiple of a segment.
    for (let n = 0, at = first & this.#segmentMask; n < GROUP_ENTRIES; n += 1, at += 1) {
      const bits = from.bits[at] ?? 0;
      if ((bits & bit) === 0) continue;
      to.tags[at] = from.tags[at] ?? 0;
      to.untilMs[at] = from.untilMs[at] ?? 0;
      to.bits[at] = bits;
      from.tags[at] = 0;
      from.untilMs[at] = 0;
      from.bits[at] = 0;
    }
    this.#groups += 1;
  }

  #segmentOf(entry: number): Segment {
    return this.#segments[entry >>> this.#segmentBits] as Segment;
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
