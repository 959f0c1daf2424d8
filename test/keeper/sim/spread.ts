import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Runs many schedules in parallel, in separate processes, because each replaces the timers and the
 * clock.
 */

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, 'main.ts');
const PROCESSES_MAX = 4;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export interface Tally {
  readonly schedules: number;
  readonly events: number;
  readonly draws: number;
  /** The longest, in virtual time. */
  readonly editMs: number;
  readonly sellMs: number;
  /** For each failure, the smallest schedule that still shows it, and how to run it again. */
  readonly failures: readonly string[];
}

/** Runs `count` seeds from `first` on. */
export async function spread(first: number, count: number): Promise<Tally> {
  const processes = Math.min(PROCESSES_MAX, Math.max(2, availableParallelism()));
  const share = Math.ceil(count / processes);
  const parts = Array.from({ length: processes }, async (_, index) => {
    const from = first + index * share;
    const own = Math.min(share, first + count - from);
    const args = [MAIN, '--from', String(from), '--count', String(own), '--json'];
    const { stdout } = await run(process.execPath, args, { maxBuffer: OUTPUT_BYTES_MAX });
    return JSON.parse(stdout) as Tally;
  });
  return (await Promise.all(parts)).reduce((all, part) => ({
    schedules: all.schedules + part.schedules,
    events: all.events + part.events,
    draws: all.draws + part.draws,
    editMs: Math.max(all.editMs, part.editMs),
    sellMs: Math.max(all.sellMs, part.sellMs),
    failures: [...all.failures, ...part.failures],
  }));
}
