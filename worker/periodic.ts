import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../process/log.ts';

/**
 * Runs `task` until `stopping`: `intervalMs` after its last end, or at once if it reports more work.
 * The task must handle its own errors, because a rejection ends the loop.
 */
export async function repeat(
  intervalMs: number,
  stopping: AbortSignal,
  task: () => Promise<'more' | 'idle'>,
): Promise<void> {
  while (!stopping.aborted) {
    if ((await task()) === 'more') continue;
    await sleep(intervalMs, undefined, { signal: stopping }).catch(() => {});
  }
}

/** Logs the start and the end of a failure once, so that an outage does not log a line a second. */
export class Trouble {
  readonly #log: Log;
  readonly #what: string;
  #failures = 0;

  constructor(log: Log, what: string) {
    this.#log = log;
    this.#what = what;
  }

  failed(error: unknown): void {
    this.#failures += 1;
    if (this.#failures === 1)
      this.#log.warn({ err: error }, `${this.#what}: failed, will be retried`);
  }

  fine(): void {
    if (this.#failures > 0) {
      this.#log.info({ failures: this.#failures }, `${this.#what}: works again`);
    }
    this.#failures = 0;
  }
}
