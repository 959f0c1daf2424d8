import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

/** Histograms of times. They have a fixed size, can be added up, and travel as text. */

export type { Histogram };

/** In microseconds. A call that takes longer counts as this. */
const TIME_MAX = 300_000_000;
/** Whole runs are exact to a thousandth, single seconds to a hundredth: there are thousands of them. */
const DIGITS = { run: 3, second: 2 } as const;

export function newHistogram(of: keyof typeof DIGITS): Histogram {
  return build({
    highestTrackableValue: TIME_MAX,
    numberOfSignificantValueDigits: DIGITS[of],
    bitBucketSize: 32,
  });
}

export function recordMs(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(TIME_MAX, Math.max(1, Math.round(ms * 1_000))));
}

export function toText(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

function fromText(text: string): Histogram {
  return decodeFromCompressedBase64(text, 32);
}

/** Milliseconds, rounded to microseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export function percentilesOf(histogram: Histogram): Percentiles {
  const at = (share: number) => histogram.getValueAtPercentile(share) / 1_000;
  return {
    ...{ p50: at(50), p90: at(90), p95: at(95), p99: at(99), p999: at(99.9) },
    // With the accuracy of the rest, because the exact value does not travel with the histogram.
    max: at(100),
  };
}

/** The sum of histograms in text form; undefined of none. */
export function sumOf(texts: readonly string[]): Histogram | undefined {
  const [first, ...others] = texts;
  if (first === undefined) return undefined;
  const sum = fromText(first);
  for (const other of others) sum.add(fromText(other));
  return sum;
}
