import { createHash } from 'node:crypto';
import { DEAD_CAUSES, DEAD_HEADERS, type DeadCause } from '../contracts/dead-letters.ts';
import { type ReadableEnvelope, readEnvelope, SCHEMA_HEADER } from '../contracts/messages.ts';
import { parseTime } from '../contracts/times.ts';
import { DEAD_LETTERS_QUEUE } from '../contracts/topology.ts';
import type { Channel, ReceivedMessage } from './amqp.ts';
import { closeChannel } from './close-channel.ts';
import type { BrokerConnection } from './connection.ts';

/** The most dead letters that one call takes; the next call takes those behind them. */
const LETTERS_IN_HAND_MAX = 10_000;
/** How long to wait for the next of the messages that the broker counted. */
const DELIVERY_TIMEOUT_MS = 3_000;
const ID_LENGTH = 12;

export interface DeadLetter {
  /** A hash of the content, so the same at every inspection. Copies of a message share it. */
  readonly id: string;
  /** When the message became a dead letter; undefined when no header tells. */
  readonly at: Date | undefined;
  /** The queue that the message came from; empty when no header tells. */
  readonly queue: string;
  readonly cause: DeadCause | 'unknown';
  readonly error: string | undefined;
  readonly sqlstate: string | undefined;
  /** Schema id from the header; empty when there is none. */
  readonly schema: string;
  readonly replyTo: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content: Buffer;
  /** The readable parts of the content. */
  readonly envelope: ReadableEnvelope;
  /** Removes the dead letter from the queue. */
  ack(): void;
}

/** Another process is inspecting the dead letters. */
class DeadLettersBusy extends Error {
  override name = 'DeadLettersBusy';
}

/**
 * Passes the dead letters to `work`, oldest first. Those that `work` does not acknowledge stay in
 * the queue. One exclusive consumer on a separate channel takes them, so that two processes never
 * see different parts of the queue. Closing the channel returns the rest, and so does the death of
 * the process.
 *
 * @throws {DeadLettersBusy} when another process is inspecting the dead letters
 * @throws {BrokerUnavailable} when there is no connection
 */
export async function withDeadLetters<T>(
  connection: BrokerConnection,
  work: (letters: readonly DeadLetter[]) => Promise<T>,
): Promise<T> {
  const channel = await connection.openChannel();
  try {
    const { messageCount } = await channel.checkQueue(DEAD_LETTERS_QUEUE);
    const messages = await take(channel, Math.min(messageCount, LETTERS_IN_HAND_MAX));
    return await work(messages.map((message) => toDeadLetter(channel, message)));
  } finally {
    await closeChannel(channel);
  }
}

async function take(channel: Channel, count: number): Promise<ReceivedMessage[]> {
  const messages: ReceivedMessage[] = [];
  const { promise: taken, resolve } = Promise.withResolvers<void>();
  let timer = setTimeout(resolve, DELIVERY_TIMEOUT_MS);
  await channel.prefetch(Math.max(1, count));
  const onMessage = (message: ReceivedMessage | null) => {
    if (message === null || messages.length === count) return;
    messages.push(message);
    clearTimeout(timer);
    if (messages.length === count) resolve();
    else timer = setTimeout(resolve, DELIVERY_TIMEOUT_MS);
  };
  try {
    await channel.consume(DEAD_LETTERS_QUEUE, onMessage, { exclusive: true });
    if (count > 0) await taken;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 403) throw error;
    throw new DeadLettersBusy('another command is inspecting the dead letters; try again');
  } finally {
    clearTimeout(timer);
  }
  return messages;
}

interface Death {
  readonly reason?: unknown;
  readonly queue?: unknown;
  /** In seconds since 1970. */
  readonly time?: { readonly value?: unknown };
}

function toDeadLetter(channel: Channel, message: ReceivedMessage): DeadLetter {
  const { content, properties } = message;
  const headers: Record<string, unknown> = { ...properties.headers };
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const deaths = Array.isArray(headers['x-death']) ? (headers['x-death'] as Death[]) : [];
  const [death = {}] = deaths;
  const seconds = death.time?.value;
  const at = text(headers[DEAD_HEADERS.at]);
  const written = DEAD_CAUSES.find((cause) => cause === headers[DEAD_HEADERS.cause]);
  const given = DEAD_CAUSES.find((cause) => cause === death.reason);
  return {
    id: createHash('sha256').update(content).digest('hex').slice(0, ID_LENGTH),
    at:
      (at && parseTime(at)) ||
      (typeof seconds === 'number' ? new Date(seconds * 1_000) : undefined),
    queue: text(headers[DEAD_HEADERS.queue]) ?? text(death.queue) ?? '',
    cause: written ?? given ?? 'unknown',
    error: text(headers[DEAD_HEADERS.error]),
    sqlstate: text(headers[DEAD_HEADERS.sqlstate]),
    schema: text(headers[SCHEMA_HEADER]) ?? '',
    replyTo: text(properties.replyTo),
    headers,
    content,
    envelope: readEnvelope(content),
    ack: () => channel.ack(message),
  };
}
