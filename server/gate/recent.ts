/**
 * A bounded memory of recent entries in two generations, each a Map. An entry that is read moves to
 * the young generation. When that is full, the old one is dropped as a whole. Writing is far
 * cheaper than with an LRU list, which gains nothing for a crowd of users who are each seen once.
 */
export class Recent<V> {
  readonly #generationMax: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  /** @param entriesMax at least half of this number is remembered */
  constructor(entriesMax: number) {
    this.#generationMax = Math.max(1, Math.ceil(entriesMax / 2));
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
