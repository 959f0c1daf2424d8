import { eventId } from './ids.ts';
import type { Schema } from './names.ts';

/**
 * Order events, as readers of the topic exchange and merchants' webhooks get them: CloudEvents 1.0,
 * structured JSON. Delivered at least once; an event has one id for ever, and the first copies of an
 * order's events come in their order, so that who drops ids that it has seen sees each exactly once.
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

/** What is true of an order from its first moment on. */
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
}

/** Money that an order could not have. */
interface RefundFacts {
  /** The provider's reference of the payment that goes back. */
  readonly reference: string;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
}

/** What happened to one order. */
export interface OrderEvent extends OrderFacts {
  /** Digits. The orders of one batch share it. */
  readonly eventNo: string;
  readonly kind: EventKind;
  readonly happenedAt: Date;
  /** Of `refund_due` and `refunded`. */
  readonly refund?: RefundFacts;
}

/** The order of an event, in the words of the HTTP API. All of it stays as it is for ever. */
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
  /** Of `order.refund_due` and `order.refunded`: a payment that came late, twice or with another amount. */
  readonly refund?: RefundFacts;
}

export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  /** The schema that the order lives in, and its number space. */
  readonly source: string;
  readonly type: `order.${EventKind}`;
  /** The order number. */
  readonly subject: string;
  /** ISO 8601: when it was committed. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: EventData;
}

/** Routing key of an event, and its CloudEvents type. */
function eventType(kind: EventKind): CloudEvent['type'] {
  return `order.${kind}`;
}

/** The same bytes each time: a copy of an event cannot be told from the first. */
export function cloudEvent(schema: Schema, event: OrderEvent): CloudEvent {
  const { eventNo, kind, happenedAt, units, createdAt, payBefore, refund } = event;
  const { orderNo, requestId, sale, sku, userId, amount, currency } = event;
  return {
    specversion: '1.0',
    id: eventId(schema, eventNo, orderNo),
    source: `/flashsale/${schema}`,
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
      ...(refund && { refund }),
    },
  };
}
