import { publishUntilConfirmed } from '../broker/insist.ts';
import type { OutgoingMessage, Publisher } from '../broker/publisher.ts';
import { EVENT_SCHEMA } from '../contracts/messages.ts';
import type { Schema } from '../contracts/names.ts';
import { EVENTS_EXCHANGE } from '../contracts/topology.ts';
import type { OrderEvent } from '../db/outbox.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';

/**
 * Carries order events from the outbox to the topic exchange: at least once, and the events of one
 * order in their order. A reader drops what it has seen by the message id.
 */

const OUTBOX_INTERVAL_MS = 200;
/** Outbox rows in one take; each may hold a batch of orders. */
const OUTBOX_ROWS_MAX = 50;
/**
 * In a rush the news of a sale can wait, its shoppers cannot: an event costs the broker and the worker
 * as much as the order itself. Then rows are taken one by one, and after so many events comes a pause.
 */
const OUTBOX_ROWS_BUSY = 1;
const EVENTS_BUSY_MAX = 200;
/** Events on their way to the broker: below the publisher's window, so that none is refused. */
const EVENTS_IN_FLIGHT_MAX = 256;

export interface OutboxCalls {
  /** Leases the oldest rows to this worker; their events, in their order. */
  take(rowsMax: number): Promise<readonly OrderEvent[]>;
  /** All events of these rows are published: forgets them. */
  done(eventNos: readonly string[]): Promise<unknown>;
}

export interface OutboxOptions {
  readonly schema: Schema;
  readonly outbox: OutboxCalls;
  readonly publisher: Publisher;
  /** Whether orders are being decided: they go first. */
  readonly isBusy: () => boolean;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
  readonly stopping: AbortSignal;
}

export function relayOutbox(options: OutboxOptions): Promise<void> {
  const { schema, outbox, isBusy, log, metrics, stopping } = options;
  const trouble = new Trouble(log, `outbox of ${schema}`);
  let relayed = 0;
  return repeat(OUTBOX_INTERVAL_MS, stopping, async () => {
    try {
      const events = await outbox.take(isBusy() ? OUTBOX_ROWS_BUSY : OUTBOX_ROWS_MAX);
      trouble.fine();
      if (events.length === 0) return 'idle';
      const published = await publishInOrder(events, (event) => publishEvent(options, event));
      metrics.relayedEvents.inc({ schema }, published.size);
      const done = rowsDone(events, published);
      if (done.length > 0) await outbox.done(done);
      relayed += events.length;
      if (!isBusy() || relayed < EVENTS_BUSY_MAX) return 'more';
      relayed = 0;
      return 'idle';
    } catch (error) {
      // What was published and not marked is published again when its lease is over.
      metrics.retries.inc({ schema, routine: 'outbox', kind: 'transient' });
      trouble.failed(error);
      return 'idle';
    }
  });
}

/**
 * Publishes many at once, but an event only after the earlier ones of the same order.
 *
 * @returns those that `publish` answered true for
 */
export async function publishInOrder(
  events: readonly OrderEvent[],
  publish: (event: OrderEvent) => Promise<boolean>,
): Promise<Set<OrderEvent>> {
  const published = new Set<OrderEvent>();
  const lastOfOrder = new Map<string, Promise<boolean>>();
  const inFlight = new Set<Promise<boolean>>();
  for (const event of events) {
    if (inFlight.size >= EVENTS_IN_FLIGHT_MAX) await Promise.race(inFlight);
    const before = lastOfOrder.get(event.orderNo);
    const result = Promise.resolve(before ?? true)
      .then((ready) => ready && publish(event))
      .then((sent) => {
        if (sent) published.add(event);
        inFlight.delete(result);
        return sent;
      });
    inFlight.add(result);
    lastOfOrder.set(event.orderNo, result);
  }
  await Promise.all(inFlight);
  return published;
}

/** A row is done when every event of it is. */
function rowsDone(events: readonly OrderEvent[], published: ReadonlySet<OrderEvent>): string[] {
  const unfinished = new Set<string>();
  for (const event of events) if (!published.has(event)) unfinished.add(event.eventNo);
  const rows = new Set(events.map(({ eventNo }) => eventNo));
  return [...rows].filter((eventNo) => !unfinished.has(eventNo));
}

/** Until it is confirmed; false when the process stops before. */
function publishEvent(options: OutboxOptions, event: OrderEvent): Promise<boolean> {
  const { publisher, schema, stopping } = options;
  const messageId = `${schema}.${event.eventNo}.${event.orderNo}`;
  const message: OutgoingMessage = {
    exchange: EVENTS_EXCHANGE,
    routingKey: `order.${event.kind}`,
    schema: EVENT_SCHEMA,
    messageId,
    content: Buffer.from(JSON.stringify({ id: messageId, ...event })),
    persistent: true,
    // Without a queue that wants it, an event is of no interest to anybody.
    mandatory: false,
  };
  return publishUntilConfirmed(publisher, message, stopping);
}
