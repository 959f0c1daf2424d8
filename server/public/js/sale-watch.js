// @ts-check
/** Reads the sale again and again: often when it matters, slowly when it does not. */

import { readSale } from './api.js';
import { timeSample } from './clock.js';
import { salePhase } from './countdown.js';
import { backoffMs, pause, pollDelayMs } from './pace.js';

/** Answers with a body have the exact time. After this many, the page accepts "not modified". */
const EXACT_SAMPLES = 4;
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

  /** @param {boolean} exact whether the clock still needs samples */
  function untilNextLook(exact) {
    if (sale === null) return 1000;
    const now = clock.at(performance.now());
    const delay = pollDelayMs({
      phase: salePhase(sale, now),
      opensInMs: Date.parse(sale.opensAt) - now,
      hidden: document.hidden,
      random: Math.random(),
    });
    return exact ? Math.min(delay, 1500) : delay;
  }

  return {
    async start() {
      /** @type {string | null} */
      let etag = null;
      for (let failures = 0; ; ) {
        const exact = clock.samples() < EXACT_SAMPLES;
        const answer = await readSale(name, exact ? null : etag);
        const isMissing = answer.kind === 'refused' && answer.status === 404;
        if (answer.kind === 'ok' || answer.kind === 'same') {
          failures = 0;
          clock.sample(timeSample(answer));
          if (answer.kind === 'ok') {
            etag = answer.etag;
            sale = answer.body;
            onSale(answer.body);
          }
        } else if (isMissing) onMissing();
        else failures += 1;
        onAnswer(failures >= FAILURES_TO_SAY);
        if (isMissing) return;
        const asked = answer.kind === 'refused' ? answer.retryAfterSeconds * 1000 : 0;
        const wait = failures > 0 ? backoffMs(failures, Math.random()) : untilNextLook(exact);
        sleep = new AbortController();
        await pause(Math.max(asked, wait), sleep.signal);
      }
    },
    /** Reads the sale at once. */
    now() {
      sleep.abort();
    },
  };
}
