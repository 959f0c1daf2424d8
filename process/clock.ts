import { uptime } from 'node:os';

/**
 * A clock that goes on while the machine sleeps, and never back. The monotonic clock of a process
 * stands still then (CLOCK_MONOTONIC), so what it says of a lease or a window may be over long since.
 *
 * Two witnesses tell how long the machine slept: the clock since the machine's start
 * (CLOCK_BOOTTIME, on Linux `os.uptime()`), and the wall clock. Time that either of them has more than
 * the monotonic clock is added, once: both tell of the same sleep. A wall clock that is put forward is
 * taken for sleep, which only ends a window too early; one that is put back hides nothing from the other
 * witness. Where an early end does harm as well, the wall clock is no witness.
 */

export interface ClockSources {
  readonly monotonicMs: () => number;
  readonly wallMs?: () => number;
  readonly sinceBootMs: () => number;
}

/** Smaller differences come from reading one clock after the other, and from their resolution. */
const TOLERANCE_MS = 50;
/** Reading the clock since boot opens a file: some 20 µs, so not for each draw. */
const BOOT_READ_INTERVAL_MS = 20;

/** What a witness has gone ahead of the monotonic clock since it was last compared. */
class Witness {
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

/** Milliseconds since some moment. */
export function createElapsedClock(sources: ClockSources): () => number {
  const { monotonicMs } = sources;
  let lastMs = monotonicMs();
  let bootReadAtMs = lastMs;
  let sleptMs = 0;
  /** Of it, what the wall clock told since the clock since boot was read. */
  let wallSleptMs = 0;
  const wall = sources.wallMs && new Witness(sources.wallMs, lastMs);
  const boot = new Witness(sources.sinceBootMs, lastMs);
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

/** For windows that may end too early, but never too late. */
export const elapsedMs = createElapsedClock({
  monotonicMs,
  wallMs: () => Date.now(),
  sinceBootMs,
});

/** For a clock that shall be right both ways: a wall clock that is put forward does not move it. */
export const steadyMs = createElapsedClock({ monotonicMs, sinceBootMs });
