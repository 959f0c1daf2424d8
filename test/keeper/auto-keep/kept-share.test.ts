import { describe, expect, test } from 'vitest';
import { LOTTERY_RISE, nextShare, STEP_MAX } from '../../../keeper/auto-keep/kept-share.ts';
import { SHARE_MIN } from '../../../zk/tree/values.ts';
import fc from '../../properties.ts';
import { Crowd, type CrowdPlan } from '../sim/crowd.ts';

/**
 * The share that `keep = auto` computes: its rules, and its effect on a simulated crowd
 * (sim/crowd.ts).
 */

const PLAN: CrowdPlan = {
  seed: 1,
  units: 1_000,
  nodes: 3,
  shed: 'random',
  start: 0.1,
  limits: { factor: 2, waitMs: 2_000 },
  arrivals: () => 2_000,
  persistent: 0,
  bots: 0,
  workers: () => 5_000,
  seconds: 30,
};

function play(changes: Partial<CrowdPlan>) {
  return new Crowd({ ...PLAN, ...changes }).play();
}

const limits = fc.record({
  factor: fc.double({ min: 1, max: 50, noNaN: true }),
  waitMs: fc.integer({ min: 100, max: 60_000 }),
});
const rate = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 50 }),
  fc.integer({ min: 1, max: 1e6 }),
);

test('for all figures the share is between its minimum and 1, in bounded steps; a lottery never lowers it', () => {
  const facts = fc.record({
    share: fc.double({ min: SHARE_MIN, max: 1, noNaN: true }),
    shed: fc.constantFrom('random' as const, 'lottery' as const),
    left: rate,
    underWay: rate,
    demand: fc.record({
      askedPerSecond: rate,
      keptPerSecond: rate,
      reachedPerSecond: rate,
      decidedPerSecond: rate,
      seconds: fc.double({ min: 0.2, max: 2, noNaN: true }),
      stalledSeconds: rate,
    }),
  });
  fc.assert(
    fc.property(facts, limits, (one, bounds) => {
      const next = nextShare(one, bounds);
      expect(next).toBeGreaterThanOrEqual(SHARE_MIN);
      expect(next).toBeLessThanOrEqual(1);
      // Shares are rounded to three digits, which adds up to half a per cent to a step.
      expect(next / one.share).toBeLessThanOrEqual(STEP_MAX * 1.006);
      expect(one.share / next).toBeLessThanOrEqual(STEP_MAX * 1.006);
      if (one.shed === 'random') return;
      expect(next).toBeGreaterThanOrEqual(one.share * 0.994);
      expect(next).toBeLessThanOrEqual(one.share * LOTTERY_RISE * 1.006);
    }),
    { numRuns: 5_000 },
  );
});

test('with enough demand and shoppers who try again, everything is sold', () => {
  const plan = fc.record({
    seed: fc.nat(),
    units: fc.integer({ min: 1, max: 300 }),
    nodes: fc.integer({ min: 1, max: 5 }),
    shed: fc.constantFrom('random' as const, 'lottery' as const),
    start: fc.constantFrom(SHARE_MIN, 0.1, 1),
    factor: fc.integer({ min: 1, max: 10 }),
    /** Shoppers for each unit. */
    times: fc.integer({ min: 1, max: 20 }),
    bots: fc.constantFrom(0, 0.5, 0.9),
    /** Number of bursts in which they arrive, one every three seconds. */
    bursts: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(plan, ({ factor, times, bursts, ...rest }) => {
      // Five standard deviations more, because arrivals are random.
      const wanted = rest.units * times;
      const shoppers = (wanted + 5 * Math.sqrt(wanted) + 20) / (1 - rest.bots);
      const arrivals = (second: number) =>
        second % 3 < 0.5 && second < bursts * 3 ? shoppers / bursts / 0.5 : 0;
      const limitsNow = { factor, waitMs: 2_000 };
      const crowd = { ...rest, limits: limitsNow, arrivals, persistent: 1, seconds: 90 };
      expect(play(crowd).sold).toBe(rest.units);
    }),
    { numRuns: 100 },
  );
});

describe('a constant demand', () => {
  const changesOf = (shares: readonly number[]) =>
    shares.filter((share, index) => index > 0 && share !== shares[index - 1]).length;

  test.each([20, 50, 200, 2_000])('of %d a second leads to a stable share', (asked) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      // Nothing is left: the kept requests are for a unit that may be returned.
      const { shares } = play({ seed, units: 0, arrivals: () => asked, seconds: 60 });
      const settled = shares.slice(20);
      const aim = Math.max(SHARE_MIN, PLAN.limits.factor / asked);
      expect(changesOf(settled), `changes in 55 s, seed ${seed}`).toBeLessThanOrEqual(4);
      for (const share of settled) {
        expect(share).toBeGreaterThan(aim / 2);
        expect(share).toBeLessThanOrEqual(aim * 2.5);
      }
    }
  });

  test.each([2, 5, 10, 20])(
    'of %d times the rate of the workers waits no longer than the bound',
    (times) => {
      const { waitsSeconds, shares } = play({
        units: 1_000_000,
        arrivals: () => 4_000,
        workers: () => 4_000 / times,
      });
      expect(Math.max(...waitsSeconds.values())).toBeLessThanOrEqual(2.2);
      expect(changesOf(shares.slice(40)), 'changes in 20 s').toBeLessThanOrEqual(10);
      // The workers are not idle either: nearly all that they can decide is taken.
      expect(
        Math.min(...[...waitsSeconds].filter(([at]) => at > 10).map(([, s]) => s)),
      ).toBeGreaterThan(0.5);
    },
  );
});

test('a crowd of 50 for each unit: most are shed, all is sold, and the share is 1 afterwards', () => {
  const arrivals = (second: number) => (second < 10 ? 5_000 : 0);
  const { sold, shares, kept, pressed } = play({ arrivals, seconds: 20 });
  expect(sold).toBe(1_000);
  expect(kept / pressed).toBeLessThan(0.1);
  expect(shares.at(-1)).toBe(1);
});

test('few shoppers are not shed for long', () => {
  const { kept, pressed, shares } = play({ arrivals: () => 20, seconds: 30 });
  expect(shares.slice(8).every((share) => share === 1)).toBe(true);
  expect(pressed - kept).toBeLessThan(60);
});

test('a unit that is returned after hours of high demand is sold at once', () => {
  const facts = { share: SHARE_MIN, shed: 'random' as const, left: 1, underWay: 0 };
  const askedPerSecond = 20_000;
  const keptPerSecond = askedPerSecond * SHARE_MIN;
  const rest = {
    reachedPerSecond: keptPerSecond,
    decidedPerSecond: 0,
    seconds: 2,
    stalledSeconds: 0,
  };
  const demand = { askedPerSecond, keptPerSecond, ...rest };
  expect(nextShare({ ...facts, demand }, PLAN.limits) * askedPerSecond).toBeGreaterThanOrEqual(2);
});

test('while workers are stopped, almost nothing is taken until they continue', () => {
  const workers = (second: number) => (second >= 5 && second < 15 ? 0 : 1_000);
  const { sold, shares } = play({ units: 20_000, workers, seconds: 60 });
  expect(shares.slice(4 * 9, 4 * 15).every((share) => share <= 0.01)).toBe(true);
  expect(sold).toBe(20_000);
});
