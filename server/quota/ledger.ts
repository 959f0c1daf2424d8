import type { SkuCounters } from '../../zk/tree/report.ts';

/**
 * The counters of one web node under one node id: pure, synchronous, without a clock. A new node id
 * starts with a new ledger, because grants and counters are cumulative for one id.
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

  /** Counts a purchase request. */
  press(sku: string, isKept: boolean): void {
    const counters = this.#counters(sku);
    counters.asked += 1;
    if (isKept) counters.kept += 1;
  }

  /**
   * Draws the wanted units or as many as are left, but nothing if fewer than `least` are left.
   *
   * @param isRepeat the same units were refused before, so they are not counted as wanted again
   * @returns the units drawn
   */
  draw(sku: string, units: number, least = units, isRepeat = false): number {
    const counters = this.#skus.get(sku);
    if (!counters) return 0;
    const spare = this.spare(sku);
    const drawn = spare < least ? 0 : Math.min(units, spare);
    counters.admitted += drawn;
    // A request that got fewer units is served, so it does not count as wanted.
    if (drawn > 0) return drawn;
    if (!isRepeat) counters.wanted += units;
    // A need that could be met now (after a refund) no longer shows what is missing.
    const isOpen = counters.need > spare;
    counters.need = isOpen ? Math.min(counters.need, least) : least;
    return 0;
  }

  /**
   * Gives back the units of a request that was certainly not taken.
   *
   * @throws {RangeError} if more units come back than are under way: a bug that would over-admit
   */
  refund(sku: string, units: number): void {
    const counters = this.#ending(sku, units);
    counters.admitted -= units;
  }

  /**
   * Notes that the outcome of a request is known. From now on the database counts its units.
   *
   * @throws {RangeError} if more units are decided than are under way: a bug that would over-admit
   */
  decide(sku: string, units: number): void {
    const counters = this.#ending(sku, units);
    counters.decided += units;
  }

  #ending(sku: string, units: number): Mutable<SkuCounters> {
    const underWay = this.underWay(sku);
    if (!(units > 0 && units <= underWay)) {
      throw new RangeError(`${sku}: ${units} units end, but ${underWay} are under way`);
    }
    return this.#counters(sku);
  }

  /** Units that were drawn and have no outcome yet. */
  underWay(sku: string): number {
    const counters = this.#skus.get(sku);
    return counters ? counters.admitted - counters.decided : 0;
  }

  /** Units that can be drawn now. */
  spare(sku: string): number {
    const counters = this.#skus.get(sku);
    return counters ? Math.max(0, counters.grant - counters.admitted) : 0;
  }

  /** Only for a name that is never used again: the counters of an id are cumulative. */
  forget(sku: string): void {
    this.#skus.delete(sku);
  }

  report(): Record<string, SkuCounters> {
    const report: Record<string, SkuCounters> = {};
    for (const [sku, counters] of this.#skus) report[sku] = { ...counters };
    return report;
  }
}
