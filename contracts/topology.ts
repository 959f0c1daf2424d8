import type { Schema } from './names.ts';

/**
 * The exchanges and queues of the virtual host: declared by every process that uses them, with the
 * same arguments, so that it does not matter which one starts first.
 */

export const ORDERS_EXCHANGE = 'orders';
export const DEAD_EXCHANGE = 'orders.dead';
export const DEAD_LETTERS_QUEUE = 'orders.dead-letters';
/** Holds the last message of those that ask whether the broker confirms; nobody reads it. */
export const PROBE_QUEUE = 'orders.probe';
export const PROBE_KEY = 'probe';
export const VERDICTS_EXCHANGE = 'verdicts';
export const EVENTS_EXCHANGE = 'order-events';

/** Deliveries of one message before the broker gives it up as a dead letter. */
export const DELIVERY_LIMIT = 20;

/**
 * Deliveries of a dead letter before the broker drops it: as good as never. To look at dead letters
 * is to take them and give them back, which counts as a delivery; without a limit of its own a queue
 * of RabbitMQ 4 has one of 20.
 */
const DEAD_LETTER_DELIVERY_LIMIT = 2_000_000_000;

/** Messages that one orders queue holds before the broker refuses further ones (nack). */
const QUEUE_LENGTH_MAX = 1_000_000;

export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: 'direct' | 'topic' | 'fanout';
}

export interface QueueDeclaration {
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number>>;
  readonly bindings: readonly { exchange: string; key: string }[];
}

export function ordersQueue(schema: Schema): string {
  return `orders.${schema}`;
}

export function verdictsQueue(processId: string): string {
  return `verdicts.${processId}`;
}

export const EXCHANGES: readonly ExchangeDeclaration[] = [
  { name: ORDERS_EXCHANGE, type: 'direct' },
  { name: DEAD_EXCHANGE, type: 'fanout' },
  { name: VERDICTS_EXCHANGE, type: 'direct' },
  { name: EVENTS_EXCHANGE, type: 'topic' },
];

/** Explicit quorum arguments, so that RabbitMQ 3.10 and 4.x, whose defaults differ, behave alike. */
function ordersDeclaration(schema: Schema): QueueDeclaration {
  return {
    name: ordersQueue(schema),
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': DELIVERY_LIMIT,
      'x-dead-letter-exchange': DEAD_EXCHANGE,
      'x-dead-letter-routing-key': schema,
      // Otherwise a dead letter is dropped whenever its queue has no leader at that moment.
      'x-dead-letter-strategy': 'at-least-once',
      'x-max-length': QUEUE_LENGTH_MAX,
      'x-overflow': 'reject-publish',
    },
    bindings: [{ exchange: ORDERS_EXCHANGE, key: schema }],
  };
}

export const QUEUES: readonly QueueDeclaration[] = [
  ordersDeclaration('regular'),
  ordersDeclaration('hot'),
  {
    name: DEAD_LETTERS_QUEUE,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DEAD_LETTER_DELIVERY_LIMIT },
    bindings: [{ exchange: DEAD_EXCHANGE, key: '' }],
  },
  {
    name: PROBE_QUEUE,
    // A quorum queue like those of orders, so that it confirms what they would.
    arguments: { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'drop-head' },
    bindings: [{ exchange: ORDERS_EXCHANGE, key: PROBE_KEY }],
  },
];
