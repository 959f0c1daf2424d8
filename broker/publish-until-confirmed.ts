import { setTimeout as sleep } from 'node:timers/promises';
import type { OutgoingMessage, Publisher } from './publisher.ts';

/** Pause after a publish that was not confirmed. */
const REPUBLISH_DELAY_MS = 200;

/**
 * Publishes until the broker has confirmed it; the reader may meet it more than once. For what no
 * shopper waits for.
 *
 * @returns false when `stopping` was aborted before
 */
export async function publishUntilConfirmed(
  publisher: Publisher,
  message: OutgoingMessage,
  stopping: AbortSignal,
): Promise<boolean> {
  while (!stopping.aborted) {
    if ((await publisher.publish(message)) === 'confirmed') return true;
    // Both reject when stopping: the loop sees that itself.
    await sleep(REPUBLISH_DELAY_MS, undefined, { signal: stopping }).catch(() => {});
    await publisher.whenAvailable(stopping).catch(() => {});
  }
  return false;
}
