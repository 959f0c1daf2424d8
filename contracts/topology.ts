import { type Home, REGULAR } from './homes.ts';

/**
 * The exchanges and queues of the virtual host. Every process declares those it uses with the same
 * arguments, so processes may start in any order.
 */

export const ORDERS_EXCHANGE = 'orders';
export const DEAD_EXCHANGE = 'orders.dead';
export const DEAD_LETTERS_QUEUE = 'orders.dead-letters';
/**
 * Receives the probe messages that test whether the broker confirms. It keeps the last one; nothing
 * consumes it.
 */
const PROBE_QUEUE = 'orders.probe';
export const PROBE_KEY = 'probe';
export const VERDICTS_EXCHANGE = 'verdicts';
export const EVENTS_EXCHANGE = 'order-events';

/** Deliveries of one message before the broker makes it a dead letter. */
export const DELIVERY_LIMIT = 20;

/**
 * Deliveries of a dead letter before the broker drops it; in practice, never. Each inspection of
 * dead letters takes and returns them, which counts as a delivery. A queue of RabbitMQ 4 without an
 * explicit limit has a limit of 20.
 */
const DEAD_LETTER_DELIVERY_LIMIT = 2_000_000_000;

/** Messages that one orders queue holds before the broker refuses (nacks) further ones. */
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

/** The names of all queues that lead to the database begin with it. */
export const QUEUE_PREFIX = 'orders.';

export function ordersQueue(home: Home): string {
  return `${QUEUE_PREFIX}${home}`;
}

/** @param channel number of the channel that consumes it, counted by the process */
export function verdictsQueue(processId: string, channel: number): string {
  return `verdicts.${processId}.${channel}`;
}

export const EXCHANGES: readonly ExchangeDeclaration[] = [
  { name: ORDERS_EXCHANGE, type: 'direct' },
  { name: DEAD_EXCHANGE, type: 'fanout' },
  { name: VERDICTS_EXCHANGE, type: 'direct' },
  { name: EVENTS_EXCHANGE, type: 'topic' },
];

/** All arguments are explicit, because the defaults of RabbitMQ 3.10 and 4.x differ. */
function ordersDeclaration(home: Home): QueueDeclaration {
  return {
    name: ordersQueue(home),
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': DELIVERY_LIMIT,
      'x-dead-letter-exchange': DEAD_EXCHANGE,
      'x-dead-letter-routing-key': home,
      // The default strategy drops a dead letter while its queue has no leader.
      'x-dead-letter-strategy': 'at-least-once',
      'x-max-length': QUEUE_LENGTH_MAX,
      'x-overflow': 'reject-publish',
    },
    bindings: [{ exchange: ORDERS_EXCHANGE, key: home }],
  };
}

/** The homes of an installation whose configuration names no other server. */
export const DEFAULT_HOMES: readonly Home[] = [REGULAR, 'hot'];

/** The orders queue of each home, and the queues that all share. */
export function queuesOf(homes: readonly Home[]): readonly QueueDeclaration[] {
  return [...homes.map(ordersDeclaration), ...COMMON_QUEUES];
}

const COMMON_QUEUES: readonly QueueDeclaration[] = [
  {
    name: DEAD_LETTERS_QUEUE,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DEAD_LETTER_DELIVERY_LIMIT },
    bindings: [{ exchange: DEAD_EXCHANGE, key: '' }],
  },
  {
    name: PROBE_QUEUE,
    // A quorum queue like the orders queues, so that it confirms under the same conditions.
    arguments: { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'drop-head' },
    bindings: [{ exchange: ORDERS_EXCHANGE, key: PROBE_KEY }],
  },
];
