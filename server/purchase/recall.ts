import type { RequestOutcome } from '../../db/calls.ts';
import { TokenBuckets } from '../gate/buckets.ts';
import { Problem } from '../http/problems.ts';
import type { Lookup } from '../requests/lookup.ts';

/**
 * Finds out whether a press that is about to be refused repeats a request that is already decided.
 * This node may have forgotten the request, or another node took it, but the database knows.
 *
 * Refusals must stay cheap, so the number of look-ups is limited: for each user, so that nobody
 * takes the room of all others, and for the node. Presses that look like first presses have a small
 * room of their own, so that a crowd of them does not displace the repetitions. The look-ups share
 * queries with the shoppers who ask for their status.
 */

const REPETITIONS_PER_SECOND = 1_000;
/** Limit for presses that nothing marks as repetitions. */
const FIRST_PRESSES_PER_SECOND = 100;
const RECALLS_OF_USER_PER_SECOND = 1;
const RECALLS_OF_USER_BURST = 5;
/** A user's bucket is full again after a few seconds. */
const USERS_MAX = 65_536;
/** The only key of the node's own buckets. */
const NODE = '';

export class Recall {
  readonly #lookup: Lookup<RequestOutcome>;
  readonly #ofRepetitions = new TokenBuckets({ perSecond: REPETITIONS_PER_SECOND, keysMax: 1 });
  readonly #ofFirstPresses = new TokenBuckets({ perSecond: FIRST_PRESSES_PER_SECOND, keysMax: 1 });
  readonly #ofUser = new TokenBuckets({
    perSecond: RECALLS_OF_USER_PER_SECOND,
    burst: RECALLS_OF_USER_BURST,
    keysMax: USERS_MAX,
  });

  constructor(lookup: Lookup<RequestOutcome>) {
    this.#lookup = lookup;
  }

  /** Returns whether `take` would succeed in this tick. */
  hasRoom(isRepeated: boolean): boolean {
    return this.#room(isRepeated).has(NODE, performance.now());
  }

  /**
   * Takes the node's room for one look-up, before the press costs more. Returns false if there is
   * no room.
   */
  take(isRepeated: boolean): boolean {
    return this.#room(isRepeated).take(NODE, performance.now()) === 0;
  }

  #room(isRepeated: boolean): TokenBuckets {
    return isRepeated ? this.#ofRepetitions : this.#ofFirstPresses;
  }

  /**
   * Returns the outcome of the request, if it is decided and belongs to this user. Call `take`
   * first.
   *
   * @throws {Problem} status_unavailable, if the outcome cannot be found out now
   */
  async find(requestId: string, userId: string): Promise<RequestOutcome | undefined> {
    const isWithin = this.#ofUser.take(userId, performance.now()) === 0;
    if (!isWithin) throw new Problem('status_unavailable');
    const outcome = await this.#lookup.find(requestId);
    return outcome?.userId === userId ? outcome : undefined;
  }
}
