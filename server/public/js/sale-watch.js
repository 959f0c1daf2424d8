// @ts-check
/** Reads the sale again and again: soon when something may have changed, ever later while it is quiet. */

import { readSale } from './api.js';
import { salePhase } from './countdown.js';
import { backoffMs, pause, pollDelayMs } from './pace.js';

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

/** @typedef {import('./sale-page.js').Sale} Sale */

/**
 * @param {string} name
 * @param {import('./clock.js').Clock} clock gets a sample of the time from each answer
 * @param {object} listener
 * @param {(sale: Sale) => void} listener.onSale
 * @param {() => void} listener.onMissing the shop has no such sale: nothing more is read
 * @param {(isOffline: boolean) => void} listener.onAnswer after each answer, and after each failure
 */
export function watchSale(name, clock, { onSale, onMissing, onAnswer }) {
  /** Aborted to read the sale at once. */
  let sleep = new AbortController();
  /** @type {Sale | null} */
  let sale = null;

  /** Monotonic times: of the last answer, and since when nothing has happened here. */
  let lookedAt = performance.now();
  let quietSince = lookedAt;

  function untilNextLook() {
    if (sale === null) return 1000;
    const now = clock.at(performance.now());
    const opensInMs = Date.parse(sale.opensAt) - now;
    const phase = salePhase(sale, now);
    const quietHereMs = performance.now() - quietSince;
    const delay = pollDelayMs({
      phase,
      opensInMs,
      quietMs: phase === 'open' ? Math.min(quietHereMs, -opensInMs) : quietHereMs,
      hidden: document.hidden,
      random: Math.random(),
    });
    return clock.samples() < CLOCK_SAMPLES ? Math.min(delay, CLOCK_PAUSE_MS) : delay;
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
        lookedAt = performance.now();
        if (isAnswer) clock.sample(answer.timing);
        if (answer.kind === 'ok' && (isCurrent || sale === null)) {
          etag = answer.etag;
          sale = answer.body;
          onSale(answer.body);
        }
        if (isCurrent) failures = 0;
        else if (isMissing) onMissing();
        else failures += 1;
        onAnswer(failures >= FAILURES_TO_SAY);
        if (isMissing) return;
        const asked = answer.kind === 'refused' ? answer.retryAfterSeconds * 1000 : 0;
        const wait = failures > 0 ? backoffMs(failures, Math.random()) : untilNextLook();
        sleep = new AbortController();
        await pause(Math.max(asked, wait), sleep.signal);
      }
    },
    /**
     * Reads the sale at once, because the shopper or the shop did something.
     * @param {number} [freshMs] not if the last answer is younger than this
     */
    now(freshMs = 0) {
      quietSince = performance.now();
      if (quietSince - lookedAt >= freshMs) sleep.abort();
    },
  };
}
