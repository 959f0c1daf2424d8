import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
} from 'cockatiel';
import type { OutgoingMessage, PublishResult } from '../../broker/publisher.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import { isOutage } from '../../db/client/errors.ts';
import type { Answers } from '../../db/client/homes.ts';
import { Problem } from '../http/problems.ts';

/**
 * Circuit breakers: after several failures in a row a service is not called for a moment, so that
 * shoppers do not all wait for the same timeout. Then one call tries, and its result decides for
 * the others.
 */

const FAILURES_MAX = 5;
const OPEN_MS = 2_000;

type Publish = (
  message: OutgoingMessage,
  onLate: (result: PublishResult) => void,
) => Promise<PublishResult>;

/** A publisher that does not try while the broker does not answer. */
export class PublishBreaker {
  readonly #publish: Publish;
  readonly #policy: CircuitBreakerPolicy;
  #openedAtMs = Number.NEGATIVE_INFINITY;

  constructor(publish: Publish) {
    this.#publish = publish;
    // The result `returned` is no failure: the broker has answered, but the queue is missing.
    const isFailure = (result: unknown) => result === 'unknown' || result === 'refused';
    this.#policy = circuitBreaker(handleAll.orWhenResult(isFailure), {
      halfOpenAfter: OPEN_MS,
      breaker: new ConsecutiveBreaker(FAILURES_MAX),
    });
    this.#policy.onBreak(() => {
      this.#openedAtMs = performance.now();
    });
  }

  /** Returns whether a message that is published now would be tried. */
  available(): boolean {
    if (this.#policy.state === CircuitState.Closed) return true;
    return performance.now() - this.#openedAtMs >= OPEN_MS;
  }

  /** Never rejects. A message that the open circuit holds back was certainly not sent. */
  async publish(
    message: OutgoingMessage,
    onLate: (result: PublishResult) => void,
  ): Promise<PublishResult> {
    try {
      return await this.#policy.execute(() => this.#publish(message, onLate));
    } catch (error) {
      if (error instanceof BrokenCircuitError) return 'refused';
      throw error;
    }
  }
}

type Outcomes = (requestIds: string[]) => Promise<Answers<RequestOutcome>>;

/**
 * Looks up statuses, but does not try while the database does not answer. The status is then
 * unavailable, because an earlier one may no longer be true.
 */
export function breakOutcomes(outcomesOf: Outcomes): Outcomes {
  const policy = circuitBreaker(handleAll, {
    halfOpenAfter: OPEN_MS,
    breaker: new ConsecutiveBreaker(FAILURES_MAX),
  });
  return async (requestIds) => {
    try {
      return await policy.execute(() => outcomesOf(requestIds));
    } catch (error) {
      throw cannotTell(error);
    }
  };
}

/** Turns an error into a problem if its cause is that the database cannot be reached. */
export function cannotTell(error: unknown): unknown {
  return isOutage(error) || error instanceof BrokenCircuitError
    ? new Problem('status_unavailable')
    : error;
}
