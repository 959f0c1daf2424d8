import type { OrderTerms, Verdict } from '../../contracts/messages.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import { refundJson } from '../routes/order.ts';
import type { BookEntry } from './book.ts';
import type { Lookup } from './lookup.ts';
import { Pauses } from './pauses.ts';
import { Places } from './places.ts';
import type { Purchases } from './purchases.ts';
import type { Desk, RequestStatus, StatusQuestion, Waiter } from './waiter.ts';

/**
 * What can be said about a request, truthfully: `queued` until an outcome is recorded, then the
 * outcome, and after `ordered` what became of the order.
 *
 * Who waits when the verdict is pushed is told what was committed that moment; who asks later is told
 * what the database says then, since the order may be paid, cancelled or expired meanwhile.
 */

/** Shoppers who may wait for outcomes at once in this process. */
const WAITING_SHOPPERS_MAX = 60_000;
/** A request of another process is looked for again after a share of the time that somebody has waited
 *  for it, within these: who is told a little later has waited long already. */
const FOREIGN_PAUSE_SHARE = 0.25;
const FOREIGN_PAUSE_MIN_MS = 100;
const FOREIGN_PAUSE_MAX_MS = 1_000;
/** All of them together are looked for at most so often a second: the shoppers of a dead node come to
 *  the others at once, and wait the longer for it the more they are. */
export const FOREIGN_LOOKUPS_PER_SECOND = 5_000;

export class StatusDesk implements Desk {
  readonly #purchases: Purchases;
  readonly #lookup: Lookup<RequestOutcome>;
  readonly #nodeFenced: (node: string) => Promise<boolean>;
  readonly #stopping: AbortSignal;
  readonly #pauses = new Pauses();
  readonly #places = new Places(WAITING_SHOPPERS_MAX);
  /** Waiting for requests of which this process hears nothing by itself. */
  #foreign = 0;

  /**
   * @param nodeFenced whether nothing that this node admitted can be ordered any more
   * @param stopping everybody who waits is answered then
   */
  constructor(
    purchases: Purchases,
    lookup: Lookup<RequestOutcome>,
    nodeFenced: (node: string) => Promise<boolean>,
    stopping: AbortSignal,
  ) {
    this.#purchases = purchases;
    this.#stopping = stopping;
    stopping.addEventListener('abort', () => this.#pauses.endAll(), { once: true });
    this.#lookup = lookup;
    this.#nodeFenced = nodeFenced;
  }

  get waitingCount(): number {
    return this.#places.taken;
  }

  /**
   * Tells the waiter once: when the status is no longer `queued`, or what is known when its time is
   * over; nothing when the shopper has hung up.
   * @throws {Problem} rate_limited or overloaded, when the user or all have too many who wait already
   */
  wait(waiter: Waiter): void {
    this.#places.take(waiter.question.userId);
    this.look(waiter);
  }

  look(waiter: Waiter): void {
    const { requestId, userId } = waiter.question;
    const entry = this.#purchases.book.find(requestId);
    if (entry === undefined) void this.#ask(waiter);
    else if (entry.request.userId !== userId) this.#end(waiter, undefined);
    else if (entry.verdict === undefined) this.#goOn(waiter, queued(entry), true);
    else if (entry.verdict.status === 'ordered') void this.#ask(waiter);
    else this.#end(waiter, statusOf(entry.verdict));
  }

  tell(waiter: Waiter, entry: BookEntry, terms: OrderTerms): void {
    const { verdict, request } = entry;
    const order = verdict && orderOf(verdict, terms);
    // A verdict that was long on its way may tell of an order that has expired since.
    const isFresh = order !== undefined && Date.parse(terms.payBefore) > Date.now();
    if (!isFresh || request.userId !== waiter.question.userId) this.look(waiter);
    else this.#end(waiter, { requestId: request.requestId, status: order.status, order });
  }

  rouse(waiter: Waiter): void {
    if (waiter.slot === undefined) return;
    this.#pauses.end(waiter, waiter.slot);
    this.#purchases.unwatch(waiter.question.requestId, waiter);
    waiter.slot = undefined;
  }

  #goOn(waiter: Waiter, status: RequestStatus | undefined, isOurs: boolean): void {
    this.#countForeign(waiter, !isOurs);
    const leftMs =
      (status === undefined ? waiter.graceUntilMs : waiter.untilMs) - performance.now();
    const isDecided = status !== undefined && status.status !== 'queued';
    if (isDecided || leftMs <= 0 || waiter.isGone || this.#stopping.aborted) {
      this.#end(waiter, status);
      return;
    }
    const delayMs = isOurs ? leftMs : Math.min(leftMs, this.#foreignPauseMs(waiter));
    waiter.slot = this.#pauses.begin(waiter, delayMs);
    this.#purchases.watch(waiter.question.requestId, waiter);
  }

  #foreignPauseMs({ sinceMs }: Waiter): number {
    const shareMs = (performance.now() - sinceMs) * FOREIGN_PAUSE_SHARE;
    const pauseMs = Math.min(Math.max(FOREIGN_PAUSE_MIN_MS, shareMs), FOREIGN_PAUSE_MAX_MS);
    return Math.max(pauseMs, (this.#foreign / FOREIGN_LOOKUPS_PER_SECOND) * 1_000);
  }

  #countForeign(waiter: Waiter, isForeign: boolean): void {
    this.#foreign += Number(isForeign) - Number(waiter.isForeign);
    waiter.isForeign = isForeign;
  }

  #end(waiter: Waiter, status: RequestStatus | undefined): void {
    this.#leave(waiter);
    if (!waiter.isGone) waiter.tell(status);
  }

