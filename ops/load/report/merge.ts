import { sumOfCounts } from './counts.ts';
import { newHistogram, percentilesOf, sumOf, toText } from './histogram.ts';
import { type Counts, FORMAT, type LoadReport, type SecondOfReport, type Times } from './report.ts';

/** Adds up the reports of the parts of one plan: counts are added, and histograms too. */

/** @throws {Error} the reports are not of different parts of one plan */
export function mergeReports(reports: readonly LoadReport[]): LoadReport {
  const [first] = reports;
  if (first === undefined) throw new Error('there is no report');
  for (const report of reports) checkSame(first, report);
  const parts = reports.flatMap((report) => report.parts).toSorted((a, b) => a - b);
  const twice = parts.find((part, at) => parts[at + 1] === part);
  if (twice !== undefined) throw new Error(`two reports have the part ${twice} of ${first.of}`);
  const sum = (of: (report: LoadReport) => number) =>
    reports.reduce((all, report) => all + of(report), 0);
  const most = (of: (report: LoadReport) => number) => Math.max(...reports.map(of));
  const counts = (of: (report: LoadReport) => Counts) => sumOfCounts(reports.map(of));
  const times = (of: (report: LoadReport) => Times | undefined) =>
    addTimes(reports.flatMap((report) => of(report) ?? []));
  const calls = [...new Set(reports.flatMap((report) => Object.keys(report.calls)))];
  return {
    ...{ format: FORMAT, plan: first.plan, target: first.target, parts, of: first.of },
    beganAt: reports.map(({ beganAt }) => beganAt).toSorted()[0] ?? first.beganAt,
    seconds: most(({ seconds }) => seconds),
    shoppers: {
      due: sum(({ shoppers }) => shoppers.due),
      played: sum(({ shoppers }) => shoppers.played),
      notPlayed: counts(({ shoppers }) => shoppers.notPlayed),
      behaviours: counts(({ shoppers }) => shoppers.behaviours),
      ends: counts(({ shoppers }) => shoppers.ends),
    },
    calls: Object.fromEntries(
      calls.map((name) => [
        name,
        {
          sent: sum((report) => report.calls[name]?.sent ?? 0),
          verdicts: counts((report) => report.calls[name]?.verdicts ?? {}),
          times: times((report) => report.calls[name]?.times),
        },
      ]),
    ),
    outcomeTimes: times(({ outcomeTimes }) => outcomeTimes),
    requests: {
      sent: sum(({ requests }) => requests.sent),
      taken: sum(({ requests }) => requests.taken),
      outcomes: counts(({ requests }) => requests.outcomes),
      lookedUp: sum(({ requests }) => requests.lookedUp),
    },
    orders: {
      made: sum(({ orders }) => orders.made),
      served: sum(({ orders }) => orders.served),
      paid: sum(({ orders }) => orders.paid),
      cancelled: sum(({ orders }) => orders.cancelled),
    },
    bySecond: mergeSeconds(reports),
    ...(first.replay && {
      replay: { ...first.replay, notMade: counts(({ replay }) => replay?.notMade ?? {}) },
    }),
    generator: {
      lag: times(({ generator }) => generator.lag),
      gaps: counts(({ generator }) => generator.gaps),
      busySeconds: sum(({ generator }) => generator.busySeconds),
      processes: sum(({ generator }) => generator.processes),
      memoryMaxBytes: most(({ generator }) => generator.memoryMaxBytes),
    },
  };
}

function checkSame(first: LoadReport, report: LoadReport): void {
  if (report.format !== FORMAT)
    throw new Error(`this is not a report of flashsale load (${FORMAT})`);
  const same: [string, unknown, unknown][] = [
    ['plan', first.plan.mark, report.plan.mark],
    ['target', first.target, report.target],
    ['number of parts', first.of, report.of],
  ];
  for (const [what, one, other] of same) {
    if (one !== other) throw new Error(`the reports are not of the same ${what}: ${one}, ${other}`);
  }
}

function addTimes(all: readonly Times[]): Times {
  const sum = sumOf(all.map(({ histogram }) => histogram)) ?? newHistogram('run');
  return { count: sum.totalCount, ms: percentilesOf(sum), histogram: toText(sum) };
}

function mergeSeconds(reports: readonly LoadReport[]): SecondOfReport[] {
  const bySecond = Map.groupBy(
    reports.flatMap((report) => report.bySecond),
    ({ second }) => second,
  );
  return [...bySecond]
    .toSorted(([a], [b]) => a - b)
    .map(([second, same]) => ({ ...joinSeconds(same), second }));
}

/** Several seconds, or the same second of several parts, as one. */
export function joinSeconds(all: readonly SecondOfReport[]): Omit<SecondOfReport, 'second'> {
  const names = [...new Set(all.flatMap(({ calls }) => Object.keys(calls)))];
  const ofCalls = names.map((name) => {
    const texts = all.flatMap(({ calls }) => calls[name]?.histogram ?? []);
    const sum = sumOf(texts) ?? newHistogram('second');
    const { p50, p99 } = percentilesOf(sum);
    return [name, { count: sum.totalCount, p50, p99, histogram: toText(sum) }] as const;
  });
  return {
    arrivals: all.reduce((sum, { arrivals }) => sum + arrivals, 0),
    alive: all.reduce((sum, { alive }) => sum + alive, 0),
    calls: Object.fromEntries(ofCalls),
  };
}
