import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createElapsedClock, steadyMs } from '../../process/clock.ts';
import { DatabaseClock } from '../../server/catalogue/clock.ts';

/** The clocks of a machine that may sleep. */
let [monotonic, wall, boot]: number[] = [];
let now: () => number;
let steady: () => number;
/** Resolution of the clock since boot. */
const BOOT_MS = 10;

function expectAbout(ms: number, expectedMs: number): void {
  expect(ms).toBeGreaterThanOrEqual(expectedMs);
  expect(ms).toBeLessThanOrEqual(expectedMs + BOOT_MS);
}

function go(ms: number): void {
  monotonic = (monotonic ?? 0) + ms;
  wall = (wall ?? 0) + ms;
  boot = (boot ?? 0) + ms;
}
function sleep(ms: number): void {
  wall = (wall ?? 0) + ms;
  boot = (boot ?? 0) + ms;
}

beforeEach(() => {
  [monotonic, wall, boot] = [1_000, 1_700_000_000_000, 90_000];
  const monotonicMs = () => monotonic ?? 0;
  const sinceBootMs = () => Math.round((boot ?? 0) / 10) * 10;
  now = createElapsedClock({ monotonicMs, wallMs: () => wall ?? 0, sinceBootMs });
  steady = createElapsedClock({ monotonicMs, sinceBootMs });
});

describe('the elapsed clock', () => {
  it('follows the monotonic clock while the machine is awake', () => {
    const startMs = now();
    for (let n = 0; n < 1_000; n += 1) {
      go(7);
      now();
    }
    expect(now() - startMs).toBe(7_000);
  });

  it('includes the time of a sleep from the first reading after it', () => {
    const startMs = now();
    go(5);
    sleep(60_000);
    expectAbout(now() - startMs, 60_005);
  });

  it('includes a sleep although the wall clock was set back meanwhile', () => {
    const startMs = now();
    sleep(60_000);
    wall = (wall ?? 0) - 60_000;
    go(20);
    expectAbout(now() - startMs, 60_020);
  });

  it('adds each sleep once, whichever clock shows it first', () => {
    const startMs = now();
    for (let n = 1; n <= 3; n += 1) {
      sleep(60_000);
      now();
      go(30);
      now();
      go(30);
      expectAbout(now() - startMs, n * 60_060);
    }
    // A wall clock that was set forward once hides no later sleep.
    wall = (wall ?? 0) + 3_600_000;
    now();
    go(30);
    now();
    sleep(60_000);
    wall = (wall ?? 0) - 60_000;
    go(30);
    expectAbout(now() - startMs, 3 * 60_060 + 3_600_000 + 60_060);
  });

  it('works on a machine without a clock since boot', () => {
    const startMs = now();
    wall = (wall ?? 0) + 60_000;
    expect(now() - startMs).toBe(60_000);
  });

  it('never goes back or stops when the wall clock is set back', () => {
    let lastMs = now();
    for (const stepMs of [-3_600_000, 10_000, -10_000, 3_600_000, -1]) {
      wall = (wall ?? 0) + stepMs;
      go(30);
      const nowMs = now();
      expect(nowMs - lastMs).toBeGreaterThanOrEqual(30);
      lastMs = nowMs;
    }
  });

  it('tolerates a wall clock that is slewed', () => {
    const startMs = now();
    for (let n = 0; n < 3_600; n += 1) {
      go(1_000);
      wall = (wall ?? 0) + 0.5;
      now();
    }
    expect(now() - startMs).toBeLessThanOrEqual(3_600_000 * 1.001);
  });
});

it('the clock of the database keeps running while the machine sleeps', () => {
  const clock = new DatabaseClock(steady);
  const serverMs = 1_800_000_000_000;
  clock.sample(new Date(serverMs), steady(), steady());
  sleep(60_000);
  go(20);
  expectAbout(clock.nowMs(), serverMs + 60_020);
});

it('the clock of the database ignores a wall clock that is set forward', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const clock = new DatabaseClock();
  const serverMs = 1_800_000_000_000;
  const atMs = steadyMs();
  clock.sample(new Date(serverMs), atMs, atMs);
  const awakeAtMs = performance.now();
  vi.setSystemTime(Date.now() + 3_600_000);
  // The machine may stall for a while, but not for an hour.
  const gainedMs = clock.nowMs() - serverMs - (performance.now() - awakeAtMs);
  expect(gainedMs).toBeLessThan(1_800_000);
  vi.useRealTimers();
});
