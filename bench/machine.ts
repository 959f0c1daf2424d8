import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parentOf } from '../ops/stack/processes.ts';

/** CPU and memory use of a benchmark's processes. Reads /proc, so it needs Linux. */

/** Ticks per second of the CPU times in /proc. Linux fixes this value for user space. */
const TICKS_PER_SECOND = 100;

/** User and system time of one process, in seconds; 0 if the process has ended. */
function secondsOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // Includes the reaped children, because PostgreSQL's backends start and end all the time.
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
    // The process or one of its threads has ended.
  }
  return nanoseconds / 1e9;
}

/** CPU seconds of each named process so far, its descendants included. */
export const cpuSeconds = (roots: ReadonlyMap<string, number>) => sumOf(roots, secondsOf);

/** Seconds that each named process and its descendants have waited for a core so far. */
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

/** Busy seconds of all cores since the machine started, with any work. */
export function busySeconds(): number {
  const busy = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return busy.reduce((sum, ms) => sum + ms, 0) / 1_000;
}

/** Memory of each named process and its descendants, in megabytes. Memory that several of them share counts once. */
export const memoryOf = (roots: ReadonlyMap<string, number>) =>
  sumOf(roots, (pid) => shareOf(pid, 'Pss'));

/**
 * The same without shared memory. Its size is fixed at the start, and it counts only when it is used for the first
 * time: PostgreSQL's buffers fill for as long as a benchmark takes.
 */
export const memoryWithoutBuffers = (roots: ReadonlyMap<string, number>) =>
  sumOf(roots, (pid) => shareOf(pid, 'Pss') - shareOf(pid, 'Pss_Shmem'));

/** Open file descriptors of each named process and its descendants. */
export const openDescriptors = (roots: ReadonlyMap<string, number>) => sumOf(roots, descriptorsOf);

function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    // The process has ended.
    return 0;
  }
}

/** Resident megabytes, of which a process that shares a page with n - 1 others has the nth part. */
function shareOf(pid: number, kind: 'Pss' | 'Pss_Shmem'): number {
  try {
    const parts = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(new RegExp(`^${kind}:\\s+(\\d+)`, 'm').exec(parts)?.[1] ?? 0) / 1_024;
  } catch {
    // The process has ended.
    return 0;
  }
}

/** Resident memory of a process, in megabytes. */
export function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
}

export const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
