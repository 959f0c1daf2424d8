import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Planned, parseSchedule } from './schedule.ts';

/** What a call of `npm run fire` asks for. */

export interface Wanted {
  readonly seeds: readonly number[];
  readonly minutes: number;
  /** A schedule that is played in place of the drawn ones. */
  readonly replay: readonly Planned[] | undefined;
  /** Whether PostgreSQL has standbys. */
  readonly hasStandbys: boolean;
  /** Whether each process has a network namespace of its own. */
  readonly hasNamespaces: boolean;
  /** A fault a minute, and a chart of what the parts use goes to this file. */
  readonly soak: string | undefined;
  readonly isShrinking: boolean;
  readonly recoveryMaxMs: number;
  /** Where the history and the schedule of a failed run go. */
  readonly out: string;
  /** Another checkout whose programs run. */
  readonly root: string | undefined;
}

export const USAGE = `usage: npm run fire -- [--seed N | --seeds A..B] [--minutes M] [--standbys] [--namespaces]
                     [--replay FILE] [--soak FILE.svg] [--shrink] [--recovery SECONDS] [--out FOLDER]
                     [--root FOLDER]`;

const DEFAULTS = { seed: '1', minutes: '1', recovery: '10', out: 'fire-failures' } as const;

function seedsOf(text: string): number[] {
  const [, first, last = first] = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === undefined || to < from) throw new Error(`no seeds: ${JSON.stringify(text)}`);
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

function positive(name: string, text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value <= 0)
    throw new Error(`--${name} must be a number above 0, got ${JSON.stringify(text)}`);
  return value;
}

/** @throws {Error} that says what is wrong */
export function readArguments(args: readonly string[]): Wanted {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      minutes: { type: 'string', default: DEFAULTS.minutes },
      standbys: { type: 'boolean', default: false },
      namespaces: { type: 'boolean', default: false },
      replay: { type: 'string' },
      soak: { type: 'string' },
      shrink: { type: 'boolean', default: false },
      recovery: { type: 'string', default: DEFAULTS.recovery },
      root: { type: 'string' },
      out: { type: 'string', default: DEFAULTS.out },
    },
  });
  return {
    seeds: seedsOf(values.seeds ?? values.seed ?? DEFAULTS.seed),
    minutes: positive('minutes', values.minutes),
    replay:
      values.replay === undefined ? undefined : parseSchedule(readFileSync(values.replay, 'utf8')),
    hasStandbys: values.standbys,
    hasNamespaces: values.namespaces,
    soak: values.soak,
    isShrinking: values.shrink,
    recoveryMaxMs: positive('recovery', values.recovery) * 1_000,
    out: values.out,
    root: values.root && resolve(values.root),
  };
}
