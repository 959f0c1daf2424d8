import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A small disk of PostgreSQL's own, which can be full. It is a file system in memory, so it needs root, and
 * a machine that lets root mount.
 */

const SOURCE = 'flashsale-fire';
/** A new cluster has 50 MB. */
const SIZE_MB = 700;
const FILLER = 'filler';
const FILL_TRIES_MAX = 10;

const mount = (...args: readonly string[]) => execFileSync('mount', args, { stdio: 'ignore' });

/** Returns whether the folder is now a disk of its own. */
export function mountDisk(folder: string): boolean {
  if (process.getuid?.() !== 0) return false;
  mkdirSync(folder, { recursive: true });
  try {
    const options = `size=${SIZE_MB}m,mode=0700`;
    mount('-t', 'tmpfs', '-o', options, `${SOURCE}-${process.pid}`, folder);
    return true;
  } catch {
    return false;
  }
}

/** It goes when the last file in it is closed. */
export function unmountDisk(folder: string): void {
  execFileSync('umount', ['--lazy', folder], { stdio: 'ignore' });
}

/** Unmounts what a killed run has left. */
export function unmountLeft(): void {
  if (process.getuid?.() !== 0 || !existsSync('/proc/mounts')) return;
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [source = '', folder = ''] = line.split(' ');
    const [, pid] = new RegExp(`^${SOURCE}-(\\d+)$`).exec(source) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) unmountDisk(folder);
  }
}

export function fillDisk(folder: string): void {
  for (let tries = 1; ; tries += 1) {
    const { bavail, bsize } = statfsSync(folder);
    const args = ['-l', String(bavail * bsize), join(folder, FILLER)];
    try {
      execFileSync('fallocate', args, { stdio: 'ignore' });
      return;
    } catch (error) {
      // PostgreSQL may have written in between, so that there is less to fill.
      if (tries === FILL_TRIES_MAX) throw error;
    }
  }
}

export function emptyDisk(folder: string): void {
  rmSync(join(folder, FILLER), { force: true });
}
