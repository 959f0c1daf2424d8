import type { Home } from '../contracts/homes.ts';
import {
  DRAIN_SCHEMA,
  DRAINED_SCHEMA,
  type Drained,
  decodeDrained,
  encode,
  SCHEMA_HEADER,
} from '../contracts/messages.ts';
import { ORDERS_EXCHANGE, ordersQueue } from '../contracts/topology.ts';
import type { Channel, ReceivedMessage } from './amqp.ts';
import { closeChannel } from './close-channel.ts';
import type { BrokerConnection } from './connection.ts';
import type { Publisher } from './publisher.ts';

/**
 * RabbitMQ's pseudo queue for replies. It exists as long as the channel and needs no declaration.
 */
const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';
/**
 * Interval at which a queue without an answer is asked again. Answers are not stored, and some are lost: a worker dies, or
 * the broker is away or accepts no messages when it answers.
 */
const REPEAT_MS = 2_000;

/** Not every orders queue answered. Nothing has changed, so the caller may try again. */
export class DrainFailed extends Error {
  override name = 'DrainFailed';
}

/**
 * Sends drain messages of `node` through each orders queue and resolves when a worker of each
 * queue has answered one. A worker answers when everything that it held before the drain message has
 * been decided. When a queue has several workers, another worker may still hold an older message.
 * Draining therefore only makes leftovers unlikely; fencing the node in the database excludes them.
 *
 * @throws {DrainFailed} after `timeoutMs`, or when the channel closes before the end
 * @throws {BrokerUnavailable} when there is no connection
 */
export async function drainQueues(
  connection: BrokerConnection,
  node: string,
  timeoutMs: number,
  homes: readonly Home[] = connection.homes,
): Promise<void> {
  const channel = await connection.openChannel();
  const waiting = new Set(homes.map(ordersQueue));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {}); // It may reject before it is awaited.
  const fail = (why: string) =>
    reject(new DrainFailed(`${node}: ${why}; no answer from ${[...waiting].join(', ')}`));
  const timer = setTimeout(() => fail(`timed out after ${timeoutMs} ms`), timeoutMs);
  const ask = () => {
    for (const home of homes) {
      if (waiting.has(ordersQueue(home))) publishDrain(channel, home, node, fail);
    }
  };
  let repeating: NodeJS.Timeout | undefined;
  channel.on('close', () => fail('the channel was closed'));
  channel.on('return', (message) => fail(`no queue for ${message.fields.routingKey}`));
  try {
    const onReply = (message: ReceivedMessage | null) => {
      const queue = message === null ? undefined : drainedQueue(message, node);
      if (queue !== undefined) waiting.delete(queue);
      if (waiting.size === 0) resolve();
    };
    await channel.consume(DIRECT_REPLY_TO, onReply, { noAck: true });
    ask();
    repeating = setInterval(ask, REPEAT_MS);
    await promise;
  } finally {
    clearTimeout(timer);
    clearInterval(repeating);
    await closeChannel(channel);
  }
}

function publishDrain(
  channel: Channel,
  home: Home,
  node: string,
  fail: (why: string) => void,
): void {
  const properties = {
    persistent: true,
    mandatory: true,
    contentType: 'application/json',
    headers: { [SCHEMA_HEADER]: DRAIN_SCHEMA },
    replyTo: DIRECT_REPLY_TO,
  };
  channel.publish(ORDERS_EXCHANGE, home, encode({ node }), properties, (error) => {
    if (error !== null) fail(`the broker did not accept the drain message for ${home}`);
  });
}

/** The queue that a reply confirms; undefined when the reply is not about `node`. */
function drainedQueue(message: ReceivedMessage, node: string): string | undefined {
  if (message.properties.headers?.[SCHEMA_HEADER] !== DRAINED_SCHEMA) return undefined;
  const drained = decodeDrained(message.content);
  return drained.node === node ? drained.queue : undefined;
}

/** Answers a drain message: everything that was in the queue before it has been decided. */
export async function sendDrained(
  publisher: Publisher,
  replyTo: string | undefined,
  drained: Drained,
): Promise<void> {
  if (replyTo === undefined) return;
  await publisher.publish({
    exchange: '',
    routingKey: replyTo,
    schema: DRAINED_SCHEMA,
    content: encode(drained),
    persistent: false,
    mandatory: false,
  });
}
