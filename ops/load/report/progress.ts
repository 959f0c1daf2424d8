import { sumOfCounts } from './counts.ts';
import type { Counts } from './report.ts';

/** The run as one line of text. */

export interface Progress {
  /** From the beginning of the plan; negative before it. */
  readonly secondsIn: number;
  readonly due: number;
  readonly played: number;
  readonly alive: number;
  readonly sent: number;
  readonly orders: number;
  readonly paid: number;
  /** 99th percentile of the purchase, in milliseconds. */
  readonly purchaseMs: number | undefined;
  readonly verdicts: Counts;
}

const VERDICTS_SHOWN = 3;
const GOOD: ReadonlySet<string> = new Set(['ok', 'queued', 'not_modified']);

/** The returned function makes the line of all processes, once a second. */
export function progressText(): (all: readonly Progress[]) => string {
  let sentBefore = 0;
  return (all) => {
    const sum = (of: (one: Progress) => number) => all.reduce((total, one) => total + of(one), 0);
    const secondsIn = Math.max(...all.map((one) => one.secondsIn));
    if (secondsIn < 0) return `begins in ${Math.ceil(-secondsIn)} s`;
    const sent = sum((one) => one.sent);
    const refusals = Object.entries(sumOfCounts(all.map(({ verdicts }) => verdicts)))
      .filter(([verdict]) => !GOOD.has(verdict))
      .slice(0, VERDICTS_SHOWN)
      .map(([verdict, count]) => `${verdict} ${count}`);
    // Percentiles cannot be added: the worst of the processes is shown.
    const purchaseMs = all.flatMap((one) => one.purchaseMs ?? []);
    const parts = [
      `${Math.round(secondsIn)} s`,
      `${sum((one) => one.played)} of ${sum((one) => one.due)} came, ${sum((one) => one.alive)} in the shop`,
      `${sent - sentBefore} calls/s`,
      ...(purchaseMs.length > 0 ? [`purchase p99 ${Math.max(...purchaseMs).toFixed(0)} ms`] : []),
      `${sum((one) => one.orders)} orders, ${sum((one) => one.paid)} paid`,
      ...(refusals.length > 0 ? [refusals.join(', ')] : []),
    ];
    sentBefore = sent;
    return parts.join(' · ');
  };
}
