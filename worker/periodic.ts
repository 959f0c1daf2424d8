import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../process/log.ts';

/**
 * Runs `task` again and again until `stopping`, `intervalMs` after its last end; at once while it
 * answers that there is more. It handles its own errors: a rejection ends the loop.
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

/** Says once that something fails, and once that it works again: an outage is not a line a second. */
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
    if (this.#failures === 1) this.#log.warn({ err: error }, `${this.#what}: fails, tried again`);
  }

  fine(): void {
    if (this.#failures > 0) {
      this.#log.info({ failures: this.#failures }, `${this.#what}: works again`);
    }
    this.#failures = 0;
  }
}
