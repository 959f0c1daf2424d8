import type { BrokerConnection } from '../broker/connection.ts';
import { Consumer, type Delivery } from '../broker/consumer.ts';
import { publishUntilConfirmed } from '../broker/publish-until-confirmed.ts';
import type { Publisher } from '../broker/publisher.ts';
import { type AddressedVerdict, sendDelayed, sendVerdicts } from '../broker/verdict-sender.ts';
import {
  type DeadCause,
  DRAIN_SCHEMA,
  DRAINED_SCHEMA,
  decodeDrain,
  decodeEnvelope,
  ENVELOPE_SCHEMA,
  encode,
  isNewerSchema,
  readEnvelope,
  UndecodableMessage,
} from '../contracts/messages.ts';
import type { Schema } from '../contracts/names.ts';
import { ordersQueue } from '../contracts/topology.ts';
import type { AdmittedRequest } from '../db/orders.ts';
import type { Log } from '../process/log.ts';
import { type Batch, type BatchLimits, BatchPlanner } from './batch.ts';
import { deadLetter } from './dead-letter.ts';
import type { Decider, Decision } from './decide.ts';
import type { WorkerMetrics } from './metrics.ts';

/**
 * One orders queue: envelopes in, calls of place_orders, verdicts out. A delivery is acknowledged
 * when each of its requests has an outcome that is committed, so that whatever dies in between, the
 * broker still has the message; deciding it again finds the old outcomes. What can never be decided
 * becomes a dead letter, alone: its delivery is acknowledged when the broker has confirmed that one.
 */

/** Between two batches of a rush there is less than this. */
const BUSY_MS = 250;
/** Between two calls for a SKU whose sale opens later by the clock of its server. */
const NOT_OPEN_PAUSE_MS = 100;
/** Of the prefetch, for deliveries that wait for the opening of their sale: other sales need the rest. */
const EARLY_SHARE_MAX = 0.5;

const TOO_EARLY: Decision = {
  kind: 'poison',
  cause: 'not_open',
  error: new Error('the sale opens later, and too many messages wait for an opening'),
};

/** A delivery that is not ended yet. */
interface OpenDelivery {
  readonly delivery: Delivery;
  undecided: number;
  /** The process stops before everything is decided. */
  abandoned: boolean;
  /** True: decided and acknowledged or dead-lettered. False: left to another worker. */
  readonly ended: PromiseWithResolvers<boolean>;
}

interface Entry extends AdmittedRequest {
  readonly from: OpenDelivery;
}

export interface OrdersConsumerOptions {
  readonly schema: Schema;
  /** Publishes nothing: see BrokerConnection. */
  readonly connection: BrokerConnection;
  readonly publisher: Publisher;
  readonly decider: Decider;
  readonly prefetchMax: number;
  readonly limits: BatchLimits;
  /** Aborted when what is in hand is to be left to another worker. */
  readonly giveUp: AbortSignal;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
}

