import { setTimeout as sleep } from 'node:timers/promises';
import { PROBE_SCHEMA } from '../contracts/messages.ts';
import { ORDERS_EXCHANGE, PROBE_KEY } from '../contracts/topology.ts';
import type { BrokerConnection } from './connection.ts';
import { Publisher } from './publisher.ts';

const PROBE_INTERVAL_MS = 3_000;

/**
 * Follows whether the broker accepts messages. An open connection does not prove it: a frozen
 * broker keeps its connections for two or three heartbeats, and a broker that lost the rest of its
 * cluster keeps them forever. Only the confirm of a quorum queue proves it, so the process
 * publishes a probe at an interval, even while nobody buys.
 *
 * @param publishers further publishers whose unanswered messages count as well
 * @returns a function that tells from memory what is wrong; undefined while messages are confirmed
 */
export async function watchBroker(
  connection: BrokerConnection,
  publishers: readonly Publisher[],
  stopping: AbortSignal,
): Promise<() => string | undefined> {
  // One message at a time: no second probe follows one without an answer.
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
    if (connection.blocked) return 'an alarm is on: the broker accepts no messages';
    const isUnanswered = [prober, ...publishers].some((publisher) => publisher.isUnanswered);
    return isUnanswered ? 'queues confirm nothing: no message can be accepted' : undefined;
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
