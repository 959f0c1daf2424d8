import { setTimeout as delay } from 'node:timers/promises';

/** Ends what hangs: far beyond what the slowest machine takes, and below the limit of a test. */
const DEADLINE_MS = 300_000;
const POLL_MS = 20;

/**
 * Waits until `look` gives something other than undefined or false, and gives that. An error that
 * `look` throws means "not yet"; after the deadline the last one is in the message.
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
