import type { Static } from 'typebox';
import type { RequestAnswer } from '../schemas.ts';

export type RequestStatus = Static<typeof RequestAnswer>;

export interface StatusQuestion {
  readonly requestId: string;
  readonly userId: string;
  /** Whether the status URL proves that some web node took the request, or may have. */
  readonly taken: boolean;
  /** The node that may have: it had no answer of the broker. */
  readonly unknownAt?: string;
}

/**
 * One shopper who waits for the status of a request. `StatusWaits` owns it from `begin` until it is told;
 * with a promise, a timer or a closure for each of these it would weigh twice as much.
 */
export abstract class StatusWait {
  readonly question: StatusQuestion;
  /** performance.now() when it began to wait, and up to which it waits for an outcome. */
  readonly sinceMs: number;
  untilMs: number;
  /** That there is no such request at all is only said after this. */
  readonly graceUntilMs: number;
  // Notes of the owner.
  /** The shopper has hung up. */
  isCancelled = false;
  /** Where it sleeps; undefined while it does not. */
  slot: number | undefined = undefined;
  isForeign = false;

  constructor(question: StatusQuestion, waitMs: number, graceMs: number) {
    const nowMs = performance.now();
    this.question = question;
    this.sinceMs = nowMs;
    this.untilMs = nowMs + waitMs;
    this.graceUntilMs = nowMs + graceMs;
  }

  /**
   * @param status undefined for no such request, or one of somebody else
   * @returns whether it waits on, for what comes next
   */
  abstract tell(status: RequestStatus | undefined): boolean;

  /** Nothing can be told. */
  abstract fail(error: unknown): void;
}
