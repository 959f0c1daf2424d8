// @ts-check
/**
 * Estimates the server's clock. The browser's own clock may be wrong by hours.
 *
 * The server wrote the time in its answer after the request was sent and before the answer arrived.
 * These two moments bracket the server's time. The narrowest bracket (the shortest round trip) is
 * used. Local times are those of `steadyNow`, which go on while the computer sleeps.
 */

/** A CDN tells the age of its copy in whole seconds. A larger gap means that a clock jumped. */
const JUMP_MS = 1500;
/** Clocks drift: an old bracket counts as this much wider per millisecond of its age. */
const DRIFT = 0.0002;

/**
 * @typedef {object} Sample
 * @property {number} serverTimeMs the time in the answer, milliseconds since 1970
 * @property {number} sentAt monotonic milliseconds when the request left
 * @property {number} receivedAt monotonic milliseconds when the answer arrived
 * @property {number} [resolutionMs] how much later that time may have been
 */

/**
 * @typedef {object} Clock
 * @property {(sample: Sample) => void} sample adds one answer
 * @property {(monotonicMs: number) => number} at the server's time at a moment of the monotonic clock
 * @property {() => boolean} known false until the first answer
 * @property {() => number} samples number of answers that were added
 */

/** @returns {Clock} */
export function createClock() {
  /** @type {{ low: number, high: number, at: number } | null} */
  let best = null;
  let count = 0;
  return {
    sample({ serverTimeMs, sentAt, receivedAt, resolutionMs = 0 }) {
      if (!Number.isFinite(serverTimeMs) || receivedAt < sentAt) return;
      count += 1;
      const low = serverTimeMs - receivedAt;
      const high = serverTimeMs + resolutionMs - sentAt;
      if (best === null) {
        best = { low, high, at: receivedAt };
        return;
      }
      const gap = Math.max(low - best.high, best.low - high);
      const width = best.high - best.low + (receivedAt - best.at) * DRIFT;
      if (gap > JUMP_MS || high - low <= width) best = { low, high, at: receivedAt };
    },
    at(monotonicMs) {
      // Before the first answer there is only the computer's own clock.
      if (best === null) return Date.now();
      return monotonicMs + (best.low + best.high) / 2;
    },
    known: () => best !== null,
    samples: () => count,
  };
}
