import { setTimeout as sleep } from 'node:timers/promises';
import { PROBE_SCHEMA } from '../contracts/messages.ts';
import { ORDERS_EXCHANGE, PROBE_KEY } from '../contracts/topology.ts';
import type { BrokerConnection } from './connection.ts';
import { Publisher } from './publisher.ts';

const PROBE_INTERVAL_MS = 3_000;

/**
 * Follows whether the broker can take messages. A connection that is alive does not say so: a frozen
 * broker keeps it for two or three heartbeats, and one that has lost the others of its cluster for
 * ever. What says it is the confirm of a quorum queue, so the process publishes to one now and then,
 * also while nobody buys.
 *
 * @param publishers whose unanswered messages tell the same of their own queues
 * @returns what is wrong, from memory; undefined while messages are confirmed
 */
export async function watchBroker(
  connection: BrokerConnection,
  publishers: readonly Publisher[],
  stopping: AbortSignal,
): Promise<() => string | undefined> {
  // One message at a time: what gets no answer is not followed by another.
  const prober = await Publisher.open(connection, { unconfirmedMax: 1 });
  const probe = async () => {
    while (!stopping.aborted) {
      await prober.whenAvailable(stopping).catch(() => {});
      await prober.publish(PROBE);
      await sleep(PROBE_INTERVAL_MS, undefined, { signal: stopping }).catch(() => {});
    }
  };
  void probe();
  return () => {
    if (!connection.connected) return 'not connected';
    if (connection.blocked) return 'an alarm is on: it takes no messages';
    const isUnanswered = [prober, ...publishers].some((publisher) => publisher.isUnanswered);
    return isUnanswered ? 'queues confirm nothing: what is published cannot be taken' : undefined;
  };
}

const PROBE = {
  exchange: ORDERS_EXCHANGE,
  routingKey: PROBE_KEY,
  schema: PROBE_SCHEMA,
  content: Buffer.from('{}'),
  persistent: true,
  mandatory: false,
};
