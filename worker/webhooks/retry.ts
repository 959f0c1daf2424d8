/** When a failed delivery is tried again, and when an endpoint is left alone. Pure. */

export interface WebhookLimits {
  readonly retryDelayInitialMs: number;
  readonly retryDelayMaxMs: number;
  /** Attempts at one event; two to three days. */
  readonly attemptsMax: number;
  /** An endpoint is disabled after so many failures in a row … */
  readonly failuresMax: number;
  /** … if the first of them was so long ago. */
  readonly failingMaxMs: number;
  /** Attempts under way to one endpoint and schema: first ones, and later ones. */
  readonly inFlightMax: number;
  readonly retriesInFlightMax: number;
  readonly timeoutMs: number;
  /** The log is read on while fewer events than that wait for their first attempt … */
  readonly pendingMax: number;
  /** … and fewer than that have failed, or wait behind one of their order that has. */
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
 * Exponential, with the upper half as jitter: 5 s, 10 s, 20 s … 4 h; undefined: no further attempt.
 *
 * @param attempt that has failed, from 1
 * @param random from 0 to 1
 */
export function webhookRetryMs(
  attempt: number,
  random: number,
  limits: WebhookLimits,
): number | undefined {
  if (attempt >= limits.attemptsMax) return undefined;
  const exponential = limits.retryDelayInitialMs * 2 ** Math.min(attempt - 1, 30);
  return Math.round(Math.min(limits.retryDelayMaxMs, exponential) * (0.5 + random / 2));
}
