/** Stripe keeps a session open for no less than 30 minutes and no more than a day. */
const SESSION_MS_MIN = 30 * 60_000;
const SESSION_MS_MAX = 24 * 3_600_000;
/** Allowance for the difference between our clock and Stripe's, and for the duration of the request. */
const MARGIN_MS = 60_000;

/**
 * Returns when a session for an order ends, in milliseconds since 1970: at `payBeforeMs`, or 31 minutes
 * later if Stripe's minimum does not allow that. Undefined, which means Stripe's default, if the order
 * can be paid for longer than a session may last.
 *
 * An order has only these two possible times, so that a repeated call asks Stripe for the same session.
 */
export function sessionEndMs(payBeforeMs: number, nowMs: number): number | undefined {
  if (payBeforeMs > nowMs + SESSION_MS_MAX - MARGIN_MS) return undefined;
  if (payBeforeMs >= nowMs + SESSION_MS_MIN + MARGIN_MS) return payBeforeMs;
  return payBeforeMs + SESSION_MS_MIN + MARGIN_MS;
}
