import { FAULT_NAMES, type FaultName, kindOf } from './kinds.ts';
import { Random } from './random.ts';

/** A schedule of faults: a pure function of the seed and the duration, the same on every machine. */

export interface Planned {
  /** From the start of the run. */
  readonly atMs: number;
  readonly fault: FaultName;
  readonly target: string;
  readonly lastsMs: number;
}

/** Time of the crowd alone, before the first fault. */
const CALM_MS = 1_500;
/** Mean pause between the beginnings of two faults. */
const PAUSE_MS = 1_800;
/** Faults at the same time. More of them would only be one long outage. */
const AT_ONCE_MAX = 3;
/** Tries to find a fault that fits beside those that last. */
const TRIES = 20;

const endOf = ({ atMs, lastsMs }: Planned) => atMs + lastsMs;

/** A part that is killed is started again after the fault, and its links and sessions with it. */
function isFree(one: Planned, open: readonly Planned[]): boolean {
  const { group } = kindOf(one.fault);
  return !open.some((other) => kindOf(other.fault).group === group && other.target === one.target);
}

export function scheduleOf(seed: number, minutes: number): Planned[] {
  const random = new Random(seed, 'schedule');
  const overMs = minutes * 60_000;
  const planned: Planned[] = [];
  for (
    let atMs = CALM_MS;
    atMs < overMs;
    atMs += Math.round(PAUSE_MS * (0.2 + 1.6 * random.next()))
  ) {
    const open = planned.filter((one) => endOf(one) >= atMs);
    if (open.length >= AT_ONCE_MAX) continue;
    for (let tries = 0; tries < TRIES; tries += 1) {
      const fault = random.weighted(FAULT_NAMES, (name) => kindOf(name).weight);
      const { targets, lastsMs } = kindOf(fault);
      const one = { atMs, fault, target: random.one(targets), lastsMs: random.between(...lastsMs) };
      if (endOf(one) > overMs || !isFree(one, open)) continue;
      planned.push(one);
      break;
    }
  }
  return planned;
}

const isPlanned = (value: unknown): value is Planned => {
  const { atMs, fault, target, lastsMs } = (value ?? {}) as Record<string, unknown>;
  const isTime = (time: unknown) => Number.isInteger(time) && (time as number) >= 0;
  if (!isTime(atMs) || !isTime(lastsMs) || typeof target !== 'string') return false;
  const name = FAULT_NAMES.find((one) => one === fault);
  return name !== undefined && kindOf(name).targets.includes(target);
};

/** @throws {Error} with the first entry that is no fault of the table */
export function parseSchedule(text: string): Planned[] {
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries)) throw new Error('a schedule is a list of faults');
  const wrong = entries.find((one) => !isPlanned(one));
  if (wrong !== undefined) throw new Error(`no fault of the table: ${JSON.stringify(wrong)}`);
  return entries as Planned[];
}
