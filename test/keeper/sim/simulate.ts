import type { Planted } from './cast.ts';
import { describe, type Setting, type Step, scheduleOf } from './schedule.ts';
import { type Outcome, playWorld } from './world.ts';

/** Runs one schedule, and finds the smallest one that still shows a bug. */

export interface SimulateOptions {
  readonly planted?: Planted;
  readonly isTraced?: boolean;
}

export function simulate(seed: number, options: SimulateOptions = {}): Promise<Outcome> {
  return play(scheduleOf(seed), options);
}

function play(setting: Setting, { planted = {}, isTraced = false }: SimulateOptions) {
  return playWorld(setting, planted, isTraced);
}

/** Leaves out one part after the other as long as the same promise is broken. */
async function shrink(setting: Setting, promise: string, options: SimulateOptions) {
  const isStillBroken = async (candidate: Setting) =>
    (await play(candidate, options)).violation?.promise === promise;
  let smallest = setting;
  const attempt = async (candidate: Setting) => {
    if (!(await isStillBroken(candidate))) return false;
    smallest = candidate;
    return true;
  };
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const step of smallest.steps as readonly Step[]) {
      const steps = smallest.steps.filter((other) => other !== step);
      if (await attempt({ ...smallest, steps })) isSmaller = true;
    }
  }
  for (const change of [
    { slowShare: 0 },
    { lostEvents: 0 },
    { doubledEvents: 0 },
    { servers: 1 },
    { keepers: 1 },
    { nodes: 1 },
    { nodes: 2 },
    { skus: smallest.skus.slice(0, 1) },
    { demand: 15 },
  ]) {
    await attempt({ ...smallest, ...change });
  }
  return smallest;
}

const TRACE_LINES = 40;

/** The smallest schedule that breaks the same promise, with its last events. */
export async function explain(seed: number, options: SimulateOptions = {}): Promise<string> {
  const setting = scheduleOf(seed);
  const { violation } = await play(setting, options);
  if (!violation) return `seed ${seed}: nothing is broken`;
  const smallest = await shrink(setting, violation.promise, options);
  const { violation: shown, trace } = await play(smallest, { ...options, isTraced: true });
  return [
    `BROKEN: ${violation.promise}`,
    describe(smallest),
    ...trace.slice(-TRACE_LINES),
    `at ${shown?.atMs.toFixed(1)} ms: ${shown?.facts}`,
    `again: node test/keeper/sim/main.ts --seed ${seed} --trace`,
  ].join('\n');
}
