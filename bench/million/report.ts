import type { MillionOptions } from './options.ts';

/** The result of the scenario, as figures and as text. */

export interface Books {
  /** Units in orders, by SKU. */
  readonly ordersBySku: Readonly<Record<string, number>>;
  /** Final outcomes by status. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Requests that were taken and have no outcome. */
  readonly undecided: number;
  readonly auditRows: readonly unknown[];
}

/** The answers that the crowd got. */
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
  /** Units that may be sold, by SKU. */
  readonly units: Readonly<Record<string, number>>;
  readonly presses: number;
  readonly unanswered: number;
  /** Users who did not press because the time was over. */
  readonly notPressed: number;
  readonly byVerdict: Readonly<Record<string, number>>;
  readonly requestsPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** Seconds of pressing, summed over the slices. */
  readonly wallSeconds: number;
  /** Seconds in which bare node:http answered the same presses; null if it was not measured. */
  readonly bareSeconds: number | null;
  /** CPU time per press, by process, if a benchmark measures it. */
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

/**
 * Returns a sentence for each problem of the run; empty if there is none.
 *
 * @param requests users who should press
 * @param units that may be sold, by SKU
 */
export function problemsOf(
  requests: number,
  units: Readonly<Record<string, number>>,
  crowd: CrowdFigures,
  books: Books,
): string[] {
  const problems: string[] = [];
  for (const [sku, ofSku] of Object.entries(units)) {
    const sold = books.ordersBySku[sku] ?? 0;
    const { queued: taken = 0, quota_spent: inVain = 0 } = crowd.verdicts[sku] ?? {};
    if (sold > ofSku) problems.push(`OVERSOLD: ${sold} of ${ofSku} units of ${sku}`);
    if (sold < ofSku) {
      problems.push(
        `${sku}: ${sold} of ${ofSku} units sold, ${taken} requests taken, ${inVain} refused because the quota was spent; ${whyLeft(ofSku, taken, inVain)}`,
      );
    }
  }
  if (books.undecided > 0) problems.push(`${books.undecided} requests were taken and not decided`);
  if (books.auditRows.length > 0) problems.push(`the audit found ${books.auditRows.length} rows`);
  if (crowd.users < requests) {
    const missing = requests - crowd.users;
    problems.push(`${missing} users did not press: the time was over`);
  }
  if (crowd.unanswered > 0) problems.push(`${crowd.unanswered} presses were not answered`);
  return problems;
}

/** Demand: the requests that reached the quota and were taken or refused as `quota_spent`. */
function whyLeft(units: number, taken: number, inVain: number): string {
  if (taken >= units) return 'UNDERSOLD although enough requests were taken';
  return taken + inVain >= units
    ? 'UNDERSOLD: enough requests reached the quota, and were refused because it was spent'
    : 'the kept demand was too small to sell out: raise --requests or --keep';
}

const whole = (value: number) => Math.round(value).toLocaleString('en');
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

function what({ options, sale, units }: MillionReport): string {
  if (options.sale === undefined) {
    return `${options.products} products × ${whole(options.units)} units, kept share ${options.keep}`;
  }
  const skus = Object.entries(units).map(([sku, ofSku]) => `${sku} ${whole(ofSku)}`);
  return `the sale ${sale}: ${skus.join(', ')} units`;
}

/** Returns the report as text. */
export function renderReport(report: MillionReport): string {
  const { options, machine, latencyMs } = report;
  const table = (rows: Readonly<Record<string, number>>) =>
    Object.entries(rows)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `    ${name.padEnd(28)}${whole(count).padStart(12)}`);
  return [
    '',
    `  ${whole(options.requests)} users, ${what(report)}`,
    '',
    '  answers by verdict',
    ...table(report.byVerdict),
    '  outcomes of the taken requests',
    ...table(report.outcomes),
    '  units ordered',
    ...table(report.ordersBySku),
    '',
    `  ${whole(report.presses)} presses in ${report.wallSeconds.toFixed(1)} s: ${whole(report.requestsPerSecond)} a second; last outcome ${report.decidedAfterSeconds.toFixed(1)} s later`,
    `  worst slice: p50 ${latencyMs.p50.toFixed(1)} ms, p95 ${latencyMs.p95.toFixed(1)} ms, p99 ${latencyMs.p99.toFixed(1)} ms`,
    `  the crowd is a separate process on the same machine: it used ${percent(machine.crowdShare)} of ${machine.cores} cores, all processes together ${percent(machine.busyShare)};`,
    '  it signed its tickets itself between the slices, off the clock, with the key of the open sale',
    `  audit: ${report.auditRows.length} rows`,
    '',
    ...(report.problems.length === 0
      ? ['  every unit was sold once, and every taken request was decided']
      : report.problems.map((problem) => `  ! ${problem}`)),
    '',
  ].join('\n');
}
