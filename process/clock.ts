import { uptime } from 'node:os';

/**
 * A clock that keeps running while the machine sleeps and never goes back. The monotonic clock of a
 * process (CLOCK_MONOTONIC) stops during sleep, so by that clock a lease or a window could seem
 * valid long after its end.
 *
 * Two other clocks show how long the machine slept: the clock since boot (CLOCK_BOOTTIME, on Linux
 * `os.uptime()`) and the wall clock. When either gains on the monotonic clock, the difference is
 * added once, since both measure the same sleep. A wall clock that is set forward looks like sleep
 * and only ends a window too early. A wall clock that is set back does not hide a sleep from the
 * clock since boot. Where an early end also does harm, the wall clock is not used (`steadyMs`).
 */

export interface ClockSources {
  readonly monotonicMs: () => number;
  readonly wallMs?: () => number;
  readonly sinceBootMs: () => number;
}

/**
 * Smaller differences come from the resolution of the clocks and from reading them one after
 * another.
 */
const TOLERANCE_MS = 50;
/** Reading the clock since boot opens a file and takes about 20 µs, too long for every draw. */
const BOOT_READ_INTERVAL_MS = 20;

/** Measures how far another clock gains on the monotonic clock. */
class SleepDetector {
  readonly #readMs: () => number;
  #aheadMs: number;

  constructor(readMs: () => number, monotonicMs: number) {
    this.#readMs = readMs;
    this.#aheadMs = readMs() - monotonicMs;
  }

  slept(monotonicMs: number): number {
    const aheadMs = this.#readMs() - monotonicMs;
    const moreMs = aheadMs - this.#aheadMs;
    if (Math.abs(moreMs) <= TOLERANCE_MS) return 0;
    this.#aheadMs = aheadMs;
    return Math.max(0, moreMs);
  }
}

/** Returns a function that reads milliseconds since an arbitrary moment. */
export function createElapsedClock(sources: ClockSources): () => number {
  const { monotonicMs } = sources;
  let lastMs = monotonicMs();
  let bootReadAtMs = lastMs;
  let sleptMs = 0;
  /**
   * The part of `sleptMs` that the wall clock added since the last reading of the clock since boot.
   */
  let wallSleptMs = 0;
  const wall = sources.wallMs && new SleepDetector(sources.wallMs, lastMs);
  const boot = new SleepDetector(sources.sinceBootMs, lastMs);
  return () => {
    lastMs = monotonicMs();
    const moreMs = wall?.slept(lastMs) ?? 0;
    sleptMs += moreMs;
    wallSleptMs += moreMs;
    if (lastMs - bootReadAtMs >= BOOT_READ_INTERVAL_MS) {
      bootReadAtMs = lastMs;
      sleptMs += Math.max(0, boot.slept(lastMs) - wallSleptMs);
      wallSleptMs = 0;
    }
    return lastMs + sleptMs;
  };
}

const monotonicMs = () => performance.now();
const sinceBootMs = () => uptime() * 1_000;

/** For windows that may end too early but never too late. */
export const elapsedMs = createElapsedClock({
  monotonicMs,
  wallMs: () => Date.now(),
  sinceBootMs,
});

/** For times that must be neither early nor late: setting the wall clock does not change it. */
export const steadyMs = createElapsedClock({ monotonicMs, sinceBootMs });
