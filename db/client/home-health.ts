import { setTimeout as sleep } from 'node:timers/promises';
import { type BulkheadPolicy, BulkheadRejectedError, bulkhead } from 'cockatiel';
import type { Home } from '../../contracts/homes.ts';
import { DatabaseError, noAnswer } from './errors.ts';
import type { Pool } from './pool.ts';

/**
 * Decides whether a home can be asked. There are two states:
 *
 * - A home is gone when a new connection outside the pool gets no answer from a server. Until it
 *   answers, calls to it fail at once, and calls under way fail. A busy pool or a broken session does
 *   not make a home gone.
 * - A question is slow when it was not answered in time. Until it is answered in time again, only one
 *   call at a time asks it. Other questions are not affected.
 */

/** After this long without an answer to a call, the home is checked. */
const DOUBT_AFTER_MS = 1_000;
/** Pause between two tries of a gone home or a slow question. */
const RETRY_PAUSE_MS = 500;
/** How long the call that starts a try waits for it. The try then continues for later calls. */
const TRY_WAIT_MS = 100;
/** Maximum of changes that wait for their turn; a further one is refused. */
const CHANGES_WAITING_MAX = 1_000;
/** A change that waits longer than this for its turn is refused. */
const TURN_WAIT_MAX_MS = 6_000;

/** A home or question that did not answer. `retryAtMs` is infinite while a try is under way. */
interface Silence {
  retryAtMs: number;
}

/** An error with an SQLSTATE comes from a server, so the server has answered. */
function isAnswer(error: unknown): boolean {
  return error instanceof DatabaseError && error.sqlstate !== undefined;
}

class HomeHealth {
  readonly #home: Pool;
  readonly #turns: BulkheadPolicy;
  #gone: Silence | undefined;
  #isChecking = false;
  #slow = new Map<string, Silence>();
  /** One function for each call that waits for an answer; it fails the call. */
  #giveUp = new Set<() => void>();

  constructor(home: Pool) {
    this.#home = home;
    this.#turns = bulkhead(Math.max(1, Math.floor(home.max / 2)), CHANGES_WAITING_MAX);
  }

  /**
   * Asks the home and waits at most `timeoutMs` for the answer.
   *
   * @param tryWaitMs how long a call that tries a slow question waits for the answer
   * @throws {DatabaseError}
   */
  async ask<T>(
    home: Home,
    question: string,
    ask: () => Promise<T>,
    timeoutMs: number,
    tryWaitMs = TRY_WAIT_MS,
  ): Promise<T> {
    await this.#reach(home);
    const silence = this.#slow.get(question);
    if (silence !== undefined) {
      if (performance.now() < silence.retryAtMs) throw noAnswer([home]);
      return this.#wait(home, this.#askAgain(question, silence, ask, timeoutMs), tryWaitMs);
    }
    return this.#wait(home, ask(), timeoutMs, () => {
      if (!this.#slow.has(question)) this.#slow.set(question, { retryAtMs: 0 });
    });
  }

  /**
   * Makes a change. A change may wait for a lock, so one without an answer does not count as a slow
   * question.
   *
   * @throws {DatabaseError}
   */
  async change<T>(home: Home, change: () => Promise<T>, timeoutMs: number): Promise<T> {
    await this.#reach(home);
    return this.#wait(home, change(), timeoutMs);
  }

  /**
   * Runs work that may wait for a lock, on at most half of the sessions; the rest is for questions.
   *
   * @throws {DatabaseError} `unavailable` if too many changes wait
   */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + TURN_WAIT_MAX_MS;
    const tooMany = () => new DatabaseError('unavailable', 'too many changes wait for their turn');
    try {
      return await this.#turns.execute(() => {
        if (performance.now() > deadline) throw tooMany();
        return work();
      });
    } catch (error) {
      throw error instanceof BulkheadRejectedError ? tooMany() : error;
    }
  }

  /** Fails at once while the home is gone. Every `RETRY_PAUSE_MS`, a call checks whether it still is. */
  async #reach(home: Home): Promise<void> {
    if (this.#gone === undefined) return;
    if (performance.now() < this.#gone.retryAtMs) throw noAnswer([home]);
    await Promise.race([this.#check(), sleep(TRY_WAIT_MS)]);
    if (this.#gone !== undefined) throw noAnswer([home]);
  }

  /** Returns the result of `work`. Rejects after `timeoutMs`, or as soon as the home is gone. */
  async #wait<T>(
    home: Home,
    work: Promise<T>,
    timeoutMs: number,
    onLate: () => void = () => {},
  ): Promise<T> {
    const { promise: silent, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(noAnswer([home], 'retry'));
    const doubt = setTimeout(() => this.#doubt(), DOUBT_AFTER_MS);
    const late = setTimeout(() => {
      onLate();
      giveUp();
    }, timeoutMs);
    this.#giveUp.add(giveUp);
    work.catch((error: unknown) => {
      if (!isAnswer(error)) this.#doubt();
    });
    try {
      return await Promise.race([work, silent]);
    } finally {
      clearTimeout(doubt);
      clearTimeout(late);
      this.#giveUp.delete(giveUp);
    }
  }

  async #askAgain<T>(
    question: string,
    silence: Silence,
    ask: () => Promise<T>,
    timeoutMs: number,
  ): Promise<T> {
    silence.retryAtMs = Number.POSITIVE_INFINITY;
    const startMs = performance.now();
    try {
      return await ask();
    } finally {
      const nowMs = performance.now();
      silence.retryAtMs = nowMs + RETRY_PAUSE_MS;
      if (nowMs - startMs < timeoutMs && this.#slow.get(question) === silence) {
        this.#slow.delete(question);
      }
    }
  }

  #doubt(): void {
    if (this.#gone !== undefined || this.#isChecking) return;
    // After a failover the idle sessions may lead to the old server, which no longer answers.
    this.#home.discardIdle();
    void this.#check();
  }

  /** Never rejects. */
  async #check(): Promise<void> {
    this.#isChecking = true;
    if (this.#gone !== undefined) this.#gone.retryAtMs = Number.POSITIVE_INFINITY;
    try {
      await this.#home.ping();
      // Questions may have been slow only because the home was gone.
      if (this.#gone !== undefined) this.#slow.clear();
      this.#gone = undefined;
    } catch (error) {
      // A server that refuses a new session is running, and may still serve the existing ones.
      const isThere = isAnswer(error);
      this.#gone = isThere ? undefined : { retryAtMs: performance.now() + RETRY_PAUSE_MS };
      if (!isThere) for (const giveUp of this.#giveUp) giveUp();
    } finally {
      this.#isChecking = false;
    }
  }
}

const known = new WeakMap<Pool, HomeHealth>();

/** Returns the health of the home that `home`, its pool, belongs to. */
export function healthOf(home: Pool): HomeHealth {
  const health = known.get(home) ?? new HomeHealth(home);
  known.set(home, health);
  return health;
}
