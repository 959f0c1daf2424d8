import { backoffMs } from '../backoff.ts';

/** When a failed delivery is retried and when an endpoint is disabled. Pure. */

export interface WebhookLimits {
  readonly retryDelayInitialMs: number;
  readonly retryDelayMaxMs: number;
  /** Attempts per event; together they take two to three days. */
  readonly attemptsMax: number;
  /** An endpoint is disabled after this many failures in a row … */
  readonly failuresMax: number;
  /** … if the first of them was at least this long ago. */
  readonly failingMaxMs: number;
  /** Concurrent attempts per endpoint and schema: this many first ones and this many retries. */
  readonly inFlightMax: number;
  readonly retriesInFlightMax: number;
  readonly timeoutMs: number;
  /** The log is read while fewer events than this wait for their first attempt … */
  readonly pendingMax: number;
  /** … and fewer than this have failed or wait for a failed event of their order. */
  readonly failingMax: number;
}

const HOUR_MS = 3_600_000;

export const WEBHOOK_LIMITS: WebhookLimits = {
  retryDelayInitialMs: 5_000,
  retryDelayMaxMs: 4 * HOUR_MS,
  attemptsMax: 28,
  failuresMax: 20,
  failingMaxMs: 24 * HOUR_MS,
  inFlightMax: 12,
  retriesInFlightMax: 4,
  timeoutMs: 15_000,
  pendingMax: 1_000,
  failingMax: 10_000,
};

/**
 * Exponential backoff with the upper half as jitter: 5 s, 10 s, 20 s … 4 h. Undefined: no further
 * attempt.
 *
 * @param attempt number of the failed attempt, from 1
 * @param random from 0 to 1
 */
export function webhookRetryMs(
  attempt: number,
  random: number,
  limits: WebhookLimits,
): number | undefined {
  if (attempt >= limits.attemptsMax) return undefined;
  return backoffMs(attempt, random, limits.retryDelayInitialMs, limits.retryDelayMaxMs);
}
