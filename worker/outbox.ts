import type { Publisher } from '../broker/publisher.ts';
import { EVENT_SCHEMA } from '../contracts/messages.ts';
import type { Schema } from '../contracts/names.ts';
import { EVENTS_EXCHANGE } from '../contracts/topology.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat } from './periodic.ts';

/**
 * Carries order events from the outbox to the topic exchange: at least once, and the events of one
 * order in their order. A reader drops what it has seen by the message id.
 */

const OUTBOX_INTERVAL_MS = 200;
const OUTBOX_EVENTS_MAX = 100;
/** Pause after a publish that was not confirmed. */
const REPUBLISH_DELAY_MS = 200;

/** A row of the outbox: what happened in one transaction to orders of one SKU. */
export interface OutboxEvent {
  readonly eventNo: string;
  readonly kind: 'placed' | 'paid' | 'cancelled' | 'expired';
  readonly sale: string;
  readonly sku: string;
  readonly orderNos: readonly string[];
  /** ISO 8601. */
  readonly happenedAt: string;
}

export interface OutboxCalls {
  /** Leases the oldest events to this worker, in their order. */
  take(eventsMax: number): Promise<readonly OutboxEvent[]>;
  /** They are published: forgets them. */
  done(eventNos: readonly string[]): Promise<void>;
}

export interface OutboxOptions {
  readonly schema: Schema;
  readonly outbox: OutboxCalls;
  readonly publisher: Publisher;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
  readonly stopping: AbortSignal;
}

export function relayOutbox(options: OutboxOptions): Promise<void> {
  const { schema, outbox, log, metrics, stopping } = options;
  return repeat(OUTBOX_INTERVAL_MS, stopping, async () => {
    try {
      const events = await outbox.take(OUTBOX_EVENTS_MAX);
      const published = await publishInOrder(events, (event) => publishEvent(options, event));
      if (published.length > 0) await outbox.done(published);
      metrics.relayedEvents.inc({ schema }, published.length);
      return events.length === OUTBOX_EVENTS_MAX ? 'more' : 'idle';
    } catch (error) {
      // What was published and not marked is published again when its lease is over.
      metrics.retries.inc({ schema, routine: 'outbox', kind: 'transient' });
      log.warn({ err: error, schema }, 'order events wait in the outbox');
      return 'idle';
    }
  });
}

/**
 * Publishes many at once, but an event only after the earlier ones of the same orders.
 *
 * @returns the numbers of those that `publish` answered true for
 */
export async function publishInOrder(
  events: readonly OutboxEvent[],
  publish: (event: OutboxEvent) => Promise<boolean>,
): Promise<string[]> {
  const lastOfOrder = new Map<string, Promise<boolean>>();
  const results = events.map((event) => {
    const before = event.orderNos.map((orderNo) => lastOfOrder.get(orderNo) ?? true);
    const result = (async () => {
      const ready = await Promise.all(before);
      return ready.every(Boolean) && publish(event);
    })();
    for (const orderNo of event.orderNos) lastOfOrder.set(orderNo, result);
    return result;
  });
  const published = await Promise.all(results);
  return events.filter((_, index) => published[index]).map(({ eventNo }) => eventNo);
}

/** Until it is confirmed; false when the process stops before. */
async function publishEvent(options: OutboxOptions, event: OutboxEvent): Promise<boolean> {
  const { publisher, schema, stopping } = options;
  while (!stopping.aborted) {
    const result = await publisher.publish({
      exchange: EVENTS_EXCHANGE,
      routingKey: `order.${event.kind}`,
      schema: EVENT_SCHEMA,
      messageId: `${schema}-${event.eventNo}`,
      content: Buffer.from(JSON.stringify({ ...event, schema })),
      persistent: true,
      // Without a queue that wants it, an event is of no interest to anybody.
      mandatory: false,
    });
    if (result === 'confirmed') return true;
    await pause(publisher, stopping);
  }
  return false;
}

async function pause(publisher: Publisher, stopping: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, REPUBLISH_DELAY_MS));
  await publisher.whenAvailable(stopping).catch(() => {}); // Rejects when stopping.
}
