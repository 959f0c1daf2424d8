import { randomUUIDv7 } from 'node:crypto';
import type { Tally } from '../report/tally.ts';

/** The purchases that the crowd has sent, each counted once with its outcome. */

/** What a shopper leaves undecided is looked up at the end. More than this is counted as unknown. */
const UNDECIDED_MAX = 100_000;

/** Statuses of orders that were made. */
export const ORDERED: ReadonlySet<string> = new Set(['ordered', 'paid', 'cancelled', 'expired']);

export class Request {
  readonly key: string;
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

  /**
   * @param dueMs when the press was due, by the monotonic clock
   * @param key not from the seed: the shop would know it from an earlier run
   */
  constructor(tally: Tally, token: string, dueMs: number, key: string = randomUUIDv7()) {
    this.#tally = tally;
    this.key = key;
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

  /** The shop has made it for a place in the waitlist: nobody has pressed. */
  served(): void {
    this.isOver = true;
    this.#tally.orders.made += 1;
    this.#tally.orders.served += 1;
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

/** A place in the waitlist, as the call that asks for it. */
export interface Place {
  readonly path: string;
  readonly token: string;
}

/** The places that a shopper has and does not know the end of. */
export class Places {
  #places: Place[] = [];

  add(place: Place): void {
    this.#places.push(place);
  }

  remove({ path }: Place): void {
    this.#places = this.#places.filter((one) => one.path !== path);
  }

  get all(): readonly Place[] {
    return this.#places;
  }
}

/** What shoppers have left before its outcome. */
export class Undecided {
  readonly #requests: Request[] = [];
  readonly #places: Place[] = [];

  addPlaces({ all }: Places): void {
    this.#places.push(...all.slice(0, UNDECIDED_MAX - this.#places.length));
  }

  takePlaces(): Place[] {
    return this.#places.splice(0);
  }

  add(request: Request): void {
    if (!request.isUndecided) return;
    if (this.#requests.length < UNDECIDED_MAX) this.#requests.push(request);
    else request.ended('unknown');
  }

  take(): Request[] {
    return this.#requests.splice(0);
  }
}
