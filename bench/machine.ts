import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parentOf } from '../ops/stack/processes.ts';

/** CPU and memory use of a benchmark's processes. Reads /proc, so it needs Linux. */

/** Ticks a second of /proc's CPU times; fixed in Linux' interface to user space. */
const TICKS_PER_SECOND = 100;

/** User and system time of one process, in seconds; 0 when it is gone. */
function secondsOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // Includes children that have ended and were waited for, because backends come and go.
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    return ticks / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** Seconds that the threads of a process were ready to run and no core was free for them. */
function waitedOf(pid: number): number {
  let nanoseconds = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
      nanoseconds += Number(text.split(' ')[1]);
    }
  } catch {
    // It, or a thread, has ended.
  }
  return nanoseconds / 1e9;
}

/** CPU seconds so far of each named process, with all that descends from it. */
export const cpuSeconds = (roots: ReadonlyMap<string, number>) => sumOf(roots, secondsOf);

/** The same of the time for which they waited for a core. */
export const waitSeconds = (roots: ReadonlyMap<string, number>) => sumOf(roots, waitedOf);

function sumOf(
  roots: ReadonlyMap<string, number>,
  of: (pid: number) => number,
): Map<string, number> {
  const nameOf = new Map([...roots].map(([name, pid]) => [pid, name]));
  const seconds = new Map([...roots.keys()].map((name) => [name, 0]));
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  for (const pid of pids) {
    let at: number | undefined = pid;
    while (at !== undefined && !nameOf.has(at)) at = parentOf(at);
    const name = at === undefined ? undefined : nameOf.get(at);
    if (name !== undefined) seconds.set(name, (seconds.get(name) ?? 0) + of(pid));
  }
  return seconds;
}

/** Seconds that all cores were busy since the machine started, with whatever. */
export function busySeconds(): number {
  const busy = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return busy.reduce((sum, ms) => sum + ms, 0) / 1_000;
}

/** Resident memory of a process, in megabytes. */
export function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
}

export const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
