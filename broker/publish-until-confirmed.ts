import { setTimeout as sleep } from 'node:timers/promises';
import type { OutgoingMessage, Publisher } from './publisher.ts';

/** Pause after a publish that was not confirmed. */
const REPUBLISH_DELAY_MS = 200;

/**
 * Publishes `message` again and again until the broker confirms it. The reader may receive it more
 * than once. Meant for messages that no shopper waits for.
 *
 * @returns false when `stopping` was aborted before a confirm
 */
export async function publishUntilConfirmed(
  publisher: Publisher,
  message: OutgoingMessage,
  stopping: AbortSignal,
): Promise<boolean> {
  while (!stopping.aborted) {
    if ((await publisher.publish(message)) === 'confirmed') return true;
    // Both reject when `stopping` is aborted, which the loop checks itself.
    await sleep(REPUBLISH_DELAY_MS, undefined, { signal: stopping }).catch(() => {});
    await publisher.whenAvailable(stopping).catch(() => {});
  }
  return false;
}
