import { DatabaseError, isOutage } from '../db/client/errors.ts';

/** Whether and when a failed call is made again. Pure. */

export interface RetryLimits {
  readonly retryDelayInitialMs: number;
  readonly retryDelayMaxMs: number;
  /** Attempts at a single request whose call fails although the database works. */
  readonly poisonAttemptsMax: number;
  /** Requests given up with no call between them that went well. */
  readonly poisonInARowMax: number;
}

export const RETRY_LIMITS: RetryLimits = {
  retryDelayInitialMs: 50,
  retryDelayMaxMs: 2_000,
  poisonAttemptsMax: 3,
  poisonInARowMax: 5,
};

/**
 * Exponential backoff with full jitter: workers that failed together do not come back together.
 *
 * @param attempt failures so far, from 1
 * @param random from 0 to 1
 */
export function retryDelayMs(attempt: number, random: number, limits: RetryLimits): number {
  const exponential = limits.retryDelayInitialMs * 2 ** Math.min(attempt - 1, 30);
  return Math.round(random * Math.min(limits.retryDelayMaxMs, exponential));
}

/**
 * `transient`: the machine, not the messages: wait and call again, for ever.
 * `collision`: another session decides the same request id right now: call again.
 * `permanent`: the call would fail again as it is.
 */
export type FailureKind = 'transient' | 'collision' | 'permanent';

const UNIQUE_VIOLATION = '23505';

export function kindOfFailure(error: unknown): FailureKind {
  if (!(error instanceof DatabaseError)) return 'permanent';
  if (error.sqlstate === UNIQUE_VIOLATION) return 'collision';
  // What a DBA mends is the machine's: no message shall be lost to it.
  return isOutage(error) ? 'transient' : 'permanent';
}
