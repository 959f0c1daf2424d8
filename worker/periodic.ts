import { setTimeout as sleep } from 'node:timers/promises';

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
