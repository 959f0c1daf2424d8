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
import type { Answers } from '../../db/client/both-homes.ts';
import { isOutage } from '../../db/client/errors.ts';
import { Problem } from '../problems.ts';

/**
 * Circuit breakers: what has failed several times in a row is left alone for a moment, instead of
 * letting every shopper wait for the same timeout. Then one call tries, and the rest follow it.
 */

const FAILURES_MAX = 5;
const OPEN_MS = 2_000;

type Publish = (
  message: OutgoingMessage,
  onLate: (result: PublishResult) => void,
) => Promise<PublishResult>;

/** A publisher that is not asked while it does not answer. */
export class PublishBreaker {
  readonly #publish: Publish;
  readonly #policy: CircuitBreakerPolicy;
  #openedAtMs = Number.NEGATIVE_INFINITY;

  constructor(publish: Publish) {
    this.#publish = publish;
    // `returned` is an answer: the broker is well, the queue is missing.
    const isFailure = (result: unknown) => result === 'unknown' || result === 'refused';
    this.#policy = circuitBreaker(handleAll.orWhenResult(isFailure), {
      halfOpenAfter: OPEN_MS,
      breaker: new ConsecutiveBreaker(FAILURES_MAX),
    });
    this.#policy.onBreak(() => {
      this.#openedAtMs = performance.now();
    });
  }

  /** Whether a message published now would be tried. */
  available(): boolean {
    if (this.#policy.state === CircuitState.Closed) return true;
    return performance.now() - this.#openedAtMs >= OPEN_MS;
  }

  /** Never rejects: what the open circuit keeps back was definitely not sent. */
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
 * Status look-ups that are not tried while the database does not answer. What cannot be looked up
 * cannot be told: an earlier state may be over.
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

/** The same as a problem, if it is the database that cannot be asked. */
export function cannotTell(error: unknown): unknown {
  return isOutage(error) || error instanceof BrokenCircuitError
    ? new Problem('status_unavailable')
    : error;
}
