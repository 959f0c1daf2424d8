// @ts-check
/**
 * Milliseconds that only go forward, those included in which the computer slept: in some browsers
 * `performance.now()` stands still then, and timers do too. The computer's own clock goes on, so a gap
 * between the two counts as sleep. It may also be that somebody has set that clock. Therefore a page asks
 * the shop for the time after each gap.
 */

/** Clocks are adjusted in smaller steps all the time. */
const GAP_MS = 1000;

let sleptMs = 0;
let monotonicBefore = performance.now();
let wallBefore = Date.now();
/** @type {Set<() => void>} */
const listeners = new Set();

export function steadyNow() {
  const monotonic = performance.now();
  const wall = Date.now();
  const gapMs = wall - wallBefore - (monotonic - monotonicBefore);
  monotonicBefore = monotonic;
  wallBefore = wall;
  if (gapMs > GAP_MS) {
    sleptMs += gapMs;
    for (const listener of listeners) queueMicrotask(listener);
  }
  return monotonic + sleptMs;
}

/**
 * Calls the listener when what the page shows may be old although its timers have not ended: the computer
 * has slept, or the shopper comes back to the page.
 * @param {() => void} listener
 */
export function onReturn(listener) {
  listeners.add(listener);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) listener();
  });
  // The page comes out of the browser's memory, where it stood still.
  window.addEventListener('pageshow', ({ persisted }) => {
    if (persisted) listener();
  });
}
