import type { RequestOutcome } from '../../db/calls.ts';
import { TokenBuckets } from '../gate/buckets.ts';
import { Problem } from '../problems.ts';
import type { Lookup } from '../requests/lookup.ts';

/**
 * Whether a press that is about to be refused repeats a request that is decided already. Its node may
 * have forgotten it, or it was another node; the database knows.
 *
 * A crowd that is refused must stay cheap, so only so many presses are looked up: of each user, so
 * that nobody takes the room of all others, and of the node. Presses that look like first ones have
 * little room of their own: a crowd of them leaves that of the repetitions alone. The look-ups share
 * the queries of the shoppers who ask for their status.
 */

const REPETITIONS_PER_SECOND = 1_000;
/** Of presses that nothing marks as repetitions. */
const FIRST_PRESSES_PER_SECOND = 100;
const RECALLS_OF_USER_PER_SECOND = 1;
const RECALLS_OF_USER_BURST = 5;
/** A user's bucket is full again after seconds. */
const USERS_MAX = 65_536;
/** The buckets of the node have no other key. */
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

  /** Whether `take` would succeed in this tick. */
  hasRoom(isRepeated: boolean): boolean {
    return this.#room(isRepeated).has(NODE, performance.now());
  }

  /** Takes the node's room for one look-up, before the press costs more; false when there is none. */
  take(isRepeated: boolean): boolean {
    return this.#room(isRepeated).take(NODE, performance.now()) === 0;
  }

  #room(isRepeated: boolean): TokenBuckets {
    return isRepeated ? this.#ofRepetitions : this.#ofFirstPresses;
  }

  /**
   * The outcome of the request, if it is decided and of this user. Only after `take`.
   * @throws {Problem} status_unavailable, when that cannot be told now
   */
  async find(requestId: string, userId: string): Promise<RequestOutcome | undefined> {
    const isWithin = this.#ofUser.take(userId, performance.now()) === 0;
    if (!isWithin) throw new Problem('status_unavailable');
    const outcome = await this.#lookup.find(requestId);
    return outcome?.userId === userId ? outcome : undefined;
  }
}
