import type { Report } from '../../zk/tree/report.ts';
import type { UnitCount } from '../figures.ts';
import type { View } from './facts.ts';

/**
 * Which SKUs must be planned at a look. A plan depends on nothing but the edits, the living and settled nodes, and the
 * SKU's own counts and counters. While these stay as they are, the next plan would be the same, and a shop with a thousand
 * SKUs sells few of them at any moment. No I/O.
 */

/** All SKUs are planned so often in any case. No plan is known to need it. */
const ALL_EVERY_MS = 2_000;

/**
 * Adds the SKUs of which a node's report `now` says something else than `before`.
 *
 * @param skusPath the parent of the SKUs in ZooKeeper: a report names values by their paths
 */
export function newsOf(before: Report, now: Report, skusPath: string, news: Set<string>): void {
  const prefix = `${skusPath}/`;
  for (const report of [before, now]) {
    for (const sku in report.skus) if (before.skus[sku] !== now.skus[sku]) news.add(sku);
    for (const path in report.applied) {
      if (before.applied[path] === now.applied[path] || !path.startsWith(prefix)) continue;
      const [sku = ''] = path.slice(prefix.length).split('/', 1);
      news.add(sku);
    }
  }
}

type Counts = ReadonlyMap<string, UnitCount>;

function areEqual(one: UnitCount | undefined, other: UnitCount | undefined): boolean {
  return (
    one?.unitsTotal === other?.unitsTotal && one?.free === other?.free && one?.home === other?.home
  );
}

export class PlansDue {
  readonly #skus = new Set<string>();
  #isAll = true;
  #allAtMs = 0;
  #counts: Counts = new Map();
  #fresh: View['fresh'] = new Set();
  #settled: View['settled'] | undefined;

  /** Something that all plans depend on has changed. */
  addAll(): void {
    this.#isAll = true;
  }

  /** Counters of these SKUs have changed. */
  add(skus: Iterable<string>): void {
    for (const sku of skus) this.#skus.add(sku);
  }

  /**
   * Compares with the last view.
   *
   * @param skus by name, all that operators have set up
   * @returns those that are due
   */
  of(
    skus: ReadonlyMap<string, unknown>,
    { counts, fresh, settled }: View,
    nowMs: number,
  ): ReadonlySet<string> {
    this.#isAll ||= settled !== this.#settled || nowMs >= this.#allAtMs;
    if (this.#isAll) this.#allAtMs = nowMs + ALL_EVERY_MS;
    for (const sku of this.#skus) if (!skus.has(sku)) this.#skus.delete(sku);
    for (const sku of skus.keys()) {
      const isSame =
        fresh.has(sku) === this.#fresh.has(sku) && areEqual(counts.get(sku), this.#counts.get(sku));
      if (this.#isAll || !isSame) this.#skus.add(sku);
    }
    [this.#isAll, this.#counts, this.#fresh, this.#settled] = [false, counts, fresh, settled];
    return this.#skus;
  }

  /** The SKU was planned with fresh counts, and what the plan wanted is written. */
  done(sku: string): void {
    this.#skus.delete(sku);
  }
}
