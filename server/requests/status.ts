import type { RequestOutcome } from '../../db/calls.ts';
import { Problem } from '../problems.ts';
import type { Lookup } from './lookup.ts';
import { type Pause, Pauses, type Presence } from './pauses.ts';
import type { Purchases } from './purchases.ts';

/**
 * What can be said about a request, truthfully: `queued` until an outcome is recorded, then the
 * outcome, and after `ordered` what became of the order.
 */

/** A request of another process is looked for this often while somebody waits for it. */
const FOREIGN_POLL_MS = 100;
/** Shoppers who may wait for outcomes at once in this process. */
const WAITING_SHOPPERS_MAX = 60_000;
/** How long a status may be waited for, in seconds. */
export const WAIT_SECONDS_MAX = 30;

export interface RequestStatus {
  readonly requestId: string;
  readonly status: string;
  readonly reason?: string;
  /** What the database knows, once there is an order. */
  readonly outcome?: RequestOutcome;
}

export interface StatusQuestion {
  readonly requestId: string;
  readonly userId: string;
  /** Whether the status URL proves that some web node took the request, or may have. */
  readonly taken: boolean;
  /** The node that may have: it had no answer of the broker. */
  readonly unknownAt?: string;
}

export class StatusDesk {
  readonly #purchases: Purchases;
  readonly #lookup: Lookup<RequestOutcome>;
  readonly #nodeFenced: (node: string) => Promise<boolean>;
  readonly #stopping: AbortSignal;
  readonly #pauses = new Pauses();
  #waiting = 0;

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
    return this.#waiting;
  }

  /**
   * The status now; undefined when nothing shows that there is such a request, `foreign` when it is
   * somebody else's.
   * @throws {Problem} overloaded, when neither this process nor the database can tell
   */
  async read(question: StatusQuestion): Promise<RequestStatus | 'foreign' | undefined> {
    const { requestId, userId } = question;
    const entry = this.#purchases.book.find(requestId);
    if (entry !== undefined) {
      if (entry.request.userId !== userId) return 'foreign';
      const { verdict } = entry;
      if (verdict === undefined) return queued(requestId, entry.delayed);
      if (verdict.status !== 'ordered') {
        return {
          requestId,
          status: verdict.status,
          ...(verdict.reason !== undefined && { reason: verdict.reason }),
        };
      }
    }
    return this.#ask(question);
  }

  /**
   * Waits until the status is no longer `queued`, at most `waitMs`; then says what is known, or
   * undefined for a request of somebody else. That there is none at all is said after `graceMs`,
   * when nothing was heard of it until then.
   * @throws {Problem} overloaded, when too many wait already
   */
  async wait(
    question: StatusQuestion,
    waitMs: number,
    graceMs: number,
    shopper: Presence,
  ): Promise<RequestStatus | undefined> {
    const startedAtMs = performance.now();
    if (this.#waiting >= WAITING_SHOPPERS_MAX) throw new Problem('overloaded');
    this.#waiting += 1;
    try {
      for (;;) {
        const status = await this.read(question);
        if (status === 'foreign') return undefined;
        const limitMs = status === undefined ? graceMs : waitMs;
        const leftMs = startedAtMs + limitMs - performance.now();
        const decided = status !== undefined && status.status !== 'queued';
        const isOver = leftMs <= 0 || shopper.isGone || this.#stopping.aborted;
        if (decided || isOver) return status;
        const pause = this.#pause(question.requestId, leftMs, shopper);
        await pause.ended;
        shopper.attend(undefined);
        this.#purchases.unwatch(question.requestId, pause);
      }
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Until the request is heard of, somebody hangs up, or it is time to look again. */
  #pause(requestId: string, leftMs: number, shopper: Presence): Pause {
    const ours = this.#purchases.book.find(requestId) !== undefined;
    const pause = this.#pauses.begin(ours ? leftMs : Math.min(leftMs, FOREIGN_POLL_MS));
    this.#purchases.watch(requestId, pause);
    shopper.attend(pause);
    return pause;
  }

  async #ask(question: StatusQuestion): Promise<RequestStatus | 'foreign' | undefined> {
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
    return { requestId, status, outcome, ...(reason !== null && { reason }) };
  }
}

function queued(requestId: string, delayed = false): RequestStatus {
  return { requestId, status: 'queued', ...(delayed && { reason: 'delayed' }) };
}
