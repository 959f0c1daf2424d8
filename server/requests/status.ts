import type { OrderTerms, Verdict } from '../../contracts/messages.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import { isOutage } from '../../db/errors.ts';
import { refundJson } from '../order-json.ts';
import { Problem } from '../problems.ts';
import { cannotTell } from './breakers.ts';
import type { Lookup } from './lookup.ts';
import { Pauses } from './pauses.ts';
import type { PendingRequest } from './pending.ts';
import { Places } from './places.ts';
import type { Purchases } from './purchases.ts';
import type { Desk, RequestStatus, StatusQuestion, Waiter } from './waiter.ts';

/**
 * What can be said about a request, truthfully: `queued` until an outcome is recorded, then the
 * outcome, and after `ordered` what became of the order. Never an earlier state than before: verdicts
 * may be lost, so memory says `queued` for a moment only, and then the database is asked. While it
 * cannot be, only what this node has taken since it last answered is known to be undecided.
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
    const entry = this.#purchases.pending.find(requestId);
    if (waiter.isGone) this.#end(waiter, undefined);
    else if (entry === undefined) void this.#ask(waiter);
    else if (entry.request.userId !== userId) this.#end(waiter, undefined);
    else if (this.#purchases.isUndecided(entry)) this.#goOn(waiter, queued(entry), true);
    else if (entry.verdict === undefined || entry.verdict.status === 'ordered') {
      void this.#ask(waiter);
    } else this.#end(waiter, statusOf(entry.verdict));
  }

  tell(waiter: Waiter, entry: PendingRequest, terms: OrderTerms): void {
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
    const untilMs = status === undefined ? waiter.graceUntilMs : waiter.untilMs;
    const isDecided = status !== undefined && status.status !== 'queued';
    if (isDecided || !this.#sleep(waiter, untilMs, isOurs)) this.#end(waiter, status);
  }

  /** Until there may be news; false when its time is over. */
  #sleep(waiter: Waiter, untilMs: number, isOurs: boolean): boolean {
    this.#countForeign(waiter, !isOurs);
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0 || waiter.isGone || this.#stopping.aborted) return false;
    const delayMs = isOurs ? leftMs : Math.min(leftMs, this.#foreignPauseMs(waiter));
    waiter.slot = this.#pauses.begin(waiter, delayMs);
    this.#purchases.watch(waiter.question.requestId, waiter);
    return true;
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
    const { question } = waiter;
    const isNews = this.#own(question)?.verdict === undefined;
    let status: RequestStatus | 'foreign' | undefined;
    try {
      status = await this.#lookUp(question);
    } catch (error) {
      this.#failed(waiter, error, isNews);
      return;
    }
    const own = this.#own(question);
    const isDecided = typeof status === 'object' && status.status !== 'queued';
    if (status === 'foreign') this.#end(waiter, undefined);
    else if (!isDecided && isNews && own?.verdict !== undefined) this.look(waiter);
    else this.#goOn(waiter, status, own !== undefined && this.#purchases.isPushed(own));
  }

  /** @param isNews no verdict was known before the look-up that failed */
  #failed(waiter: Waiter, error: unknown, isNews: boolean): void {
    const own = this.#own(waiter.question);
    // As many look-ups wait as may, or one home of two is away: whoever has the time looks again later.
    const isCrowded = error instanceof Problem && error.verdict === 'overloaded';
    const mayWait = (isCrowded || isOutage(error)) && waiter.question.taken;
    if (isNews && own?.verdict !== undefined) this.look(waiter);
    else if (own && this.#purchases.wasUndecidedLast(own)) this.#goOn(waiter, queued(own), true);
    else if (!mayWait || !this.#sleep(waiter, waiter.untilMs, false)) {
      this.#leave(waiter);
      if (!waiter.isGone) waiter.fail(cannotTell(error));
    }
  }

  /** What this node knows of the request, if it took it from this user. */
  #own({ requestId, userId }: StatusQuestion): PendingRequest | undefined {
    const entry = this.#purchases.pending.find(requestId);
    return entry?.request.userId === userId ? entry : undefined;
  }

  async #lookUp(question: StatusQuestion): Promise<RequestStatus | 'foreign' | undefined> {
    const { requestId, userId, taken, unknownAt } = question;
    // The fence first: what has no outcome after it never will.
    const isLost = unknownAt !== undefined && (await this.#nodeFenced(unknownAt));
    const asked = this.#own(question);
    const isOrdered = asked?.verdict !== undefined;
    const outcome = await (asked ? this.#purchases.lookUp(asked) : this.#lookup.find(requestId));
    const own = this.#own(question);
    if (outcome === undefined && isOrdered) throw new Problem('status_unavailable');
    if (outcome === undefined && own !== undefined) return queued(own);
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

function queued({ request, delayed }: PendingRequest): RequestStatus {
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
