/** Limits of sending notices. */

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
