import type { Report } from '../../zk/tree/report.ts';

/**
 * Presses by SKU: how much the counters of web nodes have grown from one report to the next. The rules are those of
 * `Rates`. Its names, one for each counter of each node, would cost more than reading the reports.
 */
export class Presses {
  readonly #reports = new Map<string, Report['skus']>();
  readonly #grown = new Map<string, { asked: number; kept: number }>();
  #atMs: number | undefined;
  #elapsedMs = 0;

  /** Begins a look. Nodes that are not in it any more are forgotten. */
  look(atMs: number, nodes: ReadonlySet<string>): void {
    this.#elapsedMs = this.#atMs === undefined ? 0 : atMs - this.#atMs;
    this.#atMs = atMs;
    this.#grown.clear();
    for (const node of this.#reports.keys()) if (!nodes.has(node)) this.#reports.delete(node);
  }

  /** The report of a node was read. */
  add(node: string, { skus }: Report): void {
    const before = this.#reports.get(node) ?? {};
    this.#reports.set(node, skus);
    for (const [sku, { asked, kept }] of Object.entries(skus)) {
      const sums = this.#grown.get(sku) ?? { asked: 0, kept: 0 };
      sums.asked += growth(before[sku]?.asked, asked);
      sums.kept += growth(before[sku]?.kept, kept);
      this.#grown.set(sku, sums);
    }
  }

  perSecond(sku: string): { readonly asked: number; readonly kept: number } {
    const { asked = 0, kept = 0 } = this.#grown.get(sku) ?? {};
    const rate = (units: number) => (this.#elapsedMs > 0 ? (units * 1_000) / this.#elapsedMs : 0);
    return { asked: rate(asked), kept: rate(kept) };
  }
}

/** A counter that became smaller has started again from 0. */
function growth(before: number | undefined, now: number): number {
  return before !== undefined && now >= before ? now - before : now;
}
