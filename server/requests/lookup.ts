import type { RequestOutcome } from '../../db/calls.ts';
import { Problem } from '../problems.ts';

/**
 * Looks outcomes up in the database, many in one query: shoppers who ask within one tick share it.
 * The number of ids that wait is bounded; past it the answer is `overloaded`, not a longer queue.
 */

const TICK_MS = 5;
const IDS_PER_QUERY_MAX = 1_000;
const WAITING_IDS_MAX = 50_000;
/** Queries under way at once: the pool is small on purpose. */
const QUERIES_MAX = 2;

type Waiting = PromiseWithResolvers<RequestOutcome | undefined>;

export class Lookup {
  readonly #query: (ids: string[]) => Promise<readonly RequestOutcome[]>;
  #waiting = new Map<string, Waiting>();
  #timer: NodeJS.Timeout | undefined;
  #underWay = 0;

  constructor(query: (ids: string[]) => Promise<readonly RequestOutcome[]>) {
    this.#query = query;
  }

  /**
   * The recorded outcome of a request, or undefined when none is recorded yet.
   * @throws {Problem} overloaded; and whatever the database throws
   */
  find(requestId: string): Promise<RequestOutcome | undefined> {
    const known = this.#waiting.get(requestId);
    if (known !== undefined) return known.promise;
    if (this.#waiting.size >= WAITING_IDS_MAX) throw new Problem('overloaded');
    const waiting: Waiting = Promise.withResolvers();
    this.#waiting.set(requestId, waiting);
    this.#timer ??= setTimeout(() => this.#run(), TICK_MS);
    return waiting.promise;
  }

  #run(): void {
    this.#timer = undefined;
    while (this.#waiting.size > 0 && this.#underWay < QUERIES_MAX) {
      const batch = new Map([...this.#waiting].slice(0, IDS_PER_QUERY_MAX));
      for (const id of batch.keys()) this.#waiting.delete(id);
      void this.#ask(batch);
    }
  }

  async #ask(batch: Map<string, Waiting>): Promise<void> {
    this.#underWay += 1;
    try {
      const found = await this.#query([...batch.keys()]);
      for (const outcome of found) {
        batch.get(outcome.requestId)?.resolve(outcome);
        batch.delete(outcome.requestId);
      }
      for (const waiting of batch.values()) waiting.resolve(undefined);
    } catch (error) {
      for (const waiting of batch.values()) waiting.reject(error);
    } finally {
      this.#underWay -= 1;
      if (this.#waiting.size > 0) this.#run();
    }
  }
}
