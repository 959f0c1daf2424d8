import type { OutgoingMessage, PublishResult } from '../../broker/publisher.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import { isOutage } from '../../db/client/errors.ts';
import type { Answers } from '../../db/client/homes.ts';
import { Circuit } from '../../process/circuit.ts';
import { Problem } from '../http/problems.ts';

/**
 * Circuit breakers: after several failures in a row a service is not called for a moment, so that
 * shoppers do not all wait for the same timeout. Then one call tries. The others are refused until
 * it has succeeded.
 */

const FAILURES_MAX = 5;
/** While publishing rests, nothing is lost: shoppers hear at once that they should come back. */
const PUBLISH_OPEN_MS = 2_000;
/** While look-ups rest, nobody learns an outcome. A try is one query. */
const LOOKUP_OPEN_MS = 500;

type Publish = (
  message: OutgoingMessage,
  onLate: (result: PublishResult) => void,
) => Promise<PublishResult>;

/** A publisher that does not try while the broker does not answer. */
export class PublishBreaker {
  readonly #publish: Publish;
  readonly #circuit: Circuit;

  constructor(publish: Publish) {
    this.#publish = publish;
    // The result `returned` is no failure: the broker has answered, but the queue is missing.
    const isFailure = (result: unknown) => result === 'unknown' || result === 'refused';
    this.#circuit = new Circuit({ failuresMax: FAILURES_MAX, openMs: PUBLISH_OPEN_MS, isFailure });
  }

  /** Returns whether a message that is published now would be tried. */
  available(): boolean {
    return this.#circuit.available();
  }

  /**
   * Never rejects. A message that the circuit refuses was certainly not sent. Any other is handed
   * over before this returns, so that what the caller has just checked is still true.
   */
  async publish(
    message: OutgoingMessage,
    onLate: (result: PublishResult) => void,
  ): Promise<PublishResult> {
    return (await this.#circuit.run(() => this.#publish(message, onLate))) ?? 'refused';
  }
}

type Outcomes = (requestIds: string[]) => Promise<Answers<RequestOutcome>>;

/**
 * Looks up statuses, but does not try while the database does not answer. The status is then
 * unavailable, because an earlier one may no longer be true.
 */
export function breakOutcomes(outcomesOf: Outcomes): Outcomes {
  const circuit = new Circuit({ failuresMax: FAILURES_MAX, openMs: LOOKUP_OPEN_MS });
  return async (requestIds) => {
    try {
      const answers = await circuit.run(() => outcomesOf(requestIds));
      if (answers !== undefined) return answers;
    } catch (error) {
      throw cannotTell(error);
    }
    throw new Problem('status_unavailable');
  };
}

/** Turns an error into a problem if its cause is that the database cannot be reached. */
export function cannotTell(error: unknown): unknown {
  return isOutage(error) ? new Problem('status_unavailable') : error;
}
