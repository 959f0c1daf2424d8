import { setTimeout as delay } from 'node:timers/promises';

/**
 * Ends a wait that hangs: longer than the slowest machine takes, and shorter than the limit of a
 * test.
 */
const DEADLINE_MS = 300_000;
const POLL_MS = 20;

/**
 * Waits until `look` returns something other than undefined or false, and returns that. An error
 * that `look` throws means "not yet". After the deadline, the message has the last error.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { deadlineMs = DEADLINE_MS, pollMs = POLL_MS } = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + deadlineMs;
  let last = 'it was not so';
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen as Exclude<T, undefined | false>;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadline) throw new Error(`${what}: not in ${deadlineMs} ms; ${last}`);
    await delay(pollMs);
  }
}
