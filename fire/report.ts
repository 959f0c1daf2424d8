import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from './run.ts';
import type { Planned } from './schedule.ts';

/** What a run prints, and what it leaves behind when it fails. */

const SHOWN_MAX = 12;
const COLUMNS = ['seed', 'faults', 'missed', 'calls', 'orders', 'violations', 'recovered'] as const;

const row = (cells: readonly (string | number)[]) =>
  cells.map((cell, at) => String(cell).padStart(COLUMNS[at]?.length ?? 0)).join('  ');

export const HEAD = row(COLUMNS);

export function rowOf(result: RunResult): string {
  const { seed, faults, missed, requests, orders, violations, recoveryMs } = result;
  const recovered = `${(recoveryMs / 1_000).toFixed(1)} s`;
  return row([seed, faults, missed, requests, orders, violations.length, recovered]);
}

export function violationsOf({ violations }: RunResult): string {
  const lines = violations.map(({ promise, evidence }) => `  ${promise}: ${evidence}`);
  const more = lines.length > SHOWN_MAX ? [`  … and ${lines.length - SHOWN_MAX} more`] : [];
  return [...lines.slice(0, SHOWN_MAX), ...more].join('\n');
}

export const scheduleText = (schedule: readonly Planned[]) =>
  `[\n${schedule.map((one) => `  ${JSON.stringify(one)}`).join(',\n')}\n]\n`;

/** Writes the history, the schedule, the dump and the violations. Returns the folder. */
export function keepFailure(out: string, schedule: readonly Planned[], result: RunResult): string {
  const folder = join(out, `seed-${result.seed}`);
  mkdirSync(folder, { recursive: true });
  result.history.write(join(folder, 'history.jsonl'));
  writeFileSync(join(folder, 'schedule.json'), scheduleText(schedule));
  writeFileSync(join(folder, 'dump.json'), JSON.stringify(result.dump, undefined, 1));
  writeFileSync(join(folder, 'violations.json'), JSON.stringify(result.violations, undefined, 1));
  return folder;
}
