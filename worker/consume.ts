import type { BrokerConnection } from '../broker/connection.ts';
import { Consumer, type Delivery } from '../broker/consumer.ts';
import { sendDrained } from '../broker/drain.ts';
import { publishUntilConfirmed } from '../broker/publish-until-confirmed.ts';
import type { Publisher } from '../broker/publisher.ts';
import { type AddressedVerdict, sendDelayed, sendVerdicts } from '../broker/verdict-sender.ts';
import type { DeadCause } from '../contracts/dead-letters.ts';
import type { Home } from '../contracts/homes.ts';
import {
  DRAIN_SCHEMA,
  decodeDrain,
  decodeEnvelope,
  encode,
  isEnvelope,
  isNewerSchema,
  readEnvelope,
  UndecodableMessage,
} from '../contracts/messages.ts';
import { ordersQueue } from '../contracts/topology.ts';
import type { Log } from '../process/log.ts';
import type { Span, Traces } from '../process/spans.ts';
import { type Batch, type BatchLimits, BatchPlanner } from './batch.ts';
import { deadLetter } from './dead-letter.ts';
import type { DecidedRequest, Decider, Decision } from './decide.ts';
import type { WorkerMetrics } from './metrics.ts';
import { beginDecision, endDecision, withTrace } from './traced.ts';

/**
 * Consumes one orders queue: decides the requests of each envelope with place_orders and sends the
 * verdicts.
 *
 * A delivery is acknowledged when each of its requests has a committed outcome. If a process dies
 * before that, the broker delivers the message again; deciding it again returns the outcomes that
 * were committed. A request that can never be decided becomes a dead letter without the other
 * requests of its delivery. The delivery is acknowledged after the broker has confirmed the dead
 * letter.
 */

/** In a rush, the next batch follows within this time. */
const BUSY_MS = 250;
/** Pause between two calls for a SKU whose sale has not opened by its database server's clock. */
const NOT_OPEN_PAUSE_MS = 100;
/** Share of the prefetch for deliveries that wait until their sale opens; other sales get the rest. */
const EARLY_SHARE_MAX = 0.5;

const TOO_EARLY: Decision = {
  kind: 'poison',
  cause: 'not_open',
  error: new Error('the sale opens later, and too many messages wait for an opening'),
};

/** A delivery that is not acknowledged yet. */
interface OpenDelivery {
  readonly delivery: Delivery;
  /** Number of requests without a decision. */
  undecided: number;
  /** This worker does not finish the delivery, for example because the process stops. */
  abandoned: boolean;
  /** Resolves to true when the delivery is acknowledged, to false when another worker gets it. */
  readonly ended: PromiseWithResolvers<boolean>;
}

interface Entry extends DecidedRequest {
  readonly from: OpenDelivery;
}

export interface OrdersConsumerOptions {
  readonly schema: Home;
  /** For consuming only; BrokerConnection says why. */
  readonly connection: BrokerConnection;
  readonly publisher: Publisher;
  readonly decider: Decider;
  readonly prefetchMax: number;
  readonly limits: BatchLimits;
  /** When aborted, the unfinished deliveries are left to another worker. */
  readonly giveUp: AbortSignal;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
  readonly traces?: Traces | undefined;
}

