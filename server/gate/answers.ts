/**
 * Counts the answers to purchase requests by verdict. The metrics read the counts at each scrape.
 */
export class AnswerCounts {
  readonly #counts = new Map<string, { count: number }>();

  add(verdict: string): void {
    const entry = this.#counts.get(verdict);
    if (entry === undefined) this.#counts.set(verdict, { count: 1 });
    else entry.count += 1;
  }

  *[Symbol.iterator](): Generator<[verdict: string, count: number]> {
    for (const [verdict, { count }] of this.#counts) yield [verdict, count];
  }
}
