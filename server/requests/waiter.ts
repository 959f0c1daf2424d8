import type { Static } from 'typebox';
import type { OrderTerms } from '../../contracts/messages.ts';
import type { RequestAnswer } from '../schemas.ts';
import type { Sleeper } from './pauses.ts';
import type { PendingRequest } from './pending.ts';
import type { Watcher } from './purchases.ts';

export type RequestStatus = Static<typeof RequestAnswer>;

export interface StatusQuestion {
  readonly requestId: string;
  readonly userId: string;
  /** Whether the status URL proves that some web node took the request, or may have. */
  readonly taken: boolean;
  /** The node that may have: it had no answer of the broker. */
  readonly unknownAt?: string;
}

/** Finds out what a waiter is to be told. */
export interface Desk {
  /** @throws {Problem} rate_limited or overloaded, when too many wait already */
  wait(waiter: Waiter): void;
  /** It does not sleep: looks how its request stands, now. */
  look(waiter: Waiter): void;
  /** It does not sleep any more; the verdict of its request came in that moment. */
  tell(waiter: Waiter, entry: PendingRequest, terms: OrderTerms): void;
  /** Takes a sleeper out of the wheel and off the list of those who are told. */
  rouse(waiter: Waiter): void;
}

/**
 * A shopper who waits: the one object that sleeps in the wheel, is told of the verdict and answers. With
 * a promise, a timer or a closure for each of these it would weigh twice as much.
 */
export abstract class Waiter implements Sleeper, Watcher {
  readonly question: StatusQuestion;
  /** performance.now() when it began to wait, and up to which it waits for an outcome. */
  readonly sinceMs: number;
  untilMs: number;
  /** That there is no such request at all is only said after this. */
  readonly graceUntilMs: number;
  isGone = false;
  // The desk's own notes.
  /** Where it sleeps; undefined while it does not. */
  slot: number | undefined = undefined;
  isForeign = false;
  protected readonly desk: Desk;

  constructor(desk: Desk, question: StatusQuestion, waitMs: number, graceMs: number) {
    const nowMs = performance.now();
    this.desk = desk;
    this.question = question;
    this.sinceMs = nowMs;
    this.untilMs = nowMs + waitMs;
    this.graceUntilMs = nowMs + graceMs;
  }

  /** @param status undefined for no such request, or one of somebody else */
  abstract tell(status: RequestStatus | undefined): void;

  /** Nothing can be told. */
  abstract fail(error: unknown): void;

  wake(): void {
    this.desk.rouse(this);
    this.desk.look(this);
  }

  hear(entry: PendingRequest | undefined, terms: OrderTerms | undefined): void {
    this.desk.rouse(this);
    if (entry === undefined || terms === undefined) this.desk.look(this);
    else this.desk.tell(this, entry, terms);
  }

  /** The shopper has hung up. */
  leave(): void {
    this.isGone = true;
    if (this.slot !== undefined) this.wake();
  }
}
