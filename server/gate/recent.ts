/**
 * A bounded memory of what was seen lately: two generations of a Map. What is asked for again moves to
 * the young one; when that is full, the old one is dropped as a whole. Far cheaper to write than a
 * list in order of use, which a crowd of strangers, each seen once, would only churn.
 */
export class Recent<V> {
  readonly #generationMax: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  /** @param entriesMax the least that is remembered is half of it */
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
