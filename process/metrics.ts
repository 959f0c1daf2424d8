import { performance } from 'node:perf_hooks';
import {
  type CollectFunction,
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from 'prom-client';

import { RELEASE } from '../contracts/release.ts';

export type { Counter, Gauge, Histogram };

/** The metrics of one process. Names begin with `flashsale_` and end in their unit. */
export interface Metrics {
  /** `collect` runs at each scrape, for values that are kept elsewhere. */
  counter<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (counter: Counter<L>) => void,
  ): Counter<L>;
  gauge<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (gauge: Gauge<L>) => void,
  ): Gauge<L>;
  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: readonly L[],
  ): Histogram<L>;
  /** Prometheus text format: all metrics, or those with one of these names. */
  text(names?: readonly string[]): Promise<string>;
  readonly contentType: string;
}

/** Seconds, from 0.1 ms to 10 s: for procedure calls, publishes and verdicts. */
export const LATENCY_BUCKETS_SECONDS = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** Requests or units in an envelope or a batch. */
export const SIZE_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] as const;

/**
 * How often the delay of the event loop is measured. The library's 10 ms take a third of a percent of a core,
 * also in a process that does nothing.
 */
const EVENT_LOOP_SAMPLE_MS = 50;

export function createMetrics(processName: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ process: processName });
  collectDefaultMetrics({
    register: registry,
    eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS,
  });
  const registers = [registry];
  new Counter({
    name: 'flashsale_event_loop_busy_seconds_total',
    help: 'time in which the event loop was busy; its rate is the use, from 0 to 1',
    registers,
    collect() {
      this.reset();
      this.inc(performance.eventLoopUtilization().active / 1_000);
    },
  });
  new Gauge({
    name: 'flashsale_release',
    help: 'always 1; the label is the version of the software that runs',
    labelNames: ['release'],
    registers,
  }).set({ release: RELEASE }, 1);
  return {
    counter<L extends string>(
      name: string,
      help: string,
      labels: readonly L[] = [],
      collect?: (counter: Counter<L>) => void,
    ) {
      const configuration: CounterConfiguration<L> = { name, help, labelNames: labels, registers };
      const counter: Counter<L> = new Counter<L>({
        ...configuration,
        ...(collect && { collect: (() => collect(counter)) as CollectFunction<Counter<L>> }),
      });
      return counter;
    },
    gauge<L extends string>(
      name: string,
      help: string,
      labels: readonly L[] = [],
      collect?: (gauge: Gauge<L>) => void,
    ) {
      const gauge: Gauge<L> = new Gauge<L>({
        name,
        help,
        labelNames: labels,
        registers,
        ...(collect && { collect: (() => collect(gauge)) as CollectFunction<Gauge<L>> }),
      });
      return gauge;
    },
    histogram<L extends string>(
      name: string,
      help: string,
      buckets: readonly number[],
      labels: readonly L[] = [],
    ) {
      const configuration: HistogramConfiguration<L> = {
        name,
        help,
        buckets: [...buckets],
        labelNames: labels,
        registers,
      };
      return new Histogram(configuration);
    },
    async text(names) {
      if (names === undefined) return registry.metrics();
      const known = names.filter((name) => registry.getSingleMetric(name) !== undefined);
      const texts = known.map((name) => registry.getSingleMetricAsString(name));
      return `${(await Promise.all(texts)).join('\n\n')}\n`;
    },
    contentType: registry.contentType,
  };
}
