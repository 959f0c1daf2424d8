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
import type { BrokerConnection } from './connection.ts';

/** Verdicts that wait for a web node that does not read; the oldest are dropped beyond. */
const VERDICT_MESSAGES_MAX = 20_000;

/**
 * @param delayed ids of requests that became dead letters
 * @param terms of the orders whose verdict has an amount
 */
export type VerdictHandler = (
  verdicts: readonly Verdict[],
  delayed: readonly string[],
  terms?: OrderTerms,
) => void;

/**
 * The verdict queue of one web process: exclusive, gone with its connection, declared anew with the
 * next. Taken without acknowledgement: a verdict that is lost costs latency only, because the
 * database has the truth.
 */
export class VerdictListener {
  /** What goes into the `replyTo` of envelopes. */
  readonly replyTo: string;
  readonly #connection: BrokerConnection;
  readonly #handler: VerdictHandler;
  readonly #onHearing: (canHear: boolean) => void;
  readonly #user: ChannelUser;
  #undecodable = 0;

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
      name: verdictsQueue(processId),
      opened: (channel) => this.#opened(channel),
      closed: () => onHearing(false),
    };
  }

  /**
   * Resolves when verdicts can come, or at once when the broker is not there yet.
   * @param onHearing told when verdicts begin to come in, and when they no longer can
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

  /** Messages that were not verdicts, and were dropped. */
  get undecodable(): number {
    return this.#undecodable;
  }

  async close(): Promise<void> {
    await this.#connection.detach(this.#user);
  }

  async #opened(channel: Channel): Promise<void> {
    const queue = verdictsQueue(this.replyTo);
    // After a cut connection the broker may hold the old queue until it misses heartbeats
    // (RESOURCE_LOCKED); the channel is then opened again until it lets go.
    await channel.assertQueue(queue, {
      exclusive: true,
      autoDelete: true,
      durable: false,
      arguments: { 'x-max-length': VERDICT_MESSAGES_MAX },
    });
    await channel.bindQueue(queue, VERDICTS_EXCHANGE, this.replyTo);
    const onMessage = (message: ReceivedMessage | null) => {
      if (message === null) channel.close().catch(() => {});
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
