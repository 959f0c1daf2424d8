import {
  FAULT_NAMES,
  type FaultName,
  faultNames,
  kindOf,
  placesOf,
  type Setting,
} from './kinds.ts';
import { Random } from './random.ts';
import { drawScene, type SceneFault } from './scenes.ts';

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
/** Mean pause between the beginnings of two faults or scenes, in a run and in a soak. */
const PAUSE_MS = 1_400;
export const SOAK_PAUSE_MS = 60_000;
/** Faults at the same time when another one begins. More of them would only be one long outage. */
const AT_ONCE_MAX = 4;
const SCENES_SHARE = 0.5;
/** Tries to find a fault that fits beside those that last. */
const TRIES = 20;

const endOf = ({ atMs, lastsMs }: Planned) => atMs + lastsMs;

/** Whether two faults do not act at the same place at the same time: the end of one would end the other. */
function areApart(one: Planned, other: Planned): boolean {
  if (kindOf(one.fault).group !== kindOf(other.fault).group) return true;
  if (endOf(one) < other.atMs || endOf(other) < one.atMs) return true;
  const places = placesOf(one.fault, one.target);
  return !placesOf(other.fault, other.target).some((place) => places.includes(place));
}

function drawOne(random: Random, names: readonly FaultName[]): SceneFault {
  const fault = random.weighted(names, (name) => kindOf(name).weight);
  const { targets, lastsMs } = kindOf(fault);
  return { afterMs: 0, fault, target: random.one(targets), lastsMs: random.between(...lastsMs) };
}

/**
 * @param setting what can be broken beside what each system has
 * @param meanPauseMs mean pause between the beginnings of two faults or scenes
 */
export function scheduleOf(
  seed: number,
  minutes: number,
  setting: Setting = {},
  meanPauseMs = PAUSE_MS,
): Planned[] {
  const names = faultNames(setting);
  const random = new Random(seed, 'schedule');
  const overMs = minutes * 60_000;
  const planned: Planned[] = [];
  const pauseMs = () => Math.round(meanPauseMs * (0.2 + 1.6 * random.next()));
  for (let atMs = CALM_MS; atMs < overMs; atMs += pauseMs()) {
    if (planned.filter((one) => one.atMs <= atMs && endOf(one) >= atMs).length >= AT_ONCE_MAX)
      continue;
    for (let tries = 0; tries < TRIES; tries += 1) {
      const isScene = random.chance(SCENES_SHARE);
      const drawn = isScene
        ? drawScene(random, setting.hasNamespaces ?? false)
        : [drawOne(random, names)];
      const faults = drawn.map(({ afterMs, ...fault }) => ({ atMs: atMs + afterMs, ...fault }));
      const fits = faults.every(
        (one) => endOf(one) <= overMs && planned.every((other) => areApart(one, other)),
      );
      if (!fits) continue;
      planned.push(...faults);
      break;
    }
  }
  return planned.sort((one, other) => one.atMs - other.atMs);
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
