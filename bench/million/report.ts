import type { MillionOptions } from './options.ts';

/** What came of the million, as figures and as text. */

export interface Books {
  /** Units in orders, by SKU. */
  readonly ordersBySku: Readonly<Record<string, number>>;
  /** Final outcomes by status. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Requests that were taken and have no outcome. */
  readonly undecided: number;
  readonly auditRows: readonly unknown[];
}

/** What the crowd met. */
export interface CrowdFigures {
  /** Users who pressed at least once. */
  readonly users: number;
  readonly unanswered: number;
  /** Answers by SKU, then verdict. */
  readonly verdicts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface MillionReport {
  readonly options: MillionOptions;
  readonly sale: string;
  readonly presses: number;
  readonly unanswered: number;
  /** Users who never came to press because the time was over. */
  readonly notPressed: number;
  readonly byVerdict: Readonly<Record<string, number>>;
  readonly requestsPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** Of pressing, slice by slice. */
  readonly wallSeconds: number;
  /** The same presses answered by bare node:http; null: not asked. */
  readonly bareSeconds: number | null;
  /** CPU time of a press, by process, where a benchmark looks at it. */
  readonly cpuMicroseconds: Readonly<Record<string, number>>;
  /** From the last answer to the last outcome. */
  readonly decidedAfterSeconds: number;
  readonly ordersBySku: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly undecided: number;
  readonly auditRows: readonly unknown[];
  /** Every unit of every product was ordered. */
  readonly soldOut: boolean;
  readonly machine: {
    readonly cores: number;
    /** Shares of all cores, 0 to 1. */
    readonly busyShare: number;
    readonly crowdShare: number;
  };
  readonly problems: readonly string[];
}

/** Everything that is not as it should be, in words; empty when all is well. */
export function problemsOf(
  options: MillionOptions,
  skus: readonly string[],
  crowd: CrowdFigures,
  books: Books,
): string[] {
  const problems: string[] = [];
  for (const sku of skus) {
    const sold = books.ordersBySku[sku] ?? 0;
    const { queued: taken = 0, quota_spent: inVain = 0 } = crowd.verdicts[sku] ?? {};
    if (sold > options.units)
      problems.push(`OVERSOLD: ${sold} of ${options.units} units of ${sku}`);
    if (sold < options.units) {
      problems.push(
        `${sku}: ${sold} of ${options.units} units sold, ${taken} requests taken, ${inVain} met a spent quota; ${whyLeft(options, taken, inVain)}`,
      );
    }
  }
  if (books.undecided > 0) problems.push(`${books.undecided} requests were taken and not decided`);
  if (books.auditRows.length > 0) problems.push(`the audit found ${books.auditRows.length} rows`);
  if (crowd.users < options.requests) {
    const missing = options.requests - crowd.users;
    problems.push(`${missing} users never came to press: the time was over`);
  }
  if (crowd.unanswered > 0) problems.push(`${crowd.unanswered} presses were not answered`);
  return problems;
}

/** Demand is what came as far as the quota: taken, or told that nothing is left. */
function whyLeft({ units }: MillionOptions, taken: number, inVain: number): string {
  if (taken >= units) return 'UNDERSOLD although enough was taken';
  return taken + inVain >= units
    ? 'UNDERSOLD: enough came as far as the quota, and was told that it is spent'
    : 'kept demand was too small to sell out: raise --requests or --keep';
}

const whole = (value: number) => Math.round(value).toLocaleString('en');
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

/** The report as it stands on the screen. */
export function renderReport(report: MillionReport): string {
  const { options, machine, latencyMs } = report;
  const table = (rows: Readonly<Record<string, number>>) =>
    Object.entries(rows)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `    ${name.padEnd(28)}${whole(count).padStart(12)}`);
  return [
    '',
    `  ${whole(options.requests)} users, ${options.products} products × ${whole(options.units)} units, kept share ${options.keep}`,
    '',
    '  answers by verdict',
    ...table(report.byVerdict),
    '  outcomes of what was taken',
    ...table(report.outcomes),
    '  units ordered',
    ...table(report.ordersBySku),
    '',
    `  ${whole(report.presses)} presses in ${report.wallSeconds.toFixed(1)} s: ${whole(report.requestsPerSecond)} a second; last outcome ${report.decidedAfterSeconds.toFixed(1)} s later`,
    `  worst slice: p50 ${latencyMs.p50.toFixed(1)} ms, p95 ${latencyMs.p95.toFixed(1)} ms, p99 ${latencyMs.p99.toFixed(1)} ms`,
    `  the crowd is a process of its own on the same machine: ${percent(machine.crowdShare)} of ${machine.cores} cores of ${percent(machine.busyShare)} busy;`,
    '  it signed its tickets itself between two slices, off the clock, with the key of the opened sale',
    `  audit: ${report.auditRows.length} rows`,
    '',
    ...(report.problems.length === 0
      ? ['  every unit was sold, once, and every request that was taken was decided']
      : report.problems.map((problem) => `  ! ${problem}`)),
    '',
  ].join('\n');
}
