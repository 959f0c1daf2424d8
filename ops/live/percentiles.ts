import type { Percentiles } from './view.ts';

/** Cumulative counts by upper bound in seconds, as Prometheus histograms have them. */
export type Buckets = ReadonlyMap<number, number>;

export function addBuckets(one: Buckets, other: Buckets): Buckets {
  const sum = new Map(one);
  for (const [bound, count] of other) sum.set(bound, (sum.get(bound) ?? 0) + count);
  return sum;
}

/**
 * Percentiles in milliseconds, interpolated within a bucket. Beyond the largest bound, the result is
 * that bound. Null without any observation.
 */
export function percentilesOf(buckets: Buckets): Percentiles | null {
  const bounds = [...buckets].sort(([one], [other]) => one - other);
  const total = bounds.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const at = (share: number): number => {
    const wanted = share * total;
    let [lower, below] = [0, 0];
    for (const [bound, count] of bounds) {
      if (count >= wanted) {
        if (bound === Number.POSITIVE_INFINITY) return lower * 1_000;
        const part = count === below ? 1 : (wanted - below) / (count - below);
        return (lower + (bound - lower) * part) * 1_000;
      }
      [lower, below] = [bound, count];
    }
    return lower * 1_000;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
