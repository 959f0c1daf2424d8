// @ts-check
/** How often the page asks the shop: each second near the opening and while open, otherwise less. */

/**
 * @typedef {object} PaceInput
 * @property {import('./countdown.js').SalePhase} phase
 * @property {number} opensInMs time until opening, may be negative
 * @property {boolean} hidden whether the tab is hidden
 * @property {number} random 0 to 1, so that a million pages do not ask at the same time
 */

/**
 * Milliseconds until the page reads the sale again.
 * @param {PaceInput} input
 */
export function pollDelayMs({ phase, opensInMs, hidden, random }) {
  const base = baseDelayMs(phase, opensInMs) * (hidden ? 10 : 1);
  const jittered = base * (0.8 + 0.4 * random);
  // A page with a long delay must still ask again in the last minute before the opening.
  return phase === 'scheduled' && opensInMs > 60_000
    ? Math.min(jittered, opensInMs - 60_000 + 5000 * random)
    : jittered;
}

/**
 * @param {import('./countdown.js').SalePhase} phase
 * @param {number} opensInMs
 */
function baseDelayMs(phase, opensInMs) {
  if (phase === 'open') return 1000;
  if (phase === 'paused') return 2000;
  if (phase === 'closed') return 30_000;
  if (opensInMs > 3_600_000) return 60_000;
  if (opensInMs > 600_000) return 20_000;
  return opensInMs > 60_000 ? 5000 : 1000;
}

const REFUND_LOOK_MS = 60_000;
const REFUND_LOOK_MAX_MS = 900_000;

/**
 * Milliseconds until the page reads paid orders again that the shop is ending: seldom, because all
 * pages of a sale that was called off do so, and ever more seldom, because a refund may take days.
 * @param {number} looks that were made so far
 * @param {number} random 0 to 1
 */
export function refundLookDelayMs(looks, random) {
  return Math.min(REFUND_LOOK_MAX_MS, REFUND_LOOK_MS * 2 ** looks) * (0.1 + 0.9 * random);
}

const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MAX_MS = 15_000;

/**
 * Milliseconds to wait after the nth failure in a row (n from 1): exponential, bounded, with jitter.
 * @param {number} failures
 * @param {number} random 0 to 1
 */
export function backoffMs(failures, random) {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1));
  return full * (0.5 + 0.5 * random);
}

/**
 * Resolves after `ms`, or at once when the signal is aborted.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
