import type { Home } from './homes.ts';
import { eventId } from './ids.ts';
import type { NumberedUnit } from './seats.ts';

/**
 * Order events for readers of the topic exchange and for merchants' webhooks: CloudEvents 1.0 in
 * structured JSON. Delivery is at least once. The id of an event never changes, and the first
 * copies of an order's events arrive in their order, so a reader that drops known ids sees each
 * event exactly once.
 */

export const EVENT_SCHEMA = 'flashsale.event.v2';
export const CLOUD_EVENT_TYPE = 'application/cloudevents+json; charset=utf-8';

export const EVENT_KINDS = [
  'placed',
  'paid',
  'cancelled',
  'expired',
  'refund_due',
  'refunded',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Facts of an order that never change. */
export interface OrderFacts {
  /** Digits. */
  readonly orderNo: string;
  readonly requestId: string;
  readonly sale: string;
  readonly sku: string;
  readonly userId: string;
  readonly units: number;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  readonly createdAt: Date;
  readonly payBefore: Date;
  /** Of daily goods, as `2026-12-01`. */
  readonly day?: string;
  /** Of daily goods: the days in a row up to `day`. */
  readonly streak?: number;
  /** Of amounts: what was drawn from the pot, a decimal string in the currency of the order. */
  readonly packet?: string;
  /** Of numbered goods: the units that the order has when the event is read. */
  readonly seats?: readonly NumberedUnit[];
}

/** A payment that the shop must return. */
interface RefundFacts {
  /** The provider's reference of the payment to return. */
  readonly reference: string;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
}

/** One event of one order. */
export interface OrderEvent extends OrderFacts {
  /** Digits. All orders of one batch share this number. */
  readonly eventNo: string;
  readonly kind: EventKind;
  readonly happenedAt: Date;
  /** Present in `refund_due` and `refunded`. */
  readonly refund?: RefundFacts;
}

/**
 * The order of an event, with the field names of the HTTP API. None of these values ever changes, but for `units`.
 */
export interface EventData {
  readonly orderNo: string;
  readonly requestId: string;
  readonly sale: string;
  readonly sku: string;
  readonly userId: string;
  readonly quantity: number;
  readonly amount: string;
  readonly currency: string;
  readonly createdAt: string;
  readonly payBefore: string;
  /** Of daily goods, as `2026-12-01`, by the calendar of their zone. */
  readonly day?: string;
  /** Of daily goods: the days in a row up to `day`. */
  readonly streak?: number;
  /** Of amounts: what was drawn from the pot. `order.paid` pays it out. */
  readonly packet?: { readonly amount: string; readonly currency: string };
  /**
   * Of numbered goods: the units that the order has when the event is published. An order that has ended by then has
   * none, so this is the one value that can differ if an event is delivered again.
   */
  readonly units?: readonly NumberedUnit[];
  /**
   * Present in `order.refund_due` and `order.refunded`: a payment that was late, duplicate or of
   * another amount, or that had paid an order which the shop has cancelled.
   */
  readonly refund?: RefundFacts;
}

export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  /** Names the schema of the order, and so its number space. */
  readonly source: string;
  readonly type: `order.${EventKind}`;
  /** The order number. */
  readonly subject: string;
  /** ISO 8601: when the event was committed. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: EventData;
}

/** Both the routing key and the CloudEvents type of an event. */
function eventType(kind: EventKind): CloudEvent['type'] {
  return `order.${kind}`;
}

/**
 * Always gives the same content for the same event, so that a repeated delivery is identical to the
 * first.
 */
export function cloudEvent(home: Home, event: OrderEvent): CloudEvent {
  const { eventNo, kind, happenedAt, units, createdAt, payBefore, refund } = event;
  const { orderNo, requestId, sale, sku, userId, amount, currency, day, streak, packet, seats } =
    event;
  return {
    specversion: '1.0',
    id: eventId(home, eventNo, orderNo),
    source: `/flashsale/${home}`,
    type: eventType(kind),
    subject: orderNo,
    time: happenedAt.toISOString(),
    datacontenttype: 'application/json',
    data: {
      orderNo,
      requestId,
      sale,
      sku,
      userId,
      quantity: units,
      amount,
      currency,
      createdAt: createdAt.toISOString(),
      payBefore: payBefore.toISOString(),
      ...(day !== undefined && { day, streak }),
      ...(packet !== undefined && { packet: { amount: packet, currency } }),
      ...(seats !== undefined && { units: seats }),
      ...(refund && { refund }),
    },
  };
}
