import { Counter, sumOfCounts } from './counts.ts';
import { type Histogram, newHistogram, percentilesOf, recordMs, toText } from './histogram.ts';
import type { Progress } from './progress.ts';
import type { LoadReport, ReplayFacts, SecondOfReport, Times } from './report.ts';

/**
 * Counts what the crowd does, in memory that does not grow with the number of calls: histograms of
 * the whole run, histograms of the last seconds, and one short text for each second before them.
 */

/** No call takes longer until its answer, so that a second that is older gets no more times. */
const OPEN_SECONDS = 60;
/** A process that is busy for more of a second than this hardly keeps its times. */
const BUSY_SHARE = 0.9;

interface OpenSecond {
  arrivals: number;
  alive: number;
  readonly calls: Map<string, Histogram>;
}

interface CallTally {
  sent: number;
  readonly verdicts: Counter;
  readonly times: Histogram;
}

export class Tally {
  readonly notPlayed = new Counter();
  readonly behaviours = new Counter();
  readonly ends = new Counter();
  readonly outcomes = new Counter();
  readonly gaps = new Counter();
  /** Recorded calls that a replay could not make. */
  readonly notMade = new Counter();
  readonly orders = { made: 0, served: 0, paid: 0, cancelled: 0 };
  readonly requests = { sent: 0, taken: 0, lookedUp: 0 };
  played = 0;
  alive = 0;
  readonly #beginMs: number;
  readonly #calls = new Map<string, CallTally>();
  readonly #open = new Map<number, OpenSecond>();
  readonly #closed: SecondOfReport[] = [];
  readonly #lag = newHistogram('run');
  readonly #outcomeTimes = newHistogram('run');
  #oldestSecond = 0;
  #busySeconds = 0;
  #memoryMaxBytes = 0;

  /** @param beginMs the beginning of the plan, by the monotonic clock */
  constructor(beginMs: number) {
    this.#beginMs = beginMs;
  }

  get progress(): Omit<Progress, 'secondsIn' | 'due'> {
    const calls = [...this.#calls.values()];
    const purchases = this.#calls.get('buy')?.times;
    const isKnown = purchases !== undefined && purchases.totalCount > 0;
    return {
      ...{ played: this.played, alive: this.alive },
      sent: calls.reduce((sum, { sent }) => sum + sent, 0),
      ...{ orders: this.orders.made, paid: this.orders.paid },
      purchaseMs: isKnown ? purchases.getValueAtPercentile(99) / 1_000 : undefined,
      verdicts: sumOfCounts(calls.map(({ verdicts }) => verdicts.counts)),
    };
  }

  arrived(dueMs: number): void {
    this.played += 1;
    this.alive += 1;
    this.#secondOf(dueMs).arrivals += 1;
  }

  sent(call: string, dueMs: number, sentMs: number): void {
    this.#callOf(call).sent += 1;
    recordMs(this.#lag, sentMs - dueMs);
  }

  answered(call: string, verdict: string, dueMs: number, nowMs: number): void {
    const { verdicts, times } = this.#callOf(call);
    verdicts.add(verdict);
    recordMs(times, nowMs - dueMs);
    const { calls } = this.#secondOf(dueMs);
    const ofSecond = calls.get(call) ?? newHistogram('second');
    calls.set(call, ofSecond);
    recordMs(ofSecond, nowMs - dueMs);
  }

  /** A call without an answer has no time. */
  unanswered(call: string, why: string): void {
    this.#callOf(call).verdicts.add(why);
  }

  outcomeAfter(ms: number): void {
    recordMs(this.#outcomeTimes, ms);
  }

  /** Once a second. */
  tick(nowMs: number, busyShare: number): void {
    const second = this.#secondAt(nowMs);
    this.#secondOf(nowMs - 1_000).alive = this.alive;
    if (busyShare > BUSY_SHARE) this.#busySeconds += 1;
    this.#memoryMaxBytes = Math.max(this.#memoryMaxBytes, process.memoryUsage.rss());
    this.#closeBefore(second - OPEN_SECONDS);
  }

  /** @param facts what only the one who plays the plan knows */
  report(
    facts: Pick<LoadReport, 'format' | 'plan' | 'target' | 'parts' | 'of' | 'beganAt'> & {
      readonly recorded?: Omit<ReplayFacts, 'notMade'> | undefined;
      readonly due: number;
      readonly nowMs: number;
    },
  ): LoadReport {
    const { due, nowMs, recorded, ...known } = facts;
    this.#closeBefore(Number.POSITIVE_INFINITY);
    return {
      ...known,
      seconds: Math.max(0, Math.round((nowMs - this.#beginMs) / 1_000)),
      shoppers: {
        due,
        played: this.played,
        notPlayed: this.notPlayed.counts,
        behaviours: this.behaviours.counts,
        ends: this.ends.counts,
      },
      calls: Object.fromEntries(
        [...this.#calls].map(([name, { sent, verdicts, times }]) => [
          name,
          { sent, verdicts: verdicts.counts, times: timesOf(times) },
        ]),
      ),
      outcomeTimes: timesOf(this.#outcomeTimes),
      requests: { ...this.requests, outcomes: this.outcomes.counts },
      orders: { ...this.orders },
      bySecond: this.#closed,
      ...(recorded && { replay: { ...recorded, notMade: this.notMade.counts } }),
      generator: {
        lag: timesOf(this.#lag),
        gaps: this.gaps.counts,
        busySeconds: this.#busySeconds,
        processes: 1,
        memoryMaxBytes: this.#memoryMaxBytes,
      },
    };
  }

  #secondAt(atMs: number): number {
    return Math.max(0, Math.floor((atMs - this.#beginMs) / 1_000));
  }

  #secondOf(atMs: number): OpenSecond {
    const second = Math.max(this.#oldestSecond, this.#secondAt(atMs));
    let open = this.#open.get(second);
    if (open === undefined) {
      open = { arrivals: 0, alive: 0, calls: new Map() };
      this.#open.set(second, open);
    }
    return open;
  }

  #callOf(name: string): CallTally {
    let call = this.#calls.get(name);
    if (call === undefined) {
      call = { sent: 0, verdicts: new Counter(), times: newHistogram('run') };
      this.#calls.set(name, call);
    }
    return call;
  }

  #closeBefore(end: number): void {
    const due = [...this.#open].filter(([second]) => second < end).toSorted(([a], [b]) => a - b);
    for (const [second, { arrivals, alive, calls }] of due) {
      const ofCalls = [...calls].map(([name, histogram]) => {
        const { p50, p99 } = percentilesOf(histogram);
        return [name, { count: histogram.totalCount, p50, p99, histogram: toText(histogram) }];
      });
      this.#closed.push({ second, arrivals, alive, calls: Object.fromEntries(ofCalls) });
      this.#open.delete(second);
      this.#oldestSecond = second + 1;
    }
  }
}

function timesOf(histogram: Histogram): Times {
  return {
    count: histogram.totalCount,
    ms: percentilesOf(histogram),
    histogram: toText(histogram),
  };
}
