import type { ReadinessReport } from '../../../process/readiness.ts';
import { addressesOfMonitor } from '../../live/monitors.ts';
import { call } from './http.ts';
import { parseSamples, type Sample } from './samples.ts';

/** What the monitor port of each process says of it. */

/** All that the checks read, so that one call a process is enough. */
const METRICS = [
  'flashsale_release',
  'flashsale_payment_mode',
  'flashsale_secret_mark',
  'flashsale_clock_ahead_seconds',
  'flashsale_database_sessions',
  'flashsale_keeper_leads',
  'flashsale_stock_free_units',
  'process_open_fds',
  'process_max_fds',
] as const;
export type MetricName = (typeof METRICS)[number];

/** Ports that are asked at the same time. */
const ASKED_AT_ONCE_MAX = 32;

export interface ProcessFacts {
  /** For people: `web at 10.0.0.1:9101`. */
  readonly name: string;
  readonly kind: string;
  readonly readiness: ReadinessReport;
  readonly samples: readonly Sample[];
}

export interface Processes {
  readonly all: readonly ProcessFacts[];
  /** Monitor ports that did not answer, with the reason. */
  readonly silent: readonly { readonly target: string; readonly reason: string }[];
}

async function ask(target: string, timeoutMs: number): Promise<ProcessFacts> {
  const query = METRICS.map((name) => `name=${name}`).join('&');
  const [metrics, ready] = await Promise.all([
    call(target, `/metrics?${query}`, timeoutMs),
    call(target, '/readyz', timeoutMs),
  ]);
  if (metrics.status !== 200) throw new Error(`${target}/metrics answered ${metrics.status}`);
  const samples = parseSamples(metrics.text);
  const kind = samples.find(({ labels }) => labels['process'])?.labels['process'] ?? 'process';
  return {
    name: `${kind} at ${new URL(target).host}`,
    kind,
    readiness: JSON.parse(ready.text) as ReadinessReport,
    samples,
  };
}

/** Asks each process once. Never rejects because of one that does not answer. */
export async function askProcesses(urls: readonly string[], timeoutMs: number): Promise<Processes> {
  const found = await Promise.all(urls.map((url) => addressesOfMonitor(new URL(url))));
  const targets = [...new Set(found.flat())];
  const all: ProcessFacts[] = [];
  const silent: { target: string; reason: string }[] = [];
  const waiting = targets.values();
  const next = async (): Promise<void> => {
    for (const target of waiting) {
      await ask(target, timeoutMs).then(
        (facts) => all.push(facts),
        (error: Error) => silent.push({ target: new URL(target).host, reason: error.message }),
      );
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE_MAX }, next));
  return { all: all.sort((one, other) => (one.name < other.name ? -1 : 1)), silent };
}

export function samplesOf({ samples }: ProcessFacts, name: MetricName): readonly Sample[] {
  return samples.filter((sample) => sample.name === name);
}

/** The only value of a metric without labels; undefined if an older release does not show it. */
export function onlyValueOf(process: ProcessFacts, name: MetricName): number | undefined {
  return samplesOf(process, name)[0]?.value;
}
