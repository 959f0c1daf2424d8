import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Looks, before a benchmark begins, whether the machine does other work. Figures from a busy machine mean
 * little, ratios within a round included: whoever holds a lock may lose its core to a stranger.
 */

/** How the machine has spent the time of its cores since it started, in ticks. */
export interface CoreTimes {
  readonly total: number;
  readonly idle: number;
  /** Time that the host gave to other machines. */
  readonly stolen: number;
}

const LOOK_MS = 1_000;
/** Shares of the time of all cores. */
const BUSY_MAX = 0.15;
const STOLEN_MAX = 0.03;

/** @param stat the text of /proc/stat, whose first line has user, nice, system, idle, iowait, irq, softirq, steal */
export function coreTimes(stat: string): CoreTimes {
  const [first = ''] = stat.split('\n');
  const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, waiting = 0, , , stolen = 0] = ticks;
  return { total: ticks.reduce((sum, one) => sum + one, 0), idle: idle + waiting, stolen };
}

/**
 * @param load average number of processes that ran or were ready to run in the last minute, for each core
 * @returns a line for people; undefined if the machine is quiet
 */
export function busyLine(before: CoreTimes, after: CoreTimes, load: number): string | undefined {
  const total = Math.max(1, after.total - before.total);
  const stolen = (after.stolen - before.stolen) / total;
  const busy = (after.total - before.total - (after.idle - before.idle)) / total - stolen;
  if (busy <= BUSY_MAX && stolen <= STOLEN_MAX) return undefined;
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  return (
    `THE MACHINE IS BUSY, do not trust the figures: before the first run, other work takes ${percent(busy)} of its cores` +
    ` and its host ${percent(stolen)}; load of the last minute: ${load.toFixed(1)} for each core`
  );
}

/** Takes a second. Prints one line if the machine is busy, and otherwise nothing. Needs Linux; elsewhere it does not look. */
export async function tellBusy(say: (line: string) => void, cores: number): Promise<void> {
  const read = () => coreTimes(readFileSync('/proc/stat', 'utf8'));
  if (process.platform !== 'linux') return;
  const before = read();
  await delay(LOOK_MS);
  const line = busyLine(before, read(), (loadavg()[0] ?? 0) / cores);
  if (line !== undefined) say(line);
}
