/** Stripe keeps a session open for no less than 30 minutes and no more than a day. */
const SESSION_MS_MIN = 30 * 60_000;
const SESSION_MS_MAX = 24 * 3_600_000;
/** Between our clock and Stripe's, and for the request itself. */
const MARGIN_MS = 60_000;

/**
 * When a session for an order ends: with the order, or as soon after as Stripe allows; undefined for an
 * order that may be paid for longer than a session lives. One of two moments for each order, so that a
 * repeated press meets the same session.
 */
export function sessionEndMs(payBeforeMs: number, nowMs: number): number | undefined {
  if (payBeforeMs > nowMs + SESSION_MS_MAX - MARGIN_MS) return undefined;
  if (payBeforeMs >= nowMs + SESSION_MS_MIN + MARGIN_MS) return payBeforeMs;
  return payBeforeMs + SESSION_MS_MIN + MARGIN_MS;
}
