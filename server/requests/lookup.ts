import type { Home } from '../../contracts/homes.ts';
import { noAnswer } from '../../db/client/errors.ts';
import type { Answers } from '../../db/client/homes.ts';
import { Problem } from '../http/problems.ts';

/**
 * Looks up ids in the database, many in one query: callers within one tick share a query. The
 * number of waiting ids is bounded. Beyond it the answer is `overloaded`, so that the queue does
 * not grow.
 */

/**
 * Time from one round of queries to the next. Most of the cost of a query does not depend on the
 * number of ids.
 */
const TICK_MS = 20;
/** Time for which the first caller after a pause waits for others. */
const FIRST_WAIT_MS = 5;
const IDS_PER_QUERY_MAX = 1_000;
const WAITING_IDS_MAX = 50_000;
/** Queries that may run at once; the connection pool is small on purpose. */
const QUERIES_MAX = 2;

interface Answer<Found> {
  readonly found: Found | undefined;
  readonly missing: readonly Home[];
}

type Waiting<Found> = PromiseWithResolvers<Answer<Found>>;

export class Lookup<Found> {
  readonly #query: (ids: string[]) => Promise<Answers<Found>>;
  readonly #idOf: (found: Found) => string;
  #waiting = new Map<string, Waiting<Found>>();
  #timer: NodeJS.Timeout | undefined;
  #underWay = 0;
  #lastRunMs = 0;
  /** When the last query was sent that a home answered. */
  #askedAtMs = Number.NEGATIVE_INFINITY;
  /** The same for each home that did not answer that query. */
  readonly #silentSinceMs = new Map<Home, number>();

  constructor(query: (ids: string[]) => Promise<Answers<Found>>, idOf: (found: Found) => string) {
    this.#query = query;
    this.#idOf = idOf;
  }

  /**
   * Returns what is recorded under the id; undefined if nothing is recorded yet.
   *
   * @param home the only home that can know the id. Without it, a home that does not answer may
   *   know it.
   * @throws {Problem} overloaded; also any error of the database
   */
  async find(id: string, home?: Home): Promise<Found | undefined> {
    const { found, missing } = await this.#answer(id);
    if (found !== undefined) return found;
    const silent = missing.filter((name) => home === undefined || name === home);
    if (silent.length > 0) throw noAnswer(silent);
    return undefined;
  }

  /** performance.now() of the moment when the last query was sent that the home answered. */
  answeredAtMs(home?: Home): number {
    return this.#silentSinceMs.get(home ?? '') ?? this.#askedAtMs;
  }

  #answer(id: string): Promise<Answer<Found>> {
    const known = this.#waiting.get(id);
    if (known !== undefined) return known.promise;
    if (this.#waiting.size >= WAITING_IDS_MAX) throw new Problem('overloaded');
    const waiting: Waiting<Found> = Promise.withResolvers();
    this.#waiting.set(id, waiting);
    this.#schedule();
    return waiting.promise;
  }

  #schedule(): void {
    const waitMs = Math.max(FIRST_WAIT_MS, this.#lastRunMs + TICK_MS - performance.now());
    this.#timer ??= setTimeout(() => this.#run(), waitMs);
  }

  #run(): void {
    this.#timer = undefined;
    this.#lastRunMs = performance.now();
    while (this.#waiting.size > 0 && this.#underWay < QUERIES_MAX) {
      const batch = new Map([...this.#waiting].slice(0, IDS_PER_QUERY_MAX));
      for (const id of batch.keys()) this.#waiting.delete(id);
      void this.#ask(batch);
    }
  }

  #noteAnswer(askedAtMs: number, missing: readonly Home[]): void {
    for (const home of this.#silentSinceMs.keys()) {
      if (!missing.includes(home)) this.#silentSinceMs.delete(home);
    }
    for (const home of missing) {
      if (!this.#silentSinceMs.has(home)) this.#silentSinceMs.set(home, this.#askedAtMs);
    }
    this.#askedAtMs = Math.max(this.#askedAtMs, askedAtMs);
  }

  async #ask(batch: Map<string, Waiting<Found>>): Promise<void> {
    this.#underWay += 1;
    const askedAtMs = performance.now();
    try {
      const { rows, missing } = await this.#query([...batch.keys()]);
      this.#noteAnswer(askedAtMs, missing);
      for (const found of rows) batch.get(this.#idOf(found))?.resolve({ found, missing });
      for (const waiting of batch.values()) waiting.resolve({ found: undefined, missing });
    } catch (error) {
      for (const waiting of batch.values()) waiting.reject(error);
    } finally {
      this.#underWay -= 1;
      if (this.#waiting.size > 0) this.#schedule();
    }
  }
}
