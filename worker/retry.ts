import { DatabaseError, isOutage } from '../db/client/errors.ts';

/** Decides whether and when a failed call is repeated. Pure. */

export interface RetryLimits {
  readonly retryDelayInitialMs: number;
  readonly retryDelayMaxMs: number;
  /** Calls for the same requests that hit the statement timeout, before the requests are halved. */
  readonly slowAttemptsMax: number;
  /** Attempts for a single request whose call fails although the database works. */
  readonly poisonAttemptsMax: number;
  /** Requests given up in a row, without a successful call between them. */
  readonly poisonInARowMax: number;
}

export const RETRY_LIMITS: RetryLimits = {
  retryDelayInitialMs: 50,
  retryDelayMaxMs: 2_000,
  slowAttemptsMax: 2,
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
 * `held`: another session holds a lock for longer than the lock timeout. As `transient`, for what needs the lock.
 * `slow`: the call hit the statement timeout. Either the database is slow, or the call is too large.
 * `collision`: another session is deciding the same request id. Repeat the call.
 * `permanent`: the same call would fail again.
 */
export type FailureKind = 'transient' | 'held' | 'slow' | 'collision' | 'permanent';

const KIND_BY_SQLSTATE: Readonly<Record<string, FailureKind>> = {
  '23505': 'collision', // unique violation
  '55P03': 'held',
  '57014': 'slow',
};

export function kindOfFailure(error: unknown): FailureKind {
  if (!(error instanceof DatabaseError)) return 'permanent';
  const kind = KIND_BY_SQLSTATE[error.sqlstate ?? ''];
  // An error that a DBA can repair is transient: it must not turn messages into dead letters.
  return kind ?? (isOutage(error) ? 'transient' : 'permanent');
}
