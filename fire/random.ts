import { hash } from 'node:crypto';

/** Random numbers from a seed and a purpose: each purpose has a stream of its own. */
export class Random {
  #state: Int32Array;

  constructor(seed: number, purpose: string) {
    const bytes = hash('sha256', `${seed}\n${purpose}`, 'buffer');
    this.#state = Int32Array.from({ length: 4 }, (_, at) => bytes.readInt32LE(4 * at));
  }

  /** From 0 up to, but not including, 1: the generator sfc32. */
  next(): number {
    const [a = 0, b = 0, c = 0, count = 0] = this.#state;
    const sum = (a + b + count) | 0;
    const rotated = (c << 21) | (c >>> 11);
    this.#state.set([b ^ (b >>> 9), (c + (c << 3)) | 0, (rotated + sum) | 0, (count + 1) | 0]);
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  one<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.next() * values.length)];
    if (value === undefined) throw new RangeError('nothing to choose from');
    return value;
  }

  /** One of the values, each as often as its weight says. */
  weighted<T>(values: readonly T[], weightOf: (value: T) => number): T {
    let left = this.next() * values.reduce((sum, value) => sum + weightOf(value), 0);
    const found = values.find((value) => {
      left -= weightOf(value);
      return left < 0;
    });
    return found ?? this.one(values);
  }
}
