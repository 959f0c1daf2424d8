import type { Schema } from '../contracts/names.ts';
import { toNumber } from './both-schemas.ts';
import type { Databases } from './pool.ts';

/** The transactional outbox: order events that wait to be published. */

export type OrderEventKind = 'placed' | 'paid' | 'cancelled' | 'expired';

export interface OrderEvent {
  /** Digits. Several orders of one batch share it. */
  readonly eventNo: string;
  readonly kind: OrderEventKind;
  readonly happenedAt: Date;
  readonly orderNo: string;
  readonly requestId: string;
  readonly sale: string;
  readonly sku: string;
  readonly userId: string;
  readonly units: number;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  readonly payBefore: Date;
}

/**
 * Takes up to `limit` events (each may hold a whole batch of orders), oldest first, for the time of
 * the tunable outbox_lease_ms. Events that are not reported done by then are given out again.
 *
 * @throws {DatabaseError}
 */
export async function outboxBatch(
  databases: Databases,
  schema: Schema,
  limit: number,
): Promise<OrderEvent[]> {
  interface Row extends Record<string, unknown> {
    event_no: string;
    kind: OrderEventKind;
    happened_at: Date;
    order_no: string;
    request_id: string;
    sale: string;
    sku: string;
    user_id: string;
    units: number;
    amount: string;
    currency: string;
    pay_before: Date;
  }
  const rows = await databases[schema].query<Row>({
    name: `outbox_batch_${schema}`,
    text: `SELECT * FROM ${schema}.outbox_batch($1)`,
    values: [limit],
  });
  return rows.map((row) => ({
    eventNo: row.event_no,
    kind: row.kind,
    happenedAt: row.happened_at,
    orderNo: row.order_no,
    requestId: row.request_id,
    sale: row.sale,
    sku: row.sku,
    userId: row.user_id,
    units: row.units,
    amount: row.amount,
    currency: row.currency,
    payBefore: row.pay_before,
  }));
}

/**
 * Removes events that the broker has confirmed.
 *
 * @returns how many were there
 * @throws {DatabaseError}
 */
export async function outboxDone(
  databases: Databases,
  schema: Schema,
  eventNos: readonly string[],
): Promise<number> {
  const rows = await databases[schema].query<{ removed: string }>({
    name: `outbox_done_${schema}`,
    text: `SELECT ${schema}.outbox_done($1) AS removed`,
    values: [eventNos],
  });
  return toNumber(rows[0]?.removed ?? '0');
}