/** More than 200 lines: the life of a delivery, from its arrival to its end. */
export class OrdersConsumer {
  readonly #options: OrdersConsumerOptions;
  readonly #queue: string;
  readonly #planner: BatchPlanner<Entry>;
  /** In the order of their arrival. */
  readonly #open = new Set<OpenDelivery>();
  /** Those of them that wait for the opening of their sale, by the database's clock. */
  readonly #early = new Set<OpenDelivery>();
  #consumer: Consumer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #decidedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: OrdersConsumerOptions) {
    this.#options = options;
    this.#queue = ordersQueue(options.schema);
    this.#planner = new BatchPlanner(options.limits);
  }

  /** Resolves when orders flow, or at once when the broker is not there yet. */
  static async open(options: OrdersConsumerOptions): Promise<OrdersConsumer> {
    const orders = new OrdersConsumer(options);
    const { connection, prefetchMax } = options;
    const consumerOptions = { queue: orders.#queue, prefetchMax };
    orders.#consumer = await Consumer.open(connection, consumerOptions, (delivery) =>
      orders.#receive(delivery),
    );
    return orders;
  }

  get consuming(): boolean {
    return this.#consumer?.consuming ?? false;
  }

  /** Orders are being decided, or were a moment ago. */
  get isBusy(): boolean {
    return this.#open.size > 0 || performance.now() - this.#decidedAtMs < BUSY_MS;
  }

  /** For metrics: deliveries not ended, requests waiting for a call, calls under way. */
  get load(): { deliveries: number; waiting: number; calls: number } {
    const { waiting, callsInFlight } = this.#planner;
    return { deliveries: this.#open.size, waiting, calls: callsInFlight };
  }

  /** Takes no more; resolves when everything taken is decided and acknowledged. */
  async drain(): Promise<void> {
    await this.#consumer?.cancel();
    await Promise.all([...this.#open].map((open) => open.ended.promise));
  }

  /** What is not acknowledged goes back to the queue. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#consumer?.close();
  }

  #receive(delivery: Delivery): void {
    const { schema } = delivery;
    try {
      if (schema === ENVELOPE_SCHEMA) this.#takeEnvelope(delivery);
      else if (schema === DRAIN_SCHEMA) this.#takeSettle(delivery);
      else if (isNewerSchema(schema)) {
        this.#refuse(delivery, 'unknown_schema', `schema ${schema} is newer than this worker`);
      } else {
        const what = schema === undefined ? 'no schema' : `schema ${JSON.stringify(schema)}`;
        this.#refuse(delivery, 'undecodable', `${what}: no message for this queue`);
      }
    } catch (error) {
      if (!(error instanceof UndecodableMessage)) throw error;
      this.#refuse(delivery, 'undecodable', error.message);
    }
  }

  #refuse(delivery: Delivery, cause: DeadCause, why: string): void {
    void this.#bury(this.#begin(delivery, 1), delivery.content, cause, new Error(why));
  }

  #takeEnvelope(delivery: Delivery): void {
    const { sku, node, requests } = decodeEnvelope(delivery.content);
    const open = this.#begin(delivery, requests.length);
    const nowMs = performance.now();
    for (const request of requests) this.#planner.add(sku, { ...request, node, from: open }, nowMs);
    this.#pump();
  }

  /** Behind everything that this consumer was given before: then, and not earlier, it is drained. */
  #takeSettle(delivery: Delivery): void {
    const { node } = decodeDrain(delivery.content);
    const before = [...this.#open].map((open) => open.ended.promise);
    const open = this.#begin(delivery, 1);
    void Promise.all(before).then(async (decided) => {
      // If this channel is gone, what came before on it goes to others, and so does this message.
      if (decided.every(Boolean) && delivery.live) await this.#replyDrained(delivery, node);
      else open.abandoned = true;
      this.#decided(open);
    });
  }

  async #replyDrained(delivery: Delivery, node: string): Promise<void> {
    this.#options.log.info({ node, queue: this.#queue }, 'drained');
    if (delivery.replyTo === undefined) return;
    await this.#options.publisher.publish({
      exchange: '',
      routingKey: delivery.replyTo,
      schema: DRAINED_SCHEMA,
      content: encode({ node, queue: this.#queue }),
      persistent: false,
      mandatory: false,
    });
  }

  #begin(delivery: Delivery, undecided: number): OpenDelivery {
    const open = {
      delivery,
      undecided,
      abandoned: false,
      ended: Promise.withResolvers<boolean>(),
    };
    this.#open.add(open);
    return open;
  }

  /** Starts every call that is due, and comes back when the next one will be. */
  #pump(): void {
    const nowMs = performance.now();
    for (;;) {
      const batch = this.#planner.next(nowMs);
      if (batch === undefined) break;
      void this.#run(batch);
    }
    const dueInMs = this.#planner.dueInMs(nowMs);
    clearTimeout(this.#timer);
    if (dueInMs !== undefined) this.#timer = setTimeout(() => this.#pump(), Math.ceil(dueInMs));
  }

  async #run(batch: Batch<Entry>): Promise<void> {
    const { sku, requests, wait } = batch;
    const decisions = await this.#options.decider.decide(sku, requests, wait);
    const locked: Entry[] = [];
    let isEarly = false;
    const told: AddressedVerdict[] = [];
    for (const [index, entry] of requests.entries()) {
      let decision = decisions[index] ?? { kind: 'abandoned' };
      if (decision.kind === 'locked' && decision.isEarly) {
        isEarly = true;
        if (!this.#holdEarly(entry.from)) decision = TOO_EARLY;
      }
      if (decision.kind === 'locked') locked.push(entry);
      else this.#apply(sku, entry, decision, told);
    }
    this.#decidedAtMs = performance.now();
    this.#planner.finished(batch, locked, this.#decidedAtMs, isEarly ? NOT_OPEN_PAUSE_MS : 0);
    sendVerdicts(this.#options.publisher, told);
    this.#pump();
  }

  /** @returns false when as many deliveries as may wait for the opening of their sale do so */
  #holdEarly(open: OpenDelivery): boolean {
    const earlyMax = Math.max(1, Math.floor(this.#options.prefetchMax * EARLY_SHARE_MAX));
    if (!this.#early.has(open) && this.#early.size >= earlyMax) return false;
    this.#early.add(open);
    return true;
  }

  #apply(sku: string, entry: Entry, decision: Decision, told: AddressedVerdict[]): void {
    const { metrics, schema } = this.#options;
    if (decision.kind === 'decided') {
      const { verdict, terms } = decision;
      metrics.outcomes.inc({ schema, outcome: verdict.status });
      const { replyTo } = entry.from.delivery;
      if (replyTo !== undefined) told.push({ replyTo, verdict, ...(terms && { terms }) });
      this.#decided(entry.from);
    } else if (decision.kind === 'poison') {
      const { from, node, ...request } = entry;
      const alone = encode({ sku, node, requests: [request] });
      void this.#bury(from, alone, decision.cause, decision.error);
    } else {
      entry.from.abandoned = true;
      this.#decided(entry.from);
    }
  }

  #decided(open: OpenDelivery): void {
    open.undecided -= 1;
    if (open.undecided > 0) return;
    this.#open.delete(open);
    this.#early.delete(open);
    // Not acknowledged, an abandoned delivery goes to another worker when this channel closes.
    if (!open.abandoned) open.delivery.ack();
    open.ended.resolve(!open.abandoned);
  }

  /** Publishes what can never be decided as a dead letter, and ends its part of the delivery. */
  async #bury(
    open: OpenDelivery,
    content: Buffer,
    cause: DeadCause,
    error: unknown,
  ): Promise<void> {
    const { metrics, schema, log, publisher, giveUp } = this.#options;
    const { delivery } = open;
    const message = deadLetter(delivery, content, { queue: this.#queue, cause, error });
    if (await publishUntilConfirmed(publisher, message, giveUp)) {
      metrics.deadLetters.inc({ schema, cause });
      const requestIds = readEnvelope(content).requests.map(({ requestId }) => requestId);
      log.error({ err: error, queue: this.#queue, cause, requestIds }, 'dead letter');
      sendDelayed(publisher, delivery.replyTo, requestIds);
    } else open.abandoned = true;
    this.#decided(open);
  }
}
