/**
 * Growth of counters between two looks. At the first look nobody knows how long a counter has grown,
 * so it has not grown. A counter that appears later has grown from 0, and one that became smaller
 * has started again from 0.
 */
export class Rates {
  #before: ReadonlyMap<string, number> = new Map();
  #beforeAtMs: number | undefined;
  #now = new Map<string, number>();
  #nowAtMs: number | undefined;

  /** Begins a look at all counters. Those that are not seen in it are forgotten. */
  look(atMs: number): void {
    this.#before = this.#now;
    this.#beforeAtMs = this.#nowAtMs;
    this.#now = new Map();
    this.#nowAtMs = atMs;
  }

  /** How much the counter has grown since the look before. */
  growth(counter: string, value: number): number {
    this.#now.set(counter, value);
    if (this.#beforeAtMs === undefined) return 0;
    const before = this.#before.get(counter) ?? 0;
    return value >= before ? value - before : value;
  }

  perSecond(counter: string, value: number): number {
    const growth = this.growth(counter, value);
    const elapsedMs = (this.#nowAtMs ?? 0) - (this.#beforeAtMs ?? 0);
    return elapsedMs > 0 ? (growth * 1_000) / elapsedMs : 0;
  }
}
