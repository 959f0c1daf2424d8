import { beforeEach, describe, expect, it } from 'vitest';
import { createElapsedClock } from '../../process/clock.ts';
import { DatabaseClock } from '../../server/clock.ts';

/** Clocks of a machine that may sleep, each as far as it goes. */
let [monotonic, wall, boot]: number[] = [];
let now: () => number;

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
  now = createElapsedClock({
    monotonicMs: () => monotonic ?? 0,
    wallMs: () => wall ?? 0,
    sinceBootMs: () => Math.round((boot ?? 0) / 10) * 10,
  });
});

describe('a clock that does not stand still', () => {
  it('goes as the monotonic clock does while the machine is awake', () => {
    const startMs = now();
    for (let n = 0; n < 1_000; n += 1) {
      go(7);
      now();
    }
    expect(now() - startMs).toBe(7_000);
  });

  it('has the time that the machine slept, at the first look after it', () => {
    const startMs = now();
    go(5);
    sleep(60_000);
    expect(now() - startMs).toBeGreaterThanOrEqual(60_005);
  });

  it('is not deceived by a wall clock that was put back meanwhile', () => {
    const startMs = now();
    sleep(60_000);
    wall = (wall ?? 0) - 60_000;
    go(20);
    expect(now() - startMs).toBeGreaterThanOrEqual(60_020);
  });

  it('is not deceived by a machine without a clock since boot', () => {
    const startMs = now();
    wall = (wall ?? 0) + 60_000;
    expect(now() - startMs).toBeGreaterThanOrEqual(60_000);
  });

  it('never goes back, and a wall clock that is put back stops nothing', () => {
    let lastMs = now();
    for (const stepMs of [-3_600_000, 10_000, -10_000, 3_600_000, -1]) {
      wall = (wall ?? 0) + stepMs;
      go(30);
      const nowMs = now();
      expect(nowMs - lastMs).toBeGreaterThanOrEqual(30);
      lastMs = nowMs;
    }
  });

  it('follows a wall clock that is slewed without harm', () => {
    const startMs = now();
    for (let n = 0; n < 3_600; n += 1) {
      go(1_000);
      wall = (wall ?? 0) + 0.5;
      now();
    }
    expect(now() - startMs).toBeLessThanOrEqual(3_600_000 * 1.001);
  });
});

it('the clock of the database goes on while the machine sleeps', () => {
  const clock = new DatabaseClock(now);
  const serverMs = 1_800_000_000_000;
  clock.sample(new Date(serverMs), now(), now());
  sleep(60_000);
  expect(clock.nowMs()).toBeGreaterThanOrEqual(serverMs + 60_000);
});
