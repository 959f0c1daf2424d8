// @ts-check
/**
 * The server's clock, seen from a browser whose own clock may be wrong by hours.
 *
 * Every answer of the server brackets its own time: it was written after the request was sent and
 * before the answer arrived. The narrowest bracket (the shortest round trip) wins. Local time is
 * always the monotonic clock, so a change of the computer's clock moves nothing.
 */

/** Answers may come from memory that is up to a second old; a larger gap means that a clock jumped. */
const JUMP_MS = 1500;
/** Quartz drifts; an old bracket is treated as this much wider per millisecond of its age. */
const DRIFT = 0.0002;

/**
 * @typedef {object} Sample
 * @property {number} serverTimeMs what the server said, milliseconds since 1970
 * @property {number} sentAt monotonic milliseconds when the request left
 * @property {number} receivedAt monotonic milliseconds when the answer came
 * @property {number} [resolutionMs] 1000 for a `Date` header, 0 for `serverTime`
 */

/**
 * @typedef {object} Clock
 * @property {(sample: Sample) => void} sample takes one answer into account
 * @property {(monotonicMs: number) => number} at the server's time at that moment
 * @property {() => boolean} known false until the first answer
 * @property {() => number} samples how many answers were taken into account
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
      // Before the first answer the computer's own clock is all there is.
      if (best === null) return Date.now();
      return monotonicMs + (best.low + best.high) / 2;
    },
    known: () => best !== null,
    samples: () => count,
  };
}

/**
 * What an answer of the shop tells about its clock.
 * @param {import('./api.js').Ok | import('./api.js').Same} answer
 */
export function timeSample({ timing, ...answer }) {
  const exact = answer.kind === 'ok' ? answer.body.serverTime : undefined;
  const { sentAt, receivedAt, date } = timing;
  return {
    serverTimeMs: Date.parse(exact ?? date ?? ''),
    resolutionMs: exact === undefined ? 1000 : 0,
    sentAt,
    receivedAt,
  };
}
