import { DatabaseError, isOutage } from '../db/client/errors.ts';

/** Decides whether and when a failed call is repeated. Pure. */

export interface RetryLimits {
  readonly retryDelayInitialMs: number;
  readonly retryDelayMaxMs: number;
  /** Attempts for a single request whose call fails although the database works. */
  readonly poisonAttemptsMax: number;
  /** Requests given up in a row, without a successful call between them. */
  readonly poisonInARowMax: number;
}

export const RETRY_LIMITS: RetryLimits = {
  retryDelayInitialMs: 50,
  retryDelayMaxMs: 2_000,
  poisonAttemptsMax: 3,
  poisonInARowMax: 5,
};

/**
 * Exponential backoff with full jitter, so that workers that failed together do not retry together.
 *
 * @param attempt failures so far, from 1
 * @param random from 0 to 1
 */
export function retryDelayMs(attempt: number, random: number, limits: RetryLimits): number {
  const exponential = limits.retryDelayInitialMs * 2 ** Math.min(attempt - 1, 30);
  return Math.round(random * Math.min(limits.retryDelayMaxMs, exponential));
}

/**
 * `transient`: the cause is the system, not the messages. Wait and repeat the call without limit.
 * `collision`: another session is deciding the same request id. Repeat the call.
 * `permanent`: the same call would fail again.
 */
export type FailureKind = 'transient' | 'collision' | 'permanent';

const UNIQUE_VIOLATION = '23505';

export function kindOfFailure(error: unknown): FailureKind {
  if (!(error instanceof DatabaseError)) return 'permanent';
  if (error.sqlstate === UNIQUE_VIOLATION) return 'collision';
  // An error that a DBA can repair is transient: it must not turn messages into dead letters.
  return isOutage(error) ? 'transient' : 'permanent';
}
