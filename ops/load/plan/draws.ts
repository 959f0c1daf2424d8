import { hash } from 'node:crypto';

/**
 * Random numbers that come from the seed alone. Each shopper has a stream of its own for each
 * purpose, so it draws the same whoever else plays, on whichever machine, and in whatever order the
 * answers come.
 */
export class Draws {
  #a: number;
  #b: number;
  #c: number;
  #count: number;

  constructor(seed: string, shopper: number, purpose: string) {
    const state = hash('sha256', `${seed}\n${shopper}\n${purpose}`, 'buffer');
    this.#a = state.readInt32LE(0);
    this.#b = state.readInt32LE(4);
    this.#c = state.readInt32LE(8);
    this.#count = state.readInt32LE(12);
  }

  /** From 0 up to, but not including, 1: the generator sfc32. */
  next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.next();
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  /** A pause around its mean: from half of it to one and a half. */
  around(mean: number): number {
    return mean * (0.5 + this.next());
  }

  /** One of the names, each as often as its weight says. */
  pick<Name extends string>(weights: ReadonlyMap<Name, number>): Name {
    let all = 0;
    for (const weight of weights.values()) all += weight;
    let left = this.next() * all;
    let last: Name | undefined;
    for (const [name, weight] of weights) {
      if (weight > 0) last = name;
      left -= weight;
      if (left < 0) return name;
    }
    if (last === undefined) throw new Error('no weight is above 0');
    return last;
  }
}