  #leave(waiter: Waiter): void {
    this.#countForeign(waiter, false);
    this.#places.leave(waiter.question.userId);
  }

  async #ask(waiter: Waiter): Promise<void> {
    let status: RequestStatus | 'foreign' | undefined;
    try {
      status = await this.#lookUp(waiter.question);
    } catch (error) {
      this.#leave(waiter);
      if (!waiter.isGone) waiter.fail(error);
      return;
    }
    if (status === 'foreign') this.#end(waiter, undefined);
    else this.#goOn(waiter, status, false);
  }

  async #lookUp(question: StatusQuestion): Promise<RequestStatus | 'foreign' | undefined> {
    const { requestId, userId, taken, unknownAt } = question;
    let outcome: RequestOutcome | undefined;
    let isLost = false;
    try {
      // The fence first: what has no outcome after it never will.
      isLost = unknownAt !== undefined && (await this.#nodeFenced(unknownAt));
      outcome = await this.#lookup.find(requestId);
    } catch (error) {
      // The database cannot be asked. What was taken is still on its way: that much is known.
      if (taken) return { requestId, status: 'queued' };
      throw error;
    }
    if (outcome === undefined && isLost) {
      return { requestId, status: 'rejected', reason: 'not_taken' };
    }
    if (outcome === undefined) return taken ? { requestId, status: 'queued' } : undefined;
    if (outcome.userId !== userId) return 'foreign';
    const { status, reason } = outcome;
    const order = orderOfOutcome(outcome);
    return { requestId, status, ...(order && { order }), ...(reason !== null && { reason }) };
  }
}

function queued({ request, delayed }: BookEntry): RequestStatus {
  const { requestId } = request;
  return { requestId, status: 'queued', ...(delayed && { reason: 'delayed' }) };
}

function statusOf({ requestId, status, reason }: Verdict): RequestStatus {
  return { requestId, status, ...(reason !== undefined && { reason }) };
}

function orderOf(verdict: Verdict, terms: OrderTerms): RequestStatus['order'] {
  const { requestId, orderNo, units, amount } = verdict;
  if (orderNo === undefined || amount === undefined) return undefined;
  const { sale, sku, currency, status = 'ordered', createdAt, payBefore } = terms;
  return {
    orderNo,
    requestId,
    sale,
    sku,
    quantity: units,
    amount,
    currency,
    status,
    createdAt,
    payBefore,
  };
}

/** An order and the outcome of its request come into being in the same transaction. */
function orderOfOutcome(outcome: RequestOutcome): RequestStatus['order'] {
  const { orderNo, amount, currency, payBefore, decidedAt, refund } = outcome;
  if (orderNo === null || amount === null || currency === null || payBefore === null) {
    return undefined;
  }
  return {
    orderNo,
    requestId: outcome.requestId,
    sale: outcome.sale,
    sku: outcome.sku,
    quantity: outcome.units,
    amount,
    currency,
    status: outcome.status,
    createdAt: decidedAt.toISOString(),
    payBefore: payBefore.toISOString(),
    ...refundJson(refund, currency),
  };
}
