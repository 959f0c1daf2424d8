import type { PublishResult } from '../../broker/publisher.ts';
import type { Home } from '../../contracts/homes.ts';
import type { OrderTerms, PurchaseRequest, Verdict } from '../../contracts/messages.ts';
import { ordersQueue } from '../../contracts/topology.ts';
import { type RequestOutcome, verdictOf } from '../../db/calls.ts';
import type { Log } from '../../process/log.ts';
import type { Span } from '../../process/spans.ts';
import type { SkuOnSale } from '../catalogue/catalogue.ts';
import type { Envelopes } from './envelopes.ts';
import type { Lookup } from './lookup.ts';
import { type PendingRequest, PendingRequests } from './pending.ts';

/**
 * Handles admitted requests from the draw to the outcome. It publishes them, publishes those with
 * an unknown result again, and makes sure that this node learns every outcome, so that the keeper
 * can count it.
 */

/**
 * Verdicts are pushed. A verdict that has not arrived after this time counts as lost and is looked
 * up.
 */
const VERDICT_OVERDUE_MS = 2_000;
const CHASE_INTERVAL_MS = 1_000;
/** Requests that are looked up or published again in one round. */
const CHASE_REQUESTS_MAX = 1_000;
/**
 * Knowledge older than this is not used to say `undecided`. A verdict takes part of this time to
 * arrive, and it may be lost.
 */
const UNDECIDED_TTL_MS = 200;

export interface PurchaseEvents {
  /**
   * The broker has answered for the first time, whatever its answer, or has not answered in time.
   */
  answered(entry: PendingRequest): void;
  /** The request was certainly not taken, so its units may be drawn again. */
  refund(entry: PendingRequest): void;
  /** The outcome is known, whatever it is. Called once for each request. */
  decided(entry: PendingRequest): void;
  /**
   * A verdict has arrived. `entry`: the request, if this verdict decided it. `terms`: those of its
   * order.
   */
  known(requestId: string, entry: PendingRequest | undefined, terms: OrderTerms | undefined): void;
}

export class Purchases {
  readonly pending = new PendingRequests();
  readonly #envelopes: Envelopes;
  readonly #lookup: Lookup<RequestOutcome>;
  readonly #schemaOf: (sku: string) => Home | undefined;
  readonly #answeredAtMs: (home?: Home) => number;
  readonly #events: PurchaseEvents;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  /**
   * performance.now() since when every verdict has been received; infinity while none can be
   * received.
   */
  #hearsSinceMs = Number.NEGATIVE_INFINITY;

