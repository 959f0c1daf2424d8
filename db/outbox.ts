import type { EventKind, OrderEvent } from '../contracts/events.ts';
import { type Home, schemaOf } from '../contracts/homes.ts';
import { withOwnDigits } from '../contracts/money.ts';
import { toNumber } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import { type OrderRow, toOrderFacts } from './orders.ts';
import { isNumbered } from './sections.ts';

/** Typed calls of the transactional outbox, which holds order events until they are published. */

export interface EventRow extends OrderRow {
  event_no: string;
  kind: EventKind;
  happened_at: Date;
  payment_ref: string | null;
  refund_amount: string;
  refund_currency: string;
  day: string | null;
  streak: number | null;
}

/**
 * SQL of the events that a routine returns, oldest first, each with the day of an order of daily goods, or the packet
 * of an order of amounts. These cost nothing, so no other order is looked for. Orders of numbered goods have the units
 * that they have now.
 */
export function eventsOf(home: Home, call: string, number: 'event_no' | 'log_no'): string {
  const schema = schemaOf(home);
  return `WITH e AS MATERIALIZED (SELECT * FROM ${schema}.${call})
    SELECT e.*, d.day::text AS day, d.streak, p.packet, u.units AS seats FROM e
    LEFT JOIN ${schema}.order_days(ARRAY(SELECT e.order_no FROM e WHERE e.amount = 0)) d USING (order_no)
    LEFT JOIN ${schema}.order_packets(ARRAY(SELECT e.order_no FROM e WHERE e.amount = 0)) p USING (order_no)
    LEFT JOIN ${schema}.order_units(ARRAY(SELECT e.order_no FROM e WHERE ${isNumbered('e')})) u USING (order_no)
    ORDER BY e.${number}, e.order_no`;
}

export function toEvent(row: EventRow): OrderEvent {
  const { event_no: eventNo, kind, happened_at: happenedAt, payment_ref: reference } = row;
  const { day, streak } = row;
  const days = day !== null && streak !== null && { day, streak };
  const event = { ...toOrderFacts(row), ...days, eventNo, kind, happenedAt };
  if (reference === null) return event;
  const currency = row.refund_currency;
  const amount = withOwnDigits(row.refund_amount, currency);
  return { ...event, refund: { reference, amount, currency } };
}

/**
 * Reads the oldest events if `relay` has the lease or gets it now. A relay that has not called for the
 * time of the tunable outbox_lease_ms loses the lease to the next caller. Events are returned again
 * until `outboxDone` is called for them.
 *
 * @param relay an id of the caller alone
 * @param limit maximum rows; each may hold the events of a whole batch of orders
 * @returns the events, oldest first; none while another relay has the lease
 * @throws {DatabaseError}
 */
export async function outboxBatch(
  databases: Databases,
  home: Home,
  relay: string,
  limit: number,
): Promise<OrderEvent[]> {
  const rows = await databases.home(home).query<EventRow>({
    name: `outbox_batch_${schemaOf(home)}`,
    text: eventsOf(home, 'outbox_batch($1, $2)', 'event_no'),
    values: [relay, limit],
  });
  return rows.map(toEvent);
}

/** Gives up the lease, so that another relay can publish at once. @throws {DatabaseError} */
export async function leaveOutbox(databases: Databases, home: Home, relay: string): Promise<void> {
  await outboxBatch(databases, home, relay, 0);
}

/**
 * Moves events that the broker has confirmed to the log.
 *
 * @param eventNos numbers from the oldest on, without a gap
 * @returns the number of rows that were moved
 * @throws {DatabaseError}
 */
export async function outboxDone(
  databases: Databases,
  home: Home,
  eventNos: readonly string[],
): Promise<number> {
  const rows = await databases.home(home).query<{ moved: string }>({
    name: `outbox_done_${schemaOf(home)}`,
    text: `SELECT ${schemaOf(home)}.outbox_done($1) AS moved`,
    values: [eventNos],
  });
  return toNumber(rows[0]?.moved ?? '0');
}
