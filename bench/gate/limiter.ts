import { execFileSync } from 'node:child_process';

/** Resident memory of a million users in all limiters, measured in a separate process. */
export function limiterMegabytes(): number {
  const script = new URL('./limiter-process.ts', import.meta.url).pathname;
  return Number(execFileSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' }));
}