  /**
   * @param options.schemaOf returns the home of the SKU now
   * @param options.answeredAtMs returns performance.now() of the last answer of the home to any query
   *   of this process; without a home, that of any home
   */
  constructor(options: {
    envelopes: Envelopes;
    lookup: Lookup<RequestOutcome>;
    schemaOf: (sku: string) => Home | undefined;
    answeredAtMs: (home?: Home) => number;
    events: PurchaseEvents;
    log: Log;
  }) {
    this.#envelopes = options.envelopes;
    this.#lookup = options.lookup;
    this.#schemaOf = options.schemaOf;
    this.#answeredAtMs = options.answeredAtMs;
    this.#events = options.events;
    this.#log = options.log;
    this.#timer = setInterval(() => void this.#chase(), CHASE_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Publishes an admitted request. `published` of the result resolves when the broker has answered.
   *
   * @param request for the units that were drawn
   * @param wanted units that the shopper asked for; more than drawn if fewer are accepted
   * @param press the span of the press, if it is traced
   */
  take(
    row: SkuOnSale,
    request: PurchaseRequest,
    ticketId: string,
    node: string,
    wanted = request.units,
    press?: Span,
  ): PendingRequest {
    const admittedAtMs = performance.now();
    const entry: PendingRequest = {
      request,
      wanted,
      node,
      sale: row.sale,
      sku: row.sku,
      schema: row.schema,
      ticketId,
      admittedAtMs,
      lookedUpAtMs: admittedAtMs,
      undecidedAtMs: admittedAtMs,
      stage: 'publishing',
      published: Promise.resolve(),
    };
    if (press !== undefined) tracePublishing(entry, press);
    this.pending.enter(entry);
    entry.published = this.#publish(entry);
    return entry;
  }

  /** @param terms those of the order, if the verdict has an amount */
  onVerdict(verdict: Verdict, terms?: OrderTerms): void {
    const entry = this.pending.decide(verdict);
    if (entry !== undefined) this.#events.decided(entry);
    this.#events.known(verdict.requestId, entry, terms);
  }

  /** A worker could not decide the request. It stays queued until an operator acts. */
  onDelayed(requestId: string): void {
    this.pending.delay(requestId);
  }

  /** Notes whether verdicts can be received from now on. Verdicts sent in between are lost. */
  hears(canHear: boolean): void {
    this.#hearsSinceMs = canHear ? performance.now() : Number.POSITIVE_INFINITY;
  }

  /**
   * Returns whether memory is fresh enough to say that nobody has been told an outcome of this
   * request yet.
   */
  isUndecided(entry: PendingRequest): boolean {
    return this.isPushed(entry) && entry.undecidedAtMs >= performance.now() - UNDECIDED_TTL_MS;
  }

  /**
   * The same for a home that cannot be reached now: the request was undecided when that home last
   * answered, so no other node can have read an outcome since. Any answer counts, because a home
   * that is back answers this node's other queries while its look-ups still rest.
   */
  wasUndecidedLast(entry: PendingRequest): boolean {
    const home = this.#homeOf(entry);
    const answeredAtMs = Math.max(this.#lookup.answeredAtMs(home), this.#answeredAtMs(home));
    return this.isPushed(entry) && entry.undecidedAtMs >= answeredAtMs - UNDECIDED_TTL_MS;
  }

  /**
   * Returns whether the outcome is still to come and will be pushed to this node, unless the
   * verdict is lost.
   */
  isPushed({ verdict, undecidedAtMs }: PendingRequest): boolean {
    return verdict === undefined && undecidedAtMs >= this.#hearsSinceMs;
  }

  /**
   * Looks up a request of this node in the database; undefined if it has no outcome.
   *
   * @throws {Problem} overloaded; also any error of the database
   */
  async lookUp(entry: PendingRequest): Promise<RequestOutcome | undefined> {
    const askedAtMs = performance.now();
    const outcome = await this.#lookup.find(entry.request.requestId, this.#homeOf(entry));
    if (outcome === undefined) entry.undecidedAtMs = Math.max(entry.undecidedAtMs, askedAtMs);
    else this.learn(outcome);
    return outcome;
  }

  /** The only home that can know the request; undefined if its SKU has moved since. */
  #homeOf({ sku, schema }: PendingRequest): Home | undefined {
    return this.#schemaOf(sku) === schema ? schema : undefined;
  }

  /**
   * Records the outcome of a request that was found in the database; the other nodes get it by
   * push.
   */
  learn(outcome: RequestOutcome): void {
    this.onVerdict(verdictOf(outcome));
  }

  async #publish(entry: PendingRequest): Promise<void> {
    const { sku, schema, node, request } = entry;
    const onLate = (result: PublishResult) => this.#answered(entry, result);
    const isFirst = entry.stage === 'publishing';
    const { span } = entry;
    const outgoing = { sku, schema, node, request, isCopy: !isFirst, onLate, span };
    const result = await this.#envelopes.add(outgoing);
    if (isFirst) this.#events.answered(entry);
    if (span !== undefined) endPublishing(entry, span, result);
    this.#answered(entry, result);
  }

  #answered(entry: PendingRequest, result: PublishResult): void {
    // A worker can be faster than the broker's confirm. A request that was confirmed once stays
    // taken. If the first publish is unknown, a later refusal of a copy says nothing about it.
    if (entry.stage === 'decided' || entry.stage === 'taken') return;
    if (result === 'confirmed') entry.stage = 'taken';
    else if (result === 'unknown' || entry.stage === 'unknown') entry.stage = 'unknown';
    else {
      entry.stage = 'refused';
      this.pending.forget(entry.request.requestId);
      this.#events.refund(entry);
    }
  }

  /** Looks up overdue requests and publishes again those for which the broker never answered. */
  async #chase(): Promise<void> {
    const overdue: PendingRequest[] = [];
    for (const entry of this.pending.pendingSince(performance.now() - VERDICT_OVERDUE_MS)) {
      if (overdue.push(entry) === CHASE_REQUESTS_MAX) break;
    }
    try {
      await Promise.all(overdue.map((entry) => this.#chaseOne(entry)));
    } catch (error) {
      this.#log.warn({ err: error, overdue: overdue.length }, 'overdue requests are not looked up');
    }
  }

  async #chaseOne(entry: PendingRequest): Promise<void> {
    try {
      await this.lookUp(entry);
    } finally {
      // This happens even if the look-up failed: the requests behind get their turn, and the broker
      // may work.
      this.pending.defer(entry);
      if (entry.stage === 'unknown') entry.published = this.#publish(entry);
    }
  }
}

/** The request carries its trace to the worker. */
function tracePublishing(entry: PendingRequest, press: Span): void {
  const queue = ordersQueue(entry.schema);
  const span = press.child(`publish ${queue}`, {
    kind: 'producer',
    attributes: { 'messaging.system': 'rabbitmq', 'messaging.destination.name': queue },
  });
  entry.span = span;
  entry.request = { ...entry.request, traceparent: span.traceparent };
}

function endPublishing(entry: PendingRequest, span: Span, result: PublishResult): void {
  entry.span = undefined;
  span.set({ 'flashsale.publish_result': result });
  if (result !== 'confirmed') span.fail(result);
  span.end();
}
