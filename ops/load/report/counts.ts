import type { Counts } from './report.ts';

/** Counts by name. The names come from answers too, so there is a limit to them. */

const NAMES_MAX = 100;
const OTHERS = 'other';

export class Counter {
  readonly #counts = new Map<string, number>();

  add(name: string, many = 1): void {
    const isRoom = this.#counts.has(name) || this.#counts.size < NAMES_MAX;
    const under = isRoom ? name : OTHERS;
    this.#counts.set(under, (this.#counts.get(under) ?? 0) + many);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** The largest counts first. */
  get counts(): Counts {
    return Object.fromEntries([...this.#counts].toSorted((a, b) => b[1] - a[1]));
  }
}

export function sumOfCounts(all: readonly Counts[]): Counts {
  const sum = new Counter();
  for (const counts of all) for (const [name, many] of Object.entries(counts)) sum.add(name, many);
  return sum.counts;
}
