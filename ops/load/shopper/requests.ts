import { randomUUID } from 'node:crypto';
import type { Tally } from '../report/tally.ts';

/** The purchases that the crowd has sent, each counted once with its outcome. */

/** What a shopper leaves undecided is looked up at the end. More than this is counted as unknown. */
const UNDECIDED_MAX = 100_000;

/** Statuses of orders that were made. */
const ORDERED: ReadonlySet<string> = new Set(['ordered', 'paid', 'cancelled', 'expired']);

export class Request {
  /** Not from the seed: the shop would know it from an earlier run. */
  readonly key = randomUUID();
  readonly token: string;
  statusUrl: string;
  isTaken = false;
  /** The shop may have taken an earlier send of this key. */
  isUnsure = false;
  /** It was refused, or decided. */
  isOver = false;
  readonly #tally: Tally;
  /** The shopper has waited for the outcome all the time. */
  isAwaited = true;
  readonly #dueMs: number;
  #isSent = false;
  #isActing = false;
  #isSettled = false;

  /** @param dueMs when the press was due, by the monotonic clock */
  constructor(tally: Tally, token: string, dueMs: number) {
    this.#tally = tally;
    this.token = token;
    this.#dueMs = dueMs;
    this.statusUrl = `/api/v1/requests/${this.key}`;
  }

  /** It was sent and has no outcome that is known. */
  get isOpen(): boolean {
    return this.#isSent && !this.isOver;
  }

  /** Only the shop knows how it stands. */
  get isUndecided(): boolean {
    return this.isOpen || this.#isActing;
  }

  sent(): void {
    if (this.#isSent) return;
    this.#isSent = true;
    this.#tally.requests.sent += 1;
  }

  taken(statusUrl: string): void {
    if (!this.isTaken) this.#tally.requests.taken += 1;
    this.isTaken = true;
    this.isUnsure = false;
    this.statusUrl = statusUrl;
  }

  /** The shopper who waits sees the outcome. */
  seen(status: string): void {
    if (this.isOpen && this.isAwaited) this.#tally.outcomeAfter(performance.now() - this.#dueMs);
    this.ended(status);
  }

  /** Its first outcome counts. An order may have been paid since then. */
  ended(status: string): void {
    const isNew = this.isOpen;
    this.isOver = true;
    if (!isNew) return;
    const outcome = ORDERED.has(status) ? 'ordered' : status;
    this.#tally.outcomes.add(outcome);
    if (outcome !== 'ordered') return;
    this.#tally.orders.made += 1;
    // What costs nothing is paid at once.
    if (status === 'paid') this.settled(status);
  }

  /** The shopper pays or cancels the order. What becomes of it is not known until `settled`. */
  acts(): void {
    this.#isActing = true;
  }

  settled(orderStatus: string): void {
    this.#isActing = false;
    if (this.#isSettled || (orderStatus !== 'paid' && orderStatus !== 'cancelled')) return;
    this.#isSettled = true;
    this.#tally.orders[orderStatus] += 1;
  }
}

/** Requests whose shoppers have left before the outcome. */
export class Undecided {
  readonly #requests: Request[] = [];

  add(request: Request): void {
    if (!request.isUndecided) return;
    if (this.#requests.length < UNDECIDED_MAX) this.#requests.push(request);
    else request.ended('unknown');
  }

  take(): Request[] {
    return this.#requests.splice(0);
  }
}
