import type { SkuCounters } from '../../zk/tree/report.ts';
import type { Demand } from './kept-share.ts';

/** What is asked of one SKU, from the counters that web nodes report. Pure. */

/** Reports come ten times a second; two seconds of them tell a crowd from a few who press together. */
const LOOK_BACK_MS = 2_000;
/** Less says nothing. */
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

  /** Takes the counters of each node as of now; those of a node that is new begin to count here. */
  add(atMs: number, nodes: ReadonlyMap<string, SkuCounters>): void {
    const before = { ...this.#total };
    for (const [node, counters] of nodes) {
      const known = this.#nodes.get(node);
      for (const count of known ? COUNTS : []) {
        // Refunds take `admitted` back: what asked for it will ask again.
        this.#total[count] += Math.max(0, counters[count] - (known?.[count] ?? 0));
      }
    }
    this.#nodes = new Map(nodes);
    const underWay = [...nodes.values()].some(({ admitted, decided }) => admitted > decided);
    if (!underWay || this.#total.decided > before.decided) this.#decidedAtMs = atMs;
    // Before the first request there is nothing to be learned: it may not have opened.
    if (this.#total.asked === 0) this.#samples = [];
    this.#samples.push({ atMs, total: { ...this.#total } });
    while ((this.#samples[1]?.atMs ?? atMs) <= atMs - LOOK_BACK_MS) this.#samples.shift();
  }

  /** Undefined while too little was seen. */
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

  /** The sale is interrupted: what was asked before says nothing about what will be. */
  forget(): void {
    this.#samples = [];
    this.#nodes.clear();
    this.#total = { ...NONE };
    this.#decidedAtMs = undefined;
  }
}
