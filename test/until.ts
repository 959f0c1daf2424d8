import { setTimeout as delay } from 'node:timers/promises';

/**
 * Ends a wait that hangs: longer than the slowest machine takes, and shorter than the limit of a
 * test.
 */
const DEADLINE_MS = 300_000;
/** The longer a wait has lasted, the rarer are the looks: a look at metrics costs some milliseconds. */
const POLL_MS = { min: 20, max: 250 };
const POLL_SHARE = 0.1;

/** The pause before the next look. */
export function pollAfter(waitedMs: number): number {
  return Math.min(POLL_MS.max, Math.max(POLL_MS.min, waitedMs * POLL_SHARE));
}

/**
 * Waits until `look` returns something other than undefined or false, and returns that. An error
 * that `look` throws means "not yet". After the deadline, the message has the last error.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { deadlineMs = DEADLINE_MS, pollMs }: { deadlineMs?: number; pollMs?: number } = {},
): Promise<Exclude<T, undefined | false>> {
  const startedAt = performance.now();
  let last = 'it was not so';
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen as Exclude<T, undefined | false>;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > deadlineMs) throw new Error(`${what}: not in ${deadlineMs} ms; ${last}`);
    await delay(pollMs ?? pollAfter(waitedMs));
  }
}
