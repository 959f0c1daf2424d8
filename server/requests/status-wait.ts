import type { Static } from '../../contracts/schema-types.ts';
import type { RequestAnswer } from '../http/schemas.ts';

export type RequestStatus = Static<typeof RequestAnswer>;

export interface StatusQuestion {
  readonly requestId: string;
  readonly userId: string;
  /** The status URL proves that a web node took the request or may have taken it. */
  readonly taken: boolean;
  /** The node that may have taken the request: the broker had not answered it. */
  readonly unknownAt?: string;
}

/**
 * One wait of a shopper for the status of a request. `StatusWaits` owns it from `begin` until the
 * status is told. It has no promise, timer or closure of its own, because these would double its
 * size.
 */
export abstract class StatusWait {
  readonly question: StatusQuestion;
  /** performance.now() when the wait began, and until when it waits for an outcome. */
  readonly sinceMs: number;
  untilMs: number;
  /** Only after this time may the answer be that there is no such request. */
  readonly graceUntilMs: number;
  // Fields that `StatusWaits` uses.
  /** The shopper has disconnected. */
  isCancelled = false;
  /** The slot in which the wait pauses; undefined while it does not pause. */
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
   * @param status undefined if there is no such request or it belongs to another user
   * @returns whether the wait goes on for the next change
   */
  abstract tell(status: RequestStatus | undefined): boolean;

  /** The status cannot be found out. */
  abstract fail(error: unknown): void;
}
