import type { Channel } from './amqp.ts';

/**
 * Closes a channel, which may be closed already, and never rejects. It resolves when the broker has answered or the
 * connection has ended. The promise of `channel.close()` stays open for ever if the connection ends before the answer.
 */
export function closeChannel(channel: Channel): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  channel.once('close', resolve);
  // Throws when the channel is closed already.
  (async () => channel.close())().then(resolve, resolve);
  return promise;
}
