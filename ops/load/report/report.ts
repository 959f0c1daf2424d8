import type { Percentiles } from './histogram.ts';

/** The report of a crowd, as JSON. Its histograms are HdrHistograms (compressed, base64). */

export const FORMAT = 'flashsale-load/1';

export type Counts = Readonly<Record<string, number>>;

/** What a replay is compared with, and what it could not repeat. */
export interface ReplayFacts {
  readonly sale: string;
  readonly speed: number;
  readonly seconds: number;
  readonly shoppers: number;
  readonly calls: number;
  readonly answers: Readonly<Record<string, Counts>>;
  readonly outcomes: Counts;
  /** Calls that were not made, because this run went another way. */
  readonly notMade: Counts;
}

/** Times of calls, from the moment at which each was due. */
export interface Times {
  readonly count: number;
  readonly ms: Percentiles;
  readonly histogram: string;
}

export interface SecondOfReport {
  /** From the beginning of the plan. */
  readonly second: number;
  readonly arrivals: number;
  /** Shoppers in the shop, when the second ended. */
  readonly alive: number;
  /** Answers to calls that were due in this second, by call. */
  readonly calls: Readonly<
    Record<
      string,
      {
        readonly count: number;
        readonly p50: number;
        readonly p99: number;
        readonly histogram: string;
      }
    >
  >;
}

export interface LoadReport {
  readonly format: typeof FORMAT;
  readonly plan: {
    readonly mark: string;
    readonly sale: string;
    readonly seed: string;
    readonly shoppers: number;
  };
  readonly target: string;
  /** The parts of the plan that this report has, and into how many it was divided. */
  readonly parts: readonly number[];
  readonly of: number;
  readonly beganAt: string;
  readonly seconds: number;
  readonly shoppers: {
    /** Of these parts. */
    readonly due: number;
    readonly played: number;
    /** Those who were due and did not play, by reason. */
    readonly notPlayed: Counts;
    readonly behaviours: Counts;
    /** How the visits of those who played have ended. */
    readonly ends: Counts;
  };
  readonly calls: Readonly<
    Record<string, { readonly sent: number; readonly verdicts: Counts; readonly times: Times }>
  >;
  /** From a press to its outcome, for those who waited for it. */
  readonly outcomeTimes: Times;
  readonly requests: {
    /** Different purchases that were sent; each has an idempotency key. */
    readonly sent: number;
    /** Those that the shop has confirmed with a 202. */
    readonly taken: number;
    /** Each request once, with the outcome that was seen first. */
    readonly outcomes: Counts;
    /** Requests whose outcome was looked up after the shoppers had left. */
    readonly lookedUp: number;
  };
  readonly orders: {
    readonly made: number;
    /** Of these, for places in the waitlist. */
    readonly served: number;
    readonly paid: number;
    readonly cancelled: number;
  };
  readonly bySecond: readonly SecondOfReport[];
  readonly replay?: ReplayFacts;
  /** What the generator could not do, or did late. */
  readonly generator: {
    /** How much later than due calls left. */
    readonly lag: Times;
    /** What the plan asks for and was not done, with how often. */
    readonly gaps: Counts;
    /** Seconds in which the event loop of a process was busy for more than nine tenths. */
    readonly busySeconds: number;
    readonly processes: number;
    readonly memoryMaxBytes: number;
  };
}

/** From this lag on (99th percentile), the times say as much of the generator as of the shop. */
const LAG_MS_MAX = 50;

/** How a visit ends that could not begin, because the plan does not fit the shop (shopper.ts). */
const TURNED_AWAY = ['no such sale', 'no identity', 'no such SKU'];

/** Whether not one of those who came could begin. */
export function wereAllTurnedAway({ shoppers: { played, ends } }: LoadReport): boolean {
  const away = TURNED_AWAY.reduce((sum, reason) => sum + (ends[reason] ?? 0), 0);
  return played > 0 && away === played;
}

/** Sentences about what the generator could not do. Empty if the crowd played as planned. */
export function shortcomings({ shoppers, generator, seconds, requests }: LoadReport): string[] {
  const told: string[] = [];
  const { lag, gaps, busySeconds, processes } = generator;
  if (lag.ms.p99 > LAG_MS_MAX) {
    told.push(
      `One call in a hundred left ${lag.ms.p99.toFixed(0)} ms or more after it was due: the generator was too slow, and the times count this. Play the plan in more parts.`,
    );
  }
  if (busySeconds > 0.05 * seconds * processes) {
    told.push(`The generator's processes were busy for ${busySeconds} seconds in all.`);
  }
  for (const [reason, count] of Object.entries(shoppers.notPlayed)) {
    told.push(`${count} shoppers did not play: ${reason}.`);
  }
  for (const reason of TURNED_AWAY) {
    const count = shoppers.ends[reason] ?? 0;
    if (count > 0) told.push(`${count} shoppers went away at once: ${reason}.`);
  }
  for (const [gap, count] of Object.entries(gaps)) told.push(`${gap}: ${count}.`);
  const { queued = 0, unknown = 0 } = requests.outcomes;
  if (queued + unknown > 0) {
    told.push(
      `${queued + unknown} requests had no outcome that could be looked up when the report was made.`,
    );
  }
  return told;
}

interface Compared {
  readonly name: string;
  readonly recorded: number;
  readonly replayed: number;
}

/** A replay beside what was recorded; undefined of a plan. */
export function comparison({ replay, requests, calls }: LoadReport) {
  if (replay === undefined) return undefined;
  const answers = [...new Set([...Object.keys(replay.answers), ...Object.keys(calls)])].map(
    (call) => ({
      call,
      answers: compare(replay.answers[call] ?? {}, calls[call]?.verdicts ?? {}),
    }),
  );
  return {
    outcomes: compare(replay.outcomes, requests.outcomes),
    answers,
    notMade: replay.notMade,
  };
}

function compare(recorded: Counts, replayed: Counts): Compared[] {
  const names = [...new Set([...Object.keys(recorded), ...Object.keys(replayed)])];
  return names.map((name) => ({
    ...{ name, recorded: recorded[name] ?? 0, replayed: replayed[name] ?? 0 },
  }));
}
