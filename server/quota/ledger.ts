import type { SkuCounters } from '../../zk/tree/report.ts';

/**
 * The counters of one web node under one node id: pure, synchronous, no clock. A new node id begins
 * with a new ledger, because grants and counters are cumulative for one id.
 */

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Ledger {
  #skus = new Map<string, Mutable<SkuCounters>>();

  #counters(sku: string): Mutable<SkuCounters> {
    let counters = this.#skus.get(sku);
    if (!counters) {
      counters = { grant: 0, admitted: 0, decided: 0, wanted: 0, need: 0, asked: 0, kept: 0 };
      this.#skus.set(sku, counters);
    }
    return counters;
  }

  setGrant(sku: string, units: number): void {
    const counters = this.#counters(sku);
    if (units > counters.grant) counters.need = 0;
    counters.grant = units;
  }

  /** A purchase request came in. */
  press(sku: string, isKept: boolean): void {
    const counters = this.#counters(sku);
    counters.asked += 1;
    if (isKept) counters.kept += 1;
  }

  /**
   * Takes what is there of the units wanted, but nothing when that is less than `least`.
   * @param isRepeat the same wish was refused before: it is not counted again
   * @returns the units drawn
   */
  draw(sku: string, units: number, least = units, isRepeat = false): number {
    const counters = this.#skus.get(sku);
    if (!counters) return 0;
    const spare = this.spare(sku);
    const drawn = spare < least ? 0 : Math.min(units, spare);
    counters.admitted += drawn;
    // A request that takes fewer is served: it wants nothing in vain.
    if (drawn > 0) return drawn;
    if (!isRepeat) counters.wanted += units;
    // One that could be served now (after a refund) no longer says what is missing.
    const isOpen = counters.need > spare;
    counters.need = isOpen ? Math.min(counters.need, least) : least;
    return 0;
  }

  /**
   * Gives back what was drawn for a request that is known not to have been taken.
   * @throws {RangeError} when more comes back than is under way: a bug that would over-admit
   */
  refund(sku: string, units: number): void {
    const counters = this.#underWay(sku, units);
    counters.admitted -= units;
  }

  /**
   * The request's outcome is known; its units are the database's from now on.
   * @throws {RangeError} when more is decided than is under way: a bug that would over-admit
   */
  decide(sku: string, units: number): void {
    const counters = this.#underWay(sku, units);
    counters.decided += units;
  }

  #underWay(sku: string, units: number): Mutable<SkuCounters> {
    const counters = this.#counters(sku);
    const underWay = counters.admitted - counters.decided;
    if (!(units > 0 && units <= underWay)) {
      throw new RangeError(`${sku}: ${units} units end, but ${underWay} are under way`);
    }
    return counters;
  }

  /** Units that can be drawn now. */
  spare(sku: string): number {
    const counters = this.#skus.get(sku);
    return counters ? Math.max(0, counters.grant - counters.admitted) : 0;
  }

  report(): Record<string, SkuCounters> {
    return Object.fromEntries([...this.#skus].map(([sku, counters]) => [sku, { ...counters }]));
  }
}
