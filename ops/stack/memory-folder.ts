import { readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';

/**
 * Where the servers of a test run keep their files: in memory, if there is plenty. A run makes and removes some
 * hundred thousand small files, mostly tables of small databases. On ext4 that took a fifth of all CPU time. The
 * tests kill processes and never the machine, so what a process has written is there afterwards in both cases.
 */

const FOLDER = '/dev/shm';
/** Several times what a whole run needs at once, which is 1 GiB. */
const FREE_BYTES_MIN = 4 * 1024 ** 3;

export interface Memory {
  /** The text of `/proc/self/mounts`. */
  readonly mounts: string;
  /** Free bytes of the file system, and of the machine. */
  readonly freeBytes: number;
}

/** Whether files in `/dev/shm` are in memory, have room, and may be programs: some tests write scripts. */
export function isRoomy({ mounts, freeBytes }: Memory): boolean {
  const mount = mounts.split('\n').find((line) => line.split(' ')[1] === FOLDER);
  const [, , kind, options = ''] = mount?.split(' ') ?? [];
  const isWritable = !options.split(',').some((option) => option === 'noexec' || option === 'ro');
  return kind === 'tmpfs' && isWritable && freeBytes >= FREE_BYTES_MIN;
}

/** A folder in memory for temporary files; undefined if this machine has none that is large enough. */
export function memoryFolder(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(FOLDER);
    const freeBytes = Math.min(bavail * bsize, freemem());
    return isRoomy({ mounts: readFileSync('/proc/self/mounts', 'utf8'), freeBytes })
      ? FOLDER
      : undefined;
  } catch {
    return undefined;
  }
}
