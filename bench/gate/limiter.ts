import { execFileSync } from 'node:child_process';

/** Resident memory that a million users in all limits cost, measured in a process of its own. */
export function limiterMegabytes(): number {
  const script = new URL('./limiter-process.ts', import.meta.url).pathname;
  return Number(execFileSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' }));
}
