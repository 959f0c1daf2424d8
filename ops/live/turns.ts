/**
 * Keeps the last value of each of many names. New names are read at once. The known ones take turns, so
 * that a look stays cheap however many there are.
 */
export class Turns<T> {
  #max: number;
  #known = new Map<string, T>();
  #next = 0;

  /** @param max known names that are read in one look */
  constructor(max: number) {
    this.#max = max;
  }

  /** @param read undefined: the value that was read before stays */
  async read(
    names: readonly string[],
    read: (name: string) => Promise<T | undefined>,
  ): Promise<ReadonlyMap<string, T>> {
    const count = Math.min(this.#max, names.length);
    const fresh = names.filter((name) => !this.#known.has(name));
    const turn = Array.from({ length: count }, (_, index) => {
      return names[(this.#next + index) % names.length] ?? '';
    });
    this.#next += count;
    const reading = [...new Set([...fresh, ...turn])].map(async (name) => {
      const value = await read(name);
      if (value !== undefined) this.#known.set(name, value);
    });
    await Promise.all(reading);
    const there = new Set(names);
    for (const name of this.#known.keys()) if (!there.has(name)) this.#known.delete(name);
    return this.#known;
  }
}
