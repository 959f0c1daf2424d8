import { publishUntilConfirmed } from '../broker/publish-until-confirmed.ts';
import type { OutgoingMessage, Publisher } from '../broker/publisher.ts';
import {
  CLOUD_EVENT_TYPE,
  cloudEvent,
  EVENT_SCHEMA,
  type OrderEvent,
} from '../contracts/events.ts';
import type { Schema } from '../contracts/names.ts';
import { EVENTS_EXCHANGE } from '../contracts/topology.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';

/**
 * Carries order events from the outbox to the topic exchange. One worker of each schema does it at a
 * time; another takes over when it has gone silent, and publishes again what the first had not
 * reported. Each publishes a gapless beginning of what is left, so the first copies of an order's
 * events come in their order.
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
  /** The oldest events, in their order; none while another worker has the place. */
  take(rowsMax: number): Promise<readonly OrderEvent[]>;
  /** All events of these rows, the oldest, are published. */
  done(eventNos: readonly string[]): Promise<unknown>;
  /** Gives the place up. */
  leave(): Promise<void>;
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
      // What was published and not marked is published again.
      metrics.retries.inc({ schema, routine: 'outbox', kind: 'transient' });
      trouble.failed(error);
      return 'idle';
    }
  });
  // Otherwise the next one waits until the lease is over.
  await outbox.leave().catch(() => {});
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

/** The oldest rows of which every event is published, up to the first that has one missing. */
function rowsDone(events: readonly OrderEvent[], published: ReadonlySet<OrderEvent>): string[] {
  const missing = events.find((event) => !published.has(event))?.eventNo;
  const rows = [...new Set(events.map(({ eventNo }) => eventNo))];
  return missing === undefined ? rows : rows.slice(0, rows.indexOf(missing));
}

/** Until it is confirmed; false when the process stops before. */
function publishEvent(options: OutboxOptions, event: OrderEvent): Promise<boolean> {
  const { publisher, schema, stopping } = options;
  const body = cloudEvent(schema, event);
  const message: OutgoingMessage = {
    exchange: EVENTS_EXCHANGE,
    routingKey: body.type,
    schema: EVENT_SCHEMA,
    contentType: CLOUD_EVENT_TYPE,
    messageId: body.id,
    content: Buffer.from(JSON.stringify(body)),
    persistent: true,
    // Without a queue that wants it, an event is of no interest to anybody.
    mandatory: false,
  };
  return publishUntilConfirmed(publisher, message, stopping);
}
