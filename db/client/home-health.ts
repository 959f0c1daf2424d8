import { setTimeout as sleep } from 'node:timers/promises';
import { type BulkheadPolicy, BulkheadRejectedError, bulkhead } from 'cockatiel';
import type { Schema } from '../../contracts/names.ts';
import { DatabaseError, noAnswer } from './errors.ts';
import type { Pool } from './pool.ts';

/**
 * Whether one of two homes can be asked. Two things are told apart:
 *
 * - The home is gone when a new connection outside the pool gets no answer of a server. Nothing is asked of
 *   it then, and whatever is under way fails. Neither a busy pool nor a broken session means that.
 * - A question is slow when it was not answered in time. One call at a time asks it then, until one is
 *   answered in time. Other questions are asked as before.
 */

/** A call without an answer for so long is a reason to look whether the home is gone. */
const DOUBT_AFTER_MS = 1_000;
/** Between two tries of what is gone or slow. */
const RETRY_PAUSE_MS = 500;
/** The call that tries waits so long for it; the try goes on for the next call. */
const TRY_WAIT_MS = 100;
/** Changes that wait for their turn; one more is refused. */
const CHANGES_WAITING_MAX = 1_000;
/** A change whose turn comes later is refused. */
const TURN_WAIT_MAX_MS = 6_000;

/** Something that did not answer. `retryAtMs` is infinite while a try is under way. */
interface Silence {
  retryAtMs: number;
}

/** A failure with an SQLSTATE comes from a server. */
function isAnswer(error: unknown): boolean {
  return error instanceof DatabaseError && error.sqlstate !== undefined;
}

class HomeHealth {
  readonly #home: Pool;
  readonly #turns: BulkheadPolicy;
  #gone: Silence | undefined;
  #isChecking = false;
  #slow = new Map<string, Silence>();
  /** Ends the calls that wait for an answer. */
  #giveUp = new Set<() => void>();

  constructor(home: Pool) {
    this.#home = home;
    this.#turns = bulkhead(Math.max(1, Math.floor(home.max / 2)), CHANGES_WAITING_MAX);
  }

  /** @param tryWaitMs how long the call waits that tries a slow question. @throws {DatabaseError} */
  async ask<T>(
    schema: Schema,
    question: string,
    ask: () => Promise<T>,
    timeoutMs: number,
    tryWaitMs = TRY_WAIT_MS,
  ): Promise<T> {
    await this.#reach(schema);
    const silence = this.#slow.get(question);
    if (silence !== undefined) {
      if (performance.now() < silence.retryAtMs) throw noAnswer([schema]);
      return this.#wait(schema, this.#askAgain(question, silence, ask, timeoutMs), tryWaitMs);
    }
    return this.#wait(schema, ask(), timeoutMs, () => {
      if (!this.#slow.has(question)) this.#slow.set(question, { retryAtMs: 0 });
    });
  }

  /** It may wait for a lock: its silence says nothing about the next one. @throws {DatabaseError} */
  async change<T>(schema: Schema, change: () => Promise<T>, timeoutMs: number): Promise<T> {
    await this.#reach(schema);
    return this.#wait(schema, change(), timeoutMs);
  }

  /** Runs what may wait for a lock: half of the sessions stay free for questions. */
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

  /** Fails at once while the home is gone; now and then a call looks whether it still is. */
  async #reach(schema: Schema): Promise<void> {
    if (this.#gone === undefined) return;
    if (performance.now() < this.#gone.retryAtMs) throw noAnswer([schema]);
    await Promise.race([this.#check(), sleep(TRY_WAIT_MS)]);
    if (this.#gone !== undefined) throw noAnswer([schema]);
  }

  /** Rejects after a while or when the home is gone, whatever becomes of `work`. */
  async #wait<T>(
    schema: Schema,
    work: Promise<T>,
    timeoutMs: number,
    onLate: () => void = () => {},
  ): Promise<T> {
    const { promise: silent, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(noAnswer([schema], 'retry'));
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
    // After a failover the idle sessions may lead to the old server, which says nothing any more.
    this.#home.discardIdle();
    void this.#check();
  }

  /** Never rejects. */
  async #check(): Promise<void> {
    this.#isChecking = true;
    if (this.#gone !== undefined) this.#gone.retryAtMs = Number.POSITIVE_INFINITY;
    try {
      await this.#home.ping();
      // What was slow because the home was gone is asked as before.
      if (this.#gone !== undefined) this.#slow.clear();
      this.#gone = undefined;
    } catch (error) {
      // A server that refuses a new session is there, and may go on with the old ones.
      const isThere = isAnswer(error);
      this.#gone = isThere ? undefined : { retryAtMs: performance.now() + RETRY_PAUSE_MS };
      if (!isThere) for (const giveUp of this.#giveUp) giveUp();
    } finally {
      this.#isChecking = false;
    }
  }
}

const known = new WeakMap<Pool, HomeHealth>();

/** What this process knows of a home, by its pool. */
export function healthOf(home: Pool): HomeHealth {
  const health = known.get(home) ?? new HomeHealth(home);
  known.set(home, health);
  return health;
}
