import { InvalidArgumentError } from 'commander';
import { acknowledged } from '../quota/acknowledge.ts';
import { type Edit, Operator } from '../quota/operator.ts';
import { Reader } from '../quota/overview.ts';
import type { CommandContext } from './command.ts';
import { who } from './who.ts';
import { withZookeeper } from './zookeeper.ts';

/** Edits of the quota tree by commands. */

const WAIT_SECONDS = 5;
/** Short, because the command prints how long the edit took. */
const POLL_MS = 5;
const VALUE_LENGTH_MAX = 60;

export interface EditOptions {
  readonly json?: boolean;
  readonly wait?: number;
}

export function parseSeconds(value: string): number {
  if (!/^\d{1,4}$/.test(value)) throw new InvalidArgumentError('It is a number of seconds.');
  return Number(value);
}

/** A value as one short line, because a list can have many lines. */
export function shown(text: string | null): string {
  // A list whose last line was removed is empty.
  const line = (text ?? '').replaceAll(/\s*\n\s*/g, ', ');
  if (line === '') return 'nothing';
  return line.length > VALUE_LENGTH_MAX ? `${line.slice(0, VALUE_LENGTH_MAX)}…` : line;
}

/**
 * Makes an edit, then waits until every live web node acts on it. The exit code is 1 when some do
 * not after `wait` seconds.
 */
export async function edit<T extends Edit>(
  context: CommandContext,
  { json, wait = WAIT_SECONDS }: EditOptions,
  make: (operator: Operator) => Promise<T>,
): Promise<void> {
  await withZookeeper(context, async (session, paths) => {
    const made = await make(new Operator(session, paths, who()));
    const reader = new Reader(session, paths);
    const acknowledgement = await acknowledged(reader, paths.nodes, made, {
      timeoutMs: wait * 1_000,
      pollMs: POLL_MS,
    });
    const { ms, nodes, notApplied: late } = acknowledgement;
    if (late.length > 0) process.exitCode = 1;
    if (json) return console.log(JSON.stringify({ ...made, ...acknowledgement }, bigints));
    if (made.from === null && made.to === null) {
      return console.log(`${made.path}: there was no value, nothing was changed`);
    }
    console.log(`${made.path}: ${shown(made.from)} → ${shown(made.to)}`);
    if (late.length === 0) console.log(`in force on all ${nodes} web nodes after ${ms} ms`);
    else console.log(`written, but not in force after ${ms} ms: ${late.join(', ')}`);
  });
}

export function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
