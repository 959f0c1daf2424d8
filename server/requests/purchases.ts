import type { PublishResult } from '../../broker/publisher.ts';
import type { OrderTerms, PurchaseRequest, Verdict } from '../../contracts/messages.ts';
import type { Schema } from '../../contracts/names.ts';
import { type RequestOutcome, verdictOf } from '../../db/calls.ts';
import type { Log } from '../../process/log.ts';
import type { SkuOnSale } from '../catalogue.ts';
import type { Envelopes } from './envelopes.ts';
import type { Lookup } from './lookup.ts';
import { type PendingRequest, PendingRequests } from './pending.ts';

/**
 * From the draw to the outcome: publishes what was admitted, keeps what is unknown alive, and makes
 * sure that every admitted request's outcome becomes known here, so that the keeper can count it.
 */

/** Verdicts are pushed; one that did not come by then was lost and is looked up. */
const VERDICT_OVERDUE_MS = 2_000;
const CHASE_INTERVAL_MS = 1_000;
/** Requests looked up or published again in one round. */
const CHASE_REQUESTS_MAX = 1_000;
/** A verdict takes some of this to come in, and may be lost: older memory does not show `undecided`. */
const UNDECIDED_TTL_MS = 200;

export interface PurchaseEvents {
  /** The broker has answered for the first time, whatever it said, or did not in time. */
  answered(entry: PendingRequest): void;
  /** Definitely not taken: the units may be drawn again. */
  refund(entry: PendingRequest): void;
  /** The outcome is known, whatever it is; called once a request. */
  decided(entry: PendingRequest): void;
  /** A verdict has come in. `entry`: of a request that it decided; `terms`: those of its order. */
  known(requestId: string, entry: PendingRequest | undefined, terms: OrderTerms | undefined): void;
}

export class Purchases {
  readonly pending = new PendingRequests();
  readonly #envelopes: Envelopes;
  readonly #lookup: Lookup<RequestOutcome>;
  readonly #schemaOf: (sku: string) => Schema | undefined;
  readonly #events: PurchaseEvents;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  /** performance.now() since when every verdict has come in; infinity while none can. */
  #hearsSinceMs = Number.NEGATIVE_INFINITY;

  /** @param options.schemaOf where the SKU lives now */
  constructor(options: {
    envelopes: Envelopes;
    lookup: Lookup<RequestOutcome>;
    schemaOf: (sku: string) => Schema | undefined;
    events: PurchaseEvents;
    log: Log;
  }) {
    this.#envelopes = options.envelopes;
    this.#lookup = options.lookup;
    this.#schemaOf = options.schemaOf;
    this.#events = options.events;
    this.#log = options.log;
    this.#timer = setInterval(() => void this.#chase(), CHASE_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Publishes an admitted request. `published` of the entry resolves when the broker answered.
   * @param request for the units that were drawn
   * @param wanted what the shopper asked for: more, where it accepts fewer
   */
  take(
    row: SkuOnSale,
    request: PurchaseRequest,
    ticketId: string,
    node: string,
    wanted = request.units,
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
    this.pending.enter(entry);
    entry.published = this.#publish(entry);
    return entry;
  }

  /** @param terms of its order, if the verdict has an amount */
  onVerdict(verdict: Verdict, terms?: OrderTerms): void {
    const entry = this.pending.decide(verdict);
    if (entry !== undefined) this.#events.decided(entry);
    this.#events.known(verdict.requestId, entry, terms);
  }

  /** A worker could not decide it: until an operator acts, it stays queued. */
  onDelayed(requestId: string): void {
    this.pending.delay(requestId);
  }

  /** Verdicts can come in from now on, or no longer: what is said in between is lost. */
  hears(canHear: boolean): void {
    this.#hearsSinceMs = canHear ? performance.now() : Number.POSITIVE_INFINITY;
  }

  /** Whether memory is fresh enough to say that nobody was told an outcome of this request yet. */
  isUndecided(entry: PendingRequest): boolean {
    return this.isPushed(entry) && entry.undecidedAtMs >= performance.now() - UNDECIDED_TTL_MS;
  }

  /**
   * The same while its home cannot be asked: it was undecided when that home last answered, so that
   * no other node can have read an outcome since.
   */
  wasUndecidedLast(entry: PendingRequest): boolean {
    const answeredAtMs = this.#lookup.answeredAtMs(this.#homeOf(entry));
    return this.isPushed(entry) && entry.undecidedAtMs >= answeredAtMs - UNDECIDED_TTL_MS;
  }

  /** Its outcome is still to come, and will be pushed here, unless the verdict is lost. */
  isPushed({ verdict, undecidedAtMs }: PendingRequest): boolean {
    return verdict === undefined && undecidedAtMs >= this.#hearsSinceMs;
  }

  /**
   * What the database knows of a request of this node; undefined when it has no outcome.
   * @throws {Problem} overloaded; and whatever the database throws
   */
  async lookUp(entry: PendingRequest): Promise<RequestOutcome | undefined> {
    const askedAtMs = performance.now();
    const outcome = await this.#lookup.find(entry.request.requestId, this.#homeOf(entry));
    if (outcome === undefined) entry.undecidedAtMs = Math.max(entry.undecidedAtMs, askedAtMs);
    else this.learn(outcome);
    return outcome;
  }

  /** The only home that can know it; undefined where its SKU has moved since. */
  #homeOf({ sku, schema }: PendingRequest): Schema | undefined {
    return this.#schemaOf(sku) === schema ? schema : undefined;
  }

  /** Tells the outcome of a request that the database knows; others follow by push. */
  learn(outcome: RequestOutcome): void {
    this.onVerdict(verdictOf(outcome));
  }

  async #publish(entry: PendingRequest): Promise<void> {
    const { sku, schema, node, request } = entry;
    const onLate = (result: PublishResult) => this.#answered(entry, result);
    const isFirst = entry.stage === 'publishing';
    const outgoing = { sku, schema, node, request, isCopy: !isFirst, onLate };
    const result = await this.#envelopes.add(outgoing);
    if (isFirst) this.#events.answered(entry);
    this.#answered(entry, result);
  }

  #answered(entry: PendingRequest, result: PublishResult): void {
    // A worker can be faster than the confirm; what was confirmed once stays taken; and where a
    // first publish is unknown, a later refusal of a copy says nothing about it.
    if (entry.stage === 'decided' || entry.stage === 'taken') return;
    if (result === 'confirmed') entry.stage = 'taken';
    else if (result === 'unknown' || entry.stage === 'unknown') entry.stage = 'unknown';
    else {
      entry.stage = 'refused';
      this.pending.forget(entry.request.requestId);
      this.#events.refund(entry);
    }
  }

  /** Looks overdue requests up and publishes again what the broker never answered for. */
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
      // Whatever became of the look-up: those behind it have their turn, and the broker may be well.
      this.pending.defer(entry);
      if (entry.stage === 'unknown') entry.published = this.#publish(entry);
    }
  }
}
