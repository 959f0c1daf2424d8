import {
  decodeVerdicts,
  type OrderTerms,
  SCHEMA_HEADER,
  UndecodableMessage,
  VERDICTS_SCHEMA,
  type Verdict,
} from '../contracts/messages.ts';
import { VERDICTS_EXCHANGE, verdictsQueue } from '../contracts/topology.ts';
import type { Channel, ReceivedMessage } from './amqp.ts';
import type { ChannelUser } from './channel.ts';
import { closeChannel } from './close-channel.ts';
import type { BrokerConnection } from './connection.ts';

/**
 * The most verdict messages that wait for a web node that does not read. Beyond it, the oldest are
 * dropped.
 */
const VERDICT_MESSAGES_MAX = 20_000;

/**
 * Receives verdicts.
 *
 * @param delayed ids of requests that became dead letters
 * @param terms terms of the orders whose verdict has an amount
 */
export type VerdictHandler = (
  verdicts: readonly Verdict[],
  delayed: readonly string[],
  terms?: OrderTerms,
) => void;

/**
 * Consumes the verdict queue of one web process. The queue is exclusive: it vanishes with its
 * connection, and the next connection declares another. Messages are consumed without
 * acknowledgement. A lost verdict only costs time, because the web node then reads the result from
 * the database.
 */
export class VerdictListener {
  /** The value for `replyTo` in envelopes. */
  readonly replyTo: string;
  readonly #connection: BrokerConnection;
  readonly #handler: VerdictHandler;
  readonly #onHearing: (canHear: boolean) => void;
  readonly #user: ChannelUser;
  #undecodable = 0;
  /** Channels opened so far. */
  #channels = 0;

  private constructor(
    connection: BrokerConnection,
    processId: string,
    handler: VerdictHandler,
    onHearing: (canHear: boolean) => void,
  ) {
    this.replyTo = processId;
    this.#connection = connection;
    this.#handler = handler;
    this.#onHearing = onHearing;
    this.#user = {
      name: `verdicts of ${processId}`,
      opened: (channel) => this.#opened(channel),
      closed: () => onHearing(false),
    };
  }

  /**
   * Resolves when verdicts can arrive, or at once when there is no connection yet.
   *
   * @param onHearing called with true when verdicts can arrive and with false when they no longer
   *   can
   */
  static async open(
    connection: BrokerConnection,
    processId: string,
    handler: VerdictHandler,
    onHearing: (canHear: boolean) => void = () => {},
  ): Promise<VerdictListener> {
    const listener = new VerdictListener(connection, processId, handler, onHearing);
    await connection.attach(listener.#user);
    return listener;
  }

  /** How many messages were dropped because they were not verdicts. */
  get undecodable(): number {
    return this.#undecodable;
  }

  async close(): Promise<void> {
    await this.#connection.detach(this.#user);
  }

  async #opened(channel: Channel): Promise<void> {
    // Each channel has a queue of its own: after a lost connection the broker keeps the old queue until
    // it misses heartbeats, and while a connection moves to another host both receive the verdicts.
    const queue = verdictsQueue(this.replyTo, ++this.#channels);
    await channel.assertQueue(queue, {
      exclusive: true,
      autoDelete: true,
      durable: false,
      arguments: { 'x-max-length': VERDICT_MESSAGES_MAX },
    });
    await channel.bindQueue(queue, VERDICTS_EXCHANGE, this.replyTo);
    const onMessage = (message: ReceivedMessage | null) => {
      if (message === null) void closeChannel(channel);
      else this.#receive(message);
    };
    await channel.consume(queue, onMessage, { noAck: true, exclusive: true });
    this.#onHearing(true);
  }

  #receive(message: ReceivedMessage): void {
    try {
      if (message.properties.headers?.[SCHEMA_HEADER] !== VERDICTS_SCHEMA) {
        throw new UndecodableMessage('unknown schema');
      }
      const { verdicts, delayed, terms } = decodeVerdicts(message.content);
      this.#handler(verdicts, delayed, terms);
    } catch (error) {
      if (!(error instanceof UndecodableMessage)) throw error;
      this.#undecodable += 1;
      this.#connection.log.warn({ err: error }, 'verdict dropped');
    }
  }
}