/** More than 200 lines: it is the life of a delivery, from its arrival to its acknowledgement. */
export class OrdersConsumer {
  readonly #options: OrdersConsumerOptions;
  readonly #queue: string;
  readonly #planner: BatchPlanner<Entry>;
  /** In order of arrival. */
  readonly #open = new Set<OpenDelivery>();
  /** Open deliveries whose sale has not opened by the database server's clock. */
  readonly #early = new Set<OpenDelivery>();
  #consumer: Consumer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #decidedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: OrdersConsumerOptions) {
    this.#options = options;
    this.#queue = ordersQueue(options.schema);
    this.#planner = new BatchPlanner(options.limits);
  }

  /** Resolves when the consumer is running, or at once when there is no connection yet. */
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

  /** Whether orders are being decided, or were within the last `BUSY_MS`. */
  get isBusy(): boolean {
    return this.#open.size > 0 || performance.now() - this.#decidedAtMs < BUSY_MS;
  }

  /** For metrics: unacknowledged deliveries, requests that wait for a call, calls under way. */
  get load(): { deliveries: number; waiting: number; calls: number } {
    const { waiting, callsInFlight } = this.#planner;
    return { deliveries: this.#open.size, waiting, calls: callsInFlight };
  }

  /** Stops new deliveries; resolves when all open ones are acknowledged or abandoned. */
  async drain(): Promise<void> {
    await this.#consumer?.cancel();
    await Promise.all([...this.#open].map((open) => open.ended.promise));
  }

  /** Closes the channel. Unacknowledged messages return to the queue. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#consumer?.close();
  }

  #receive(delivery: Delivery): void {
    const { schema } = delivery;
    try {
      if (isEnvelope(schema)) this.#takeEnvelope(delivery);
      else if (schema === DRAIN_SCHEMA) this.#takeDrain(delivery);
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
    const { traces } = this.#options;
    const envelope = decodeEnvelope(delivery.content);
    const { sku, node, requests } = envelope;
    const open = this.#begin(delivery, requests.length);
    const nowMs = performance.now();
    for (const request of requests) {
      const entry = { ...request, node, from: open };
      const span = traces && beginDecision(traces, this.#queue, request, envelope, delivery);
      this.#planner.add(sku, span === undefined ? entry : { ...entry, span }, nowMs);
    }
    this.#pump();
  }

  /** Replies to a drain request when every delivery that arrived before it is acknowledged. */
  #takeDrain(delivery: Delivery): void {
    const { node } = decodeDrain(delivery.content);
    const before = [...this.#open].map((open) => open.ended.promise);
    const open = this.#begin(delivery, 1);
    void Promise.all(before).then(async (decided) => {
      // If an earlier delivery goes to another worker, this message has to go there behind it. When
      // the channel is closed, the broker delivers both again.
      if (decided.every(Boolean) && delivery.live) await this.#replyDrained(delivery, node);
      else open.abandoned = true;
      this.#decided(open);
    });
  }

  async #replyDrained(delivery: Delivery, node: string): Promise<void> {
    this.#options.log.info({ node, queue: this.#queue }, 'drained');
    await sendDrained(this.#options.publisher, delivery.replyTo, { node, queue: this.#queue });
  }

  #begin(delivery: Delivery, undecided: number): OpenDelivery {
    const ended = Promise.withResolvers<boolean>();
    const open = { delivery, undecided, abandoned: false, ended };
    this.#open.add(open);
    return open;
  }

  /** Starts every call that is due, and sets the timer for the next one. */
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
    const verdicts: AddressedVerdict[] = [];
    for (const [index, entry] of requests.entries()) {
      let decision = decisions[index] ?? { kind: 'abandoned' };
      if (decision.kind === 'locked' && decision.isEarly) {
        isEarly = true;
        if (!this.#holdEarly(entry.from)) decision = TOO_EARLY;
      }
      if (entry.span !== undefined) endDecision(entry.span, decision);
      if (decision.kind === 'locked') locked.push(entry);
      else this.#apply(sku, entry, decision, verdicts);
    }
    this.#decidedAtMs = performance.now();
    this.#planner.finished(batch, locked, this.#decidedAtMs, isEarly ? NOT_OPEN_PAUSE_MS : 0);
    sendVerdicts(this.#options.publisher, verdicts);
    this.#pump();
  }

  /** @returns false when the maximum of deliveries already waits for a sale to open */
  #holdEarly(open: OpenDelivery): boolean {
    const earlyMax = Math.max(1, Math.floor(this.#options.prefetchMax * EARLY_SHARE_MAX));
    if (!this.#early.has(open) && this.#early.size >= earlyMax) return false;
    this.#early.add(open);
    return true;
  }

  #apply(sku: string, entry: Entry, decision: Decision, verdicts: AddressedVerdict[]): void {
    const { metrics, schema } = this.#options;
    if (decision.kind === 'decided') {
      const { verdict, terms } = decision;
      metrics.outcomes.inc({ schema, outcome: verdict.status });
      const { replyTo } = entry.from.delivery;
      const told = withTrace(verdict, entry.span);
      if (replyTo !== undefined) verdicts.push({ replyTo, verdict: told, ...(terms && { terms }) });
      this.#decided(entry.from);
    } else if (decision.kind === 'poison') {
      const { from, node, span, ...request } = entry;
      const alone = encode({ sku, node, requests: [request] });
      void this.#bury(from, alone, decision.cause, decision.error, span);
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
    // The broker gives an abandoned delivery to another worker when this channel closes.
    if (!open.abandoned) open.delivery.ack();
    open.ended.resolve(!open.abandoned);
  }

  /**
   * Publishes `content`, which can never be decided, as a dead letter until it is confirmed. Then it
   * counts as one decided request of the delivery.
   */
  async #bury(
    open: OpenDelivery,
    content: Buffer,
    cause: DeadCause,
    error: unknown,
    span?: Span,
  ): Promise<void> {
    const { metrics, schema, log, publisher, giveUp } = this.#options;
    const { delivery } = open;
    const message = deadLetter(delivery, content, { queue: this.#queue, cause, error });
    if (await publishUntilConfirmed(publisher, message, giveUp)) {
      metrics.deadLetters.inc({ schema, cause });
      const requestIds = readEnvelope(content).requests.map(({ requestId }) => requestId);
      const trace = span && { trace_id: span.traceId };
      log.error({ err: error, queue: this.#queue, cause, requestIds, ...trace }, 'dead letter');
      sendDelayed(publisher, delivery.replyTo, requestIds);
    } else open.abandoned = true;
    this.#decided(open);
  }
}
