import type { OrderTerms } from '../../contracts/messages.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import { isOutage } from '../../db/client/errors.ts';
import { Problem } from '../http/problems.ts';
import { cannotTell } from './breakers.ts';
import type { Lookup } from './lookup.ts';
import { Pauses } from './pauses.ts';
import type { PendingRequest } from './pending.ts';
import { Places } from './places.ts';
import type { Purchases } from './purchases.ts';
import { orderOf, queued, statusOf, statusOfOutcome } from './request-status.ts';
import type { RequestStatus, StatusQuestion, StatusWait } from './status-wait.ts';

/**
 * Tells shoppers the status of their requests: `queued` until an outcome is recorded, then the
 * outcome, and after `ordered` the state of the order. A status never goes back to an earlier one.
 * Verdicts may be lost, so memory can say `queued` only for a moment, and then the database is
 * asked. While the database cannot be reached, only requests that this node has taken since the
 * last answer are known to be undecided.
 *
 * A shopper who waits when the verdict is pushed gets what was committed at that moment. A shopper
 * who asks later gets what the database says then, because the order may have been paid, cancelled
 * or expired meanwhile.
 *
 * This class is the only owner of waits, through `begin`, `resolve` and `cancel`. It looks up the
 * status for a wait. Then it either tells the status, or lets the wait pause until the request is
 * known or the pause is over, and looks again.
 */

const NOBODY: readonly StatusWait[] = [];
/** Shoppers in this process who may wait for outcomes at once. */
const WAITING_SHOPPERS_MAX = 60_000;
/**
 * The pause before the next look-up of a request of another process, as a share of the time that
 * the shopper has waited, within these bounds. After a long wait, a slightly later answer matters
 * little.
 */
const FOREIGN_PAUSE_SHARE = 0.25;
const FOREIGN_PAUSE_MIN_MS = 100;
const FOREIGN_PAUSE_MAX_MS = 1_000;
/**
 * Limit for all these look-ups together. When a node dies, its shoppers come to the other nodes at
 * once; the more they are, the longer they wait between look-ups.
 */
export const FOREIGN_LOOKUPS_PER_SECOND = 5_000;

export class StatusWaits {
  readonly #purchases: Purchases;
  readonly #lookup: Lookup<RequestOutcome>;
  readonly #nodeFenced: (node: string) => Promise<boolean>;
  readonly #stopping: AbortSignal;
  readonly #pauses = new Pauses<StatusWait>((wait) => this.#wake(wait));
  readonly #places = new Places(WAITING_SHOPPERS_MAX);
  readonly #sleeping = new Sleeping();
  /** Number of waits for requests of which this process gets no push. */
  #foreign = 0;

  /**
   * @param nodeFenced whether nothing that this node admitted can become an order any more
   * @param stopping all waits are answered when this is aborted
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

  /** Number of requests for which waits pause. */
  get requestCount(): number {
    return this.#sleeping.requestCount;
  }

  /**
   * Tells the shopper the status when it is no longer `queued`, or the known status when the time
   * of the wait is over. Tells nothing if the shopper has disconnected.
   *
   * @throws {Problem} rate_limited or overloaded, if the user or all users together have too many
   *   waits
   */
  begin(wait: StatusWait): void {
    this.#places.take(wait.question.userId);
    this.#look(wait);
  }

  /**
   * News of a request has arrived: tells everybody who waits for it.
   *
   * @param entry the request, if it was decided just now
   * @param terms those of its order
   */
  resolve(requestId: string, entry?: PendingRequest, terms?: OrderTerms): void {
    for (const wait of this.#sleeping.of(requestId)) {
      this.#rouse(wait);
      if (entry === undefined || terms === undefined) this.#look(wait);
      else this.#push(wait, entry, terms);
    }
  }

  /** Ends the wait of a shopper who has disconnected. */
  cancel(wait: StatusWait): void {
    wait.isCancelled = true;
    if (wait.slot !== undefined) this.#wake(wait);
  }

