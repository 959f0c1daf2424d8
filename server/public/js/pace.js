// @ts-check
/**
 * How often the page asks the shop. The longer nothing has happened, the longer it waits until the next
 * look, so that its requests grow with the logarithm of the time. Every pause is random within bounds:
 * a million pages do not ask at the same time.
 */

import { steadyNow } from './steady.js';

/** While the opening is further away than this, a look follows when about half of the time is over. */
const NEAR_MS = 60_000;
/** After that, looks come at random moments, the last of them not later than this before the opening. */
const LAST_LOOK_MS = 5_000;
/** A page that has looked this short a time before the opening looks again only after it. */
const LOOKED_MS = 20_000;
/** The first look after the opening comes within this time. The button turns on by the clock. */
const OPENED_MS = 30_000;
/** The shortest and the longest pause while what is shown may change, and the longest one after that. */
const LIVE_MS = { first: 5_000, longest: 30_000 };
const CLOSED_LONGEST_MS = 600_000;
/** A page that nobody looks at asks so much less often. It looks at once when it is shown again. */
const HIDDEN_FACTOR = 10;

/**
 * @typedef {object} PaceInput
 * @property {import('./countdown.js').SalePhase} phase
 * @property {number} opensInMs time until opening, may be negative
 * @property {number} quietMs time since the sale opened, the page was loaded, or the shopper did something
 * @property {boolean} hidden whether the tab is hidden
 * @property {number} random 0 to 1
 */

/**
 * Milliseconds until the page reads the sale again.
 * @param {PaceInput} input
 */
export function pollDelayMs({ phase, opensInMs, quietMs, hidden, random }) {
  if (phase === 'scheduled') return beforeOpeningMs(opensInMs, random);
  const longest = phase === 'closed' ? CLOSED_LONGEST_MS : LIVE_MS.longest;
  return growingDelayMs(quietMs, LIVE_MS.first, longest, random) * (hidden ? HIDDEN_FACTOR : 1);
}

/**
 * @param {number} opensInMs
 * @param {number} random
 */
function beforeOpeningMs(opensInMs, random) {
  if (opensInMs > NEAR_MS) return opensInMs * (0.35 + 0.3 * random);
  if (opensInMs <= LOOKED_MS) return Math.max(0, opensInMs) + 1000 + OPENED_MS * random;
  return opensInMs - LAST_LOOK_MS - (0.7 * opensInMs - LAST_LOOK_MS) * random;
}

/**
 * Milliseconds until the next look after a quiet time: about as long again, within bounds.
 * @param {number} quietMs
 * @param {number} firstMs
 * @param {number} longestMs
 * @param {number} random 0 to 1
 */
export function growingDelayMs(quietMs, firstMs, longestMs, random) {
  return Math.min(longestMs, Math.max(firstMs, quietMs)) * (0.7 + 0.6 * random);
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
const BACKOFF_MAX_MS = 60_000;
/** What the shop asks for is stretched by up to this share: many may have got the same answer. */
const ASKED_JITTER = 0.25;

/**
 * Milliseconds to wait after the nth failure in a row (n from 1): exponential, bounded, with jitter, and
 * never less than the shop asks for.
 * @param {import('./api.js').Answer | import('./identity.js').Who} answer
 * @param {number} failures
 * @param {number} random 0 to 1
 * @param {number} [longestMs]
 */
export function backoffMs(answer, failures, random, longestMs = BACKOFF_MAX_MS) {
  const full = Math.min(longestMs, BACKOFF_FIRST_MS * 2 ** (failures - 1));
  return Math.max(askedMs(answer) * (1 + ASKED_JITTER * random), full * (0.5 + 0.5 * random));
}

/**
 * Milliseconds that the shop asks to wait with the next call.
 * @param {import('./api.js').Answer | import('./identity.js').Who} answer
 */
function askedMs(answer) {
  return answer.kind === 'refused' ? answer.retryAfterSeconds * 1000 : 0;
}

/** While there is no such sale: it may be made or renamed, or the answer may be of an old copy. */
const MISSING_MS = { first: 15_000, longest: 300_000 };

/**
 * Milliseconds until the page asks again for what the shop does not have.
 * @param {object} input
 * @param {number} input.quietMs time since it was missing first
 * @param {boolean} input.hidden whether the tab is hidden
 * @param {number} input.random 0 to 1
 */
export function missingDelayMs({ quietMs, hidden, random }) {
  const { first, longest } = MISSING_MS;
  return growingDelayMs(quietMs, first, longest, random) * (hidden ? HIDDEN_FACTOR : 1);
}

/** While the shop fails, not even the shopper's own doings make the page ask earlier than after this time. */
const HELD_MAX_MS = 15_000;

/** The pauses of a page between its looks at the shop, which something may end before their time. */
export function createNaps() {
  let nap = new AbortController();
  let heldUntil = 0;
  return {
    /**
     * @param {number} ms
     * @param {number} [heldMs] what the failure or the shop asks for
     */
    take(ms, heldMs = 0) {
      nap = new AbortController();
      heldUntil = steadyNow() + heldMs;
      return pause(ms, nap.signal);
    },
    end() {
      if (steadyNow() >= heldUntil) nap.abort();
    },
  };
}

/**
 * How long a failed look holds the next one.
 * @param {import('./api.js').Answer} answer
 * @param {number} backoff
 */
export function heldMs(answer, backoff) {
  return Math.max(askedMs(answer), Math.min(HELD_MAX_MS, backoff));
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

/**
 * The pause before a failed call is made again. A page without a network of its own goes on as soon as it has one.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export async function pauseOffline(ms, signal) {
  if (navigator.onLine !== false) return pause(ms, signal);
  const back = new AbortController();
  const end = () => back.abort();
  window.addEventListener('online', end);
  await pause(ms, signal ? AbortSignal.any([signal, back.signal]) : back.signal);
  window.removeEventListener('online', end);
}
