import type { SkuCounters } from '../../zk/tree/report.ts';
import type { Demand } from './kept-share.ts';

/** Measures the demand for one SKU from the counters that web nodes report. Pure. */

/**
 * Reports arrive ten times a second. Two seconds of them distinguish real demand from a few
 * simultaneous requests.
 */
const LOOK_BACK_MS = 2_000;
/** A shorter period gives no useful rates. */
const LOOK_BACK_MIN_MS = 200;

const COUNTS = ['asked', 'kept', 'admitted', 'wanted', 'decided'] as const;
type Count = (typeof COUNTS)[number];
type Counts = Record<Count, number>;

interface Sample {
  readonly atMs: number;
  readonly total: Readonly<Counts>;
}

const NONE: Counts = { asked: 0, kept: 0, admitted: 0, wanted: 0, decided: 0 };

export class DemandMeter {
  #nodes = new Map<string, Pick<SkuCounters, Count>>();
  #total: Counts = { ...NONE };
  #samples: Sample[] = [];
  #decidedAtMs: number | undefined;

  /**
   * Adds the counters of each node at the time `atMs`. The counters of a new node count from here
   * on.
   */
  add(atMs: number, nodes: ReadonlyMap<string, SkuCounters>): void {
    const before = { ...this.#total };
    for (const [node, counters] of nodes) {
      const known = this.#nodes.get(node);
      for (const count of known ? COUNTS : []) {
        // Refunds lower `admitted`; a negative change is ignored, because the same demand will ask
        // again.
        this.#total[count] += Math.max(0, counters[count] - (known?.[count] ?? 0));
      }
    }
    this.#nodes = new Map(nodes);
    const underWay = [...nodes.values()].some(({ admitted, decided }) => admitted > decided);
    if (!underWay || this.#total.decided > before.decided) this.#decidedAtMs = atMs;
    // Time before the first request is ignored: the sale may not have opened.
    if (this.#total.asked === 0) this.#samples = [];
    this.#samples.push({ atMs, total: { ...this.#total } });
    while ((this.#samples[1]?.atMs ?? atMs) <= atMs - LOOK_BACK_MS) this.#samples.shift();
  }

  /** The demand; undefined while too little time was measured. */
  get demand(): Demand | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.atMs - first.atMs < LOOK_BACK_MIN_MS) return undefined;
    const seconds = (last.atMs - first.atMs) / 1_000;
    const rate = (count: Count) => (last.total[count] - first.total[count]) / seconds;
    return {
      askedPerSecond: rate('asked'),
      keptPerSecond: rate('kept'),
      reachedPerSecond: rate('admitted') + rate('wanted'),
      decidedPerSecond: rate('decided'),
      seconds,
      stalledSeconds: (last.atMs - (this.#decidedAtMs ?? last.atMs)) / 1_000,
    };
  }

  /**
   * Starts again after an interruption of the sale, because earlier demand does not predict what
   * follows.
   */
  forget(): void {
    this.#samples = [];
    this.#nodes.clear();
    this.#total = { ...NONE };
    this.#decidedAtMs = undefined;
  }
}
