import { createHash } from 'node:crypto';
import {
  DEAD_CAUSES,
  DEAD_HEADERS,
  type DeadCause,
  type ReadableEnvelope,
  readEnvelope,
  SCHEMA_HEADER,
} from '../contracts/messages.ts';
import { parseTime } from '../contracts/times.ts';
import { DEAD_LETTERS_QUEUE } from '../contracts/topology.ts';
import type { Channel, ReceivedMessage } from './amqp.ts';
import type { BrokerConnection } from './connection.ts';

/** Dead letters in hand at once; those behind have their turn at the next call. */
const LETTERS_IN_HAND_MAX = 10_000;
/** The broker said that there are more, and nothing more came for so long. */
const DELIVERY_TIMEOUT_MS = 3_000;
const ID_LENGTH = 12;

export interface DeadLetter {
  /** A hash of its content: the same at every look. Copies of a message share it. */
  readonly id: string;
  /** When it became one; undefined if nobody wrote it down. */
  readonly at: Date | undefined;
  /** The queue that it stood in before. */
  readonly queue: string;
  readonly cause: DeadCause | 'unknown';
  readonly error: string | undefined;
  readonly sqlstate: string | undefined;
  /** Schema id that the message names; empty if none. */
  readonly schema: string;
  readonly replyTo: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content: Buffer;
  /** What can be read of it. */
  readonly envelope: ReadableEnvelope;
  /** It has been dealt with: the broker forgets it. */
  ack(): void;
}

/** Somebody else has the dead letters in hand. */
class DeadLettersBusy extends Error {
  override name = 'DeadLettersBusy';
}

/**
 * Hands the dead letters to `work`, oldest first; those that it does not acknowledge stay. They are
 * taken by one exclusive consumer on a channel of its own, and closing that gives back what is left,
 * so that nobody sees half of them, and a process that dies leaves them where they were.
 *
 * @throws {DeadLettersBusy} when another command has them
 * @throws {BrokerUnavailable}
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
    // Throws when closed already.
    await (async () => channel.close())().catch(() => {});
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
    throw new DeadLettersBusy('another command has the dead letters in hand; try again');
  } finally {
    clearTimeout(timer);
  }
  return messages;
}

interface Death {
  readonly reason?: unknown;
  readonly queue?: unknown;
  /** Seconds since 1970. */
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
