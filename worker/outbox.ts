import { publishUntilConfirmed } from '../broker/publish-until-confirmed.ts';
import type { OutgoingMessage, Publisher } from '../broker/publisher.ts';
import {
  CLOUD_EVENT_TYPE,
  cloudEvent,
  EVENT_SCHEMA,
  type OrderEvent,
} from '../contracts/events.ts';
import type { Home } from '../contracts/homes.ts';
import { isRehearsal } from '../contracts/rehearsal.ts';
import { EVENTS_EXCHANGE } from '../contracts/topology.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';

/**
 * Publishes order events from the outbox to the topic exchange. One worker per schema does this at a
 * time. When its lease runs out, another worker takes over and repeats the events that the first one
 * has not marked as published. Rows are marked from the oldest on without gaps, so the first copies
 * of an order's events arrive in order.
 */

const OUTBOX_INTERVAL_MS = 200;
/** Outbox rows read at a time; each may hold a batch of orders. */
const OUTBOX_ROWS_MAX = 50;
/**
 * While orders are being decided, events have to wait: an event costs the broker and the worker as
 * much as the order itself. Rows are then read one by one, with a pause after this many events.
 */
const OUTBOX_ROWS_BUSY = 1;
const EVENTS_BUSY_MAX = 200;
/** Unconfirmed events; below the publisher's window, so that it refuses none. */
const EVENTS_IN_FLIGHT_MAX = 256;

export interface OutboxCalls {
  /** The oldest events, in order; none while another worker has the lease. */
  take(rowsMax: number): Promise<readonly OrderEvent[]>;
  /** Marks the oldest rows as published. */
  done(eventNos: readonly string[]): Promise<unknown>;
  /** Gives the lease up. */
  leave(): Promise<void>;
}

export interface OutboxOptions {
  readonly schema: Home;
  readonly outbox: OutboxCalls;
  readonly publisher: Publisher;
  /** Whether orders are being decided; they have priority. */
  readonly isBusy: () => boolean;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
  readonly stopping: AbortSignal;
}

export async function relayOutbox(options: OutboxOptions): Promise<void> {
  const { schema, outbox, isBusy, log, metrics, stopping } = options;
  const trouble = new Trouble(log, `outbox of ${schema}`);
  let relayed = 0;
  await repeat(OUTBOX_INTERVAL_MS, stopping, async () => {
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
      // Events that were published but not marked are published again.
      metrics.retries.inc({ schema, routine: 'outbox', kind: 'transient' });
      trouble.failed(error);
      return 'idle';
    }
  });
  // Otherwise the next worker would have to wait until the lease runs out.
  await outbox.leave().catch(() => {});
}

/**
 * Publishes many events at once, but each only after the earlier events of the same order.
 *
 * @returns the events for which `publish` returned true
 */
export async function publishInOrder(
  events: readonly OrderEvent[],
  publish: (event: OrderEvent) => Promise<boolean>,
): Promise<Set<OrderEvent>> {
  const published = new Set<OrderEvent>();
  const lastOfOrder = new Map<string, Promise<boolean>>();
  const queue = events.values();
  const lane = async () => {
    for (const event of queue) {
      const before = lastOfOrder.get(event.orderNo);
      const sent = before === undefined ? publish(event) : after(before, () => publish(event));
      lastOfOrder.set(event.orderNo, sent);
      if (await sent) published.add(event);
    }
  };
  await Promise.all(Array.from({ length: EVENTS_IN_FLIGHT_MAX }, lane));
  return published;
}

async function after(before: Promise<boolean>, publish: () => Promise<boolean>): Promise<boolean> {
  return (await before) && publish();
}

/** Numbers of the oldest rows that are published completely, up to the first that is not. */
function rowsDone(events: readonly OrderEvent[], published: ReadonlySet<OrderEvent>): string[] {
  const missing = events.find((event) => !published.has(event))?.eventNo;
  const rows = [...new Set(events.map(({ eventNo }) => eventNo))];
  return missing === undefined ? rows : rows.slice(0, rows.indexOf(missing));
}

/**
 * Events of a rehearsal cost the worker and the broker what others cost, and reach nobody: the broker drops what
 * the default exchange cannot bring to a queue of that name.
 */
function destinationOf(sale: string, type: string) {
  return isRehearsal(sale)
    ? { exchange: '', routingKey: sale }
    : { exchange: EVENTS_EXCHANGE, routingKey: type };
}

/** Publishes until confirmed; false when the process stops before. */
function publishEvent(options: OutboxOptions, event: OrderEvent): Promise<boolean> {
  const { publisher, schema, stopping } = options;
  const body = cloudEvent(schema, event);
  const message: OutgoingMessage = {
    ...destinationOf(event.sale, body.type),
    schema: EVENT_SCHEMA,
    contentType: CLOUD_EVENT_TYPE,
    messageId: body.id,
    content: Buffer.from(JSON.stringify(body)),
    persistent: true,
    // An event that no queue is bound for may be dropped: nobody has subscribed to it.
    mandatory: false,
  };
  return publishUntilConfirmed(publisher, message, stopping);
}
