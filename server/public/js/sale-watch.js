// @ts-check
/** Reads the sale again and again: soon when something may have changed, ever later while it is quiet. */

import { readSale } from './api.js';
import { salePhase } from './countdown.js';
import { backoffMs, createNaps, heldMs, missingDelayMs, pollDelayMs } from './pace.js';
import { steadyNow } from './steady.js';

/** The first answers come soon after each other: the one with the shortest way sets the clock. */
const CLOCK_SAMPLES = 3;
const CLOCK_PAUSE_MS = 1500;
/**
 * An edge that reaches no web node answers with the last copy that it has. Its times are true. Nobody
 * knows whether the rest still is, so it is shown only while the page has nothing else.
 */
const STALE_MS = 5000;
/** Failures in a row before the page says that it has no connection. */
const FAILURES_TO_SAY = 2;
/** The same before a page with a sale says that there is none. */
const MISSES_TO_SAY = 2;

/** @typedef {import('./sale-page.js').Sale} Sale */

/**
 * @param {string} name
 * @param {import('./clock.js').Clock} clock gets a sample of the time from each answer
 * @param {object} listener
 * @param {(sale: Sale) => void} listener.onSale
 * @param {() => void} listener.onMissing the shop has no such sale. It is asked again, seldom
 * @param {(isOffline: boolean) => void} listener.onAnswer after each answer, and after each failure
 */
export function watchSale(name, clock, { onSale, onMissing, onAnswer }) {
  const naps = createNaps();
  /** @type {Sale | null} */
  let sale = null;

  /** Steady times: of the last answer, and since when nothing has happened here. */
  let lookedAt = steadyNow();
  let quietSince = lookedAt;
  /** Answers in a row that there is no such sale, and the time of the first of them. */
  let misses = 0;
  let missingSince = lookedAt;

  /** @param {boolean} isFailing */
  function untilNextLook(isFailing) {
    if (misses > 0) {
      const quietMs = steadyNow() - missingSince;
      return missingDelayMs({ quietMs, hidden: document.hidden, random: Math.random() });
    }
    if (sale === null) return 1000;
    const now = clock.at(steadyNow());
    const opensInMs = Date.parse(sale.opensAt) - now;
    const phase = salePhase(sale, now);
    const quietHereMs = steadyNow() - quietSince;
    const delay = pollDelayMs({
      phase,
      opensInMs,
      quietMs: phase === 'open' ? Math.min(quietHereMs, -opensInMs) : quietHereMs,
      hidden: document.hidden,
      random: Math.random(),
    });
    const isSampling = clock.samples() < CLOCK_SAMPLES && !isFailing;
    return isSampling ? Math.min(delay, CLOCK_PAUSE_MS) : delay;
  }

  /**
   * An outage is no reason to ask more often than without one.
   * @param {import('./api.js').Answer} answer
   * @param {number} failures in a row
   */
  function nap(answer, failures) {
    if (failures === 0) return naps.take(untilNextLook(false));
    const backoff = backoffMs(answer, failures, Math.random());
    // Without a network of its own, the page costs the shop nothing, and looks as soon as it has one.
    if (navigator.onLine === false) return naps.take(backoff);
    return naps.take(Math.max(backoff, untilNextLook(true)), heldMs(answer, backoff));
  }

  return {
    async start() {
      /** @type {string | null} */
      let etag = null;
      for (let failures = 0; ; ) {
        const answer = await readSale(name, etag);
        const isMissing = answer.kind === 'refused' && answer.status === 404;
        const isAnswer = answer.kind === 'ok' || answer.kind === 'same';
        const isCurrent = isAnswer && answer.timing.ageMs < STALE_MS;
        lookedAt = steadyNow();
        if (isAnswer) clock.sample(answer.timing);
        if (answer.kind === 'ok' && (isCurrent || sale === null)) {
          etag = answer.etag;
          sale = answer.body;
          onSale(answer.body);
        }
        if (isMissing) {
          // The next sale of this name is not the one that the page knows.
          etag = null;
          misses += 1;
          if (misses === 1) missingSince = lookedAt;
          // A page that has its sale does not give it up for one answer, which may be of an old copy.
          if (sale === null || misses >= MISSES_TO_SAY) onMissing();
        }
        if (isCurrent) misses = 0;
        if (isCurrent || isMissing) failures = 0;
        else failures += 1;
        onAnswer(failures >= FAILURES_TO_SAY);
        await nap(answer, failures);
      }
    },
    /**
     * Reads the sale at once, because the shopper or the shop did something.
     * @param {number} [freshMs] not if the last answer is younger than this
     */
    now(freshMs = 0) {
      quietSince = steadyNow();
      if (quietSince - lookedAt >= freshMs) naps.end();
    },
  };
}