  #wake(wait: StatusWait): void {
    this.#rouse(wait);
    this.#look(wait);
  }

  /** Looks up the status for a wait that does not pause. */
  #look(wait: StatusWait): void {
    const { requestId, userId } = wait.question;
    const entry = this.#purchases.pending.find(requestId);
    if (wait.isCancelled) this.#end(wait, undefined);
    else if (entry === undefined) void this.#ask(wait);
    else if (entry.request.userId !== userId) this.#end(wait, undefined);
    else if (this.#purchases.isUndecided(entry)) this.#goOn(wait, queued(entry), true);
    else if (entry.verdict === undefined || entry.verdict.status === 'ordered') {
      void this.#ask(wait);
    } else this.#end(wait, statusOf(entry.verdict));
  }

  /** Handles a verdict that has just arrived. */
  #push(wait: StatusWait, entry: PendingRequest, terms: OrderTerms): void {
    const { verdict, request } = entry;
    const order = verdict && orderOf(verdict, terms);
    // A verdict that was delayed may be about an order that has expired since.
    const isFresh = order !== undefined && Date.parse(terms.payBefore) > Date.now();
    if (!isFresh || request.userId !== wait.question.userId) this.#look(wait);
    else this.#end(wait, { requestId: request.requestId, status: order.status, order });
  }

  #goOn(wait: StatusWait, status: RequestStatus | undefined, isOurs: boolean): void {
    const untilMs = status === undefined ? wait.graceUntilMs : wait.untilMs;
    const isDecided = status !== undefined && status.status !== 'queued';
    if (isDecided || !this.#sleep(wait, untilMs, isOurs)) this.#end(wait, status);
  }

  /** Pauses the wait until there may be news. Returns false if the time of the wait is over. */
  #sleep(wait: StatusWait, untilMs: number, isOurs: boolean): boolean {
    this.#countForeign(wait, !isOurs);
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0 || wait.isCancelled || this.#stopping.aborted) return false;
    const delayMs = isOurs ? leftMs : Math.min(leftMs, this.#foreignPauseMs(wait));
    wait.slot = this.#pauses.begin(wait, delayMs);
    this.#sleeping.add(wait);
    return true;
  }

  #foreignPauseMs({ sinceMs }: StatusWait): number {
    const shareMs = (performance.now() - sinceMs) * FOREIGN_PAUSE_SHARE;
    const pauseMs = Math.min(Math.max(FOREIGN_PAUSE_MIN_MS, shareMs), FOREIGN_PAUSE_MAX_MS);
    return Math.max(pauseMs, (this.#foreign / FOREIGN_LOOKUPS_PER_SECOND) * 1_000);
  }

  #countForeign(wait: StatusWait, isForeign: boolean): void {
    this.#foreign += Number(isForeign) - Number(wait.isForeign);
    wait.isForeign = isForeign;
  }

  #rouse(wait: StatusWait): void {
    if (wait.slot === undefined) return;
    this.#pauses.end(wait, wait.slot);
    wait.slot = undefined;
    this.#sleeping.delete(wait);
  }

  #end(wait: StatusWait, status: RequestStatus | undefined): void {
    this.#countForeign(wait, false);
    if (!wait.isCancelled && wait.tell(status)) this.#look(wait);
    else this.#places.leave(wait.question.userId);
  }

  async #ask(wait: StatusWait): Promise<void> {
    const { question } = wait;
    const isNews = this.#own(question)?.verdict === undefined;
    let status: RequestStatus | 'foreign' | undefined;
    try {
      status = await this.#lookUp(question);
    } catch (error) {
      this.#failed(wait, error, isNews);
      return;
    }
    const own = this.#own(question);
    const isDecided = typeof status === 'object' && status.status !== 'queued';
    if (status === 'foreign') this.#end(wait, undefined);
    else if (!isDecided && isNews && own?.verdict !== undefined) this.#look(wait);
    else this.#goOn(wait, status, own !== undefined && this.#purchases.isPushed(own));
  }

  /** @param isNews no verdict was known before the look-up that failed */
  #failed(wait: StatusWait, error: unknown, isNews: boolean): void {
    const own = this.#own(wait.question);
    // Either the look-ups are full or one of the two homes is down. A wait with time left looks
    // again later.
    const isCrowded = error instanceof Problem && error.verdict === 'overloaded';
    const mayWait = (isCrowded || isOutage(error)) && wait.question.taken;
    if (isNews && own?.verdict !== undefined) this.#look(wait);
    else if (own && this.#purchases.wasUndecidedLast(own)) this.#goOn(wait, queued(own), true);
    else if (!mayWait || !this.#sleep(wait, wait.untilMs, false)) {
      this.#countForeign(wait, false);
      this.#places.leave(wait.question.userId);
      if (!wait.isCancelled) wait.fail(cannotTell(error));
    }
  }

  /** Returns what this node knows of the request, if this node took it from this user. */
  #own({ requestId, userId }: StatusQuestion): PendingRequest | undefined {
    const entry = this.#purchases.pending.find(requestId);
    return entry?.request.userId === userId ? entry : undefined;
  }

  async #lookUp(question: StatusQuestion): Promise<RequestStatus | 'foreign' | undefined> {
    const { requestId, userId, taken, unknownAt } = question;
    // The fence is checked first: a request without an outcome after that will never have one.
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
    return statusOfOutcome(outcome);
  }
}

/**
 * Paused waits by request. There is nearly always one for a request, so it is stored without a set,
 * which would cost more than all the rest.
 */
class Sleeping {
  readonly #byRequest = new Map<string, StatusWait | Set<StatusWait>>();

  get requestCount(): number {
    return this.#byRequest.size;
  }

  of(requestId: string): readonly StatusWait[] {
    const waits = this.#byRequest.get(requestId);
    if (waits === undefined) return NOBODY;
    return waits instanceof Set ? [...waits] : [waits];
  }

  add(wait: StatusWait): void {
    const { requestId } = wait.question;
    const present = this.#byRequest.get(requestId);
    if (present === undefined) this.#byRequest.set(requestId, wait);
    else if (present instanceof Set) present.add(wait);
    else this.#byRequest.set(requestId, new Set([present, wait]));
  }

  delete(wait: StatusWait): void {
    const { requestId } = wait.question;
    const present = this.#byRequest.get(requestId);
    if (present instanceof Set) present.delete(wait);
    const isLast = present === wait || (present instanceof Set && present.size === 0);
    if (isLast) this.#byRequest.delete(requestId);
  }
}
