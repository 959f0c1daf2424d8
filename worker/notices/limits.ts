/** Limits of sending notices, and when a notice is tried again. Pure. */

export interface NoticeLimits {
  /** Notices of a channel that one worker sends at once; each has a connection of its own. */
  readonly inFlightMax: number;
  /** An attempt without a result by then has failed. */
  readonly timeoutMs: number;
  /** Rows of an event log that are read at once; each may hold a batch of orders. */
  readonly logRowsMax: number;
  /** Pause after a refusal that may pass; doubled with each. */
  readonly retryDelayInitialMs: number;
  readonly retryDelayMaxMs: number;
  /** Pause of a whole channel while its server is away; doubled with each failure. */
  readonly awayDelayInitialMs: number;
  readonly awayDelayMaxMs: number;
}

export const NOTICE_LIMITS: NoticeLimits = {
  inFlightMax: 8,
  timeoutMs: 60_000,
  logRowsMax: 20,
  retryDelayInitialMs: 5_000,
  retryDelayMaxMs: 1_800_000,
  awayDelayInitialMs: 500,
  awayDelayMaxMs: 15_000,
};

/**
 * Exponential backoff with the upper half as jitter.
 *
 * @param failures from 1
 * @param random from 0 to 1
 */
export function backoffMs(
  failures: number,
  random: number,
  initialMs: number,
  maxMs: number,
): number {
  const exponential = initialMs * 2 ** Math.min(failures - 1, 30);
  return Math.round(Math.min(maxMs, exponential) * (0.5 + random / 2));
}
