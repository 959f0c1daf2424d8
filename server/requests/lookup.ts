import type { Answers } from '../../db/both-schemas.ts';
import { noAnswer } from '../../db/errors.ts';
import { Problem } from '../problems.ts';

/**
 * Looks things up in the database, many in one query: shoppers who ask within one tick share it.
 * The number of ids that wait is bounded; past it the answer is `overloaded`, not a longer queue.
 */

/** From one round of queries to the next: a query's cost is mostly its own, not that of its ids. */
const TICK_MS = 20;
/** Who is the first after a while waits so long for others. */
const FIRST_WAIT_MS = 5;
const IDS_PER_QUERY_MAX = 1_000;
const WAITING_IDS_MAX = 50_000;
/** Queries under way at once: the pool is small on purpose. */
const QUERIES_MAX = 2;

type Waiting<Found> = PromiseWithResolvers<Found | undefined>;

export class Lookup<Found> {
  readonly #query: (ids: string[]) => Promise<Answers<Found>>;
  readonly #idOf: (found: Found) => string;
  #waiting = new Map<string, Waiting<Found>>();
  #timer: NodeJS.Timeout | undefined;
  #underWay = 0;
  #lastRunMs = 0;

  constructor(query: (ids: string[]) => Promise<Answers<Found>>, idOf: (found: Found) => string) {
    this.#query = query;
    this.#idOf = idOf;
  }

  /**
   * What is recorded under the id, or undefined when nothing is yet.
   * @throws {Problem} overloaded; and whatever the database throws
   */
  find(id: string): Promise<Found | undefined> {
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

  async #ask(batch: Map<string, Waiting<Found>>): Promise<void> {
    this.#underWay += 1;
    try {
      const { rows, missing } = await this.#query([...batch.keys()]);
      for (const each of rows) {
        const id = this.#idOf(each);
        batch.get(id)?.resolve(each);
        batch.delete(id);
      }
      // What the homes that answered do not know, another one may.
      if (missing.length > 0) throw noAnswer(missing);
      for (const waiting of batch.values()) waiting.resolve(undefined);
    } catch (error) {
      for (const waiting of batch.values()) waiting.reject(error);
    } finally {
      this.#underWay -= 1;
      if (this.#waiting.size > 0) this.#schedule();
    }
  }
}
