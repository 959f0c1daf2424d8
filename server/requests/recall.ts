import type { RequestOutcome } from '../../db/calls.ts';
import { TokenBuckets } from '../gate/buckets.ts';
import { Problem } from '../problems.ts';
import type { Lookup } from './lookup.ts';

/**
 * Whether a press that is about to be refused repeats a request that is decided already. Its node may
 * have forgotten it, or it was another node; the database knows.
 *
 * A crowd that is refused must stay cheap, so only so many presses are looked up: of each user, so
 * that nobody takes the room of all others, and of the node. The look-ups share the queries of the
 * shoppers who ask for their status.
 */

const RECALLS_PER_SECOND = 1_000;
const RECALLS_OF_USER_PER_SECOND = 1;
const RECALLS_OF_USER_BURST = 5;
/** A user's bucket is full again after seconds. */
const USERS_MAX = 65_536;
/** The bucket of the node has no other key. */
const NODE = '';

export class Recall {
  readonly #lookup: Lookup<RequestOutcome>;
  readonly #ofNode = new TokenBuckets({ perSecond: RECALLS_PER_SECOND, keysMax: 1 });
  readonly #ofUser = new TokenBuckets({
    perSecond: RECALLS_OF_USER_PER_SECOND,
    burst: RECALLS_OF_USER_BURST,
    keysMax: USERS_MAX,
  });

  constructor(lookup: Lookup<RequestOutcome>) {
    this.#lookup = lookup;
  }

  /** Whether a press may be looked up now: asked before it is known who presses. */
  hasRoom(): boolean {
    return this.#ofNode.load(NODE, performance.now()) < 1;
  }

  /**
   * The outcome of the request, if it is decided and of this user.
   * @throws {Problem} status_unavailable, when that cannot be told now
   */
  async find(requestId: string, userId: string): Promise<RequestOutcome | undefined> {
    const nowMs = performance.now();
    const isWithin = this.#ofUser.take(userId, nowMs) === 0 && this.#ofNode.take(NODE, nowMs) === 0;
    if (!isWithin) throw new Problem('status_unavailable');
    const outcome = await this.#lookup.find(requestId);
    return outcome?.userId === userId ? outcome : undefined;
  }
}
