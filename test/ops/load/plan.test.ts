import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { arrivalsEndMs, dueMs, momentOf, shoppersIn } from '../../../ops/load/plan/arrivals.ts';
import { Draws } from '../../../ops/load/plan/draws.ts';
import { type Plan, readPlan } from '../../../ops/load/plan/read.ts';
import { personOf, wantedSku } from '../../../ops/load/shopper/person.ts';
import { FileError } from '../../../ops/yaml/problems.ts';
import fc from '../../properties.ts';

/** Plans: how they are read, when shoppers arrive, and what is drawn. */

const GOOD = `
sale: spring
seed: 7
arrivals:
  - { for: 10s, rate: 5 }
  - { for: 2s, rate: 5, to: 15 }
behaviours: { buys: 3, bot: 1 }
`;

function problemsOf(text: string): string[] {
  try {
    readPlan(text, 'x.yaml');
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return error.message.split('\n');
  }
  return [];
}

describe('a plan', () => {
  it('has defaults for all but what it must say', () => {
    expect(readPlan(GOOD, 'x.yaml')).toMatchObject({
      ...{ sale: 'spring', seed: '7', beforeOpeningMs: undefined, shoppers: 70 },
      stages: [
        { durationMs: 10_000, from: 5, to: 5 },
        { durationMs: 2_000, from: 5, to: 15 },
      ],
      behaviours: new Map([
        ['buys', 3],
        ['bot', 1],
      ]),
      waits: new Map([['long-poll', 1]]),
      ...{ skus: undefined, quantity: 1, patienceMs: 60_000, loss: 0, addresses: 1 },
      ...{ identities: 'guests', aliveMax: 5_000 },
    });
    const other = readPlan(GOOD.replace('seed: 7', 'seed: 8'), 'x.yaml');
    expect(other.mark).not.toBe(readPlan(GOOD, 'x.yaml').mark);
  });

  it('is the example that the guide shows', () => {
    const file = 'ops/load/plans/opening.yaml';
    const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
    expect(readPlan(text, file)).toMatchObject({ shoppers: 690, beforeOpeningMs: 20_000 });
  });

  it('that is wrong is answered with all faults, each with its place', () => {
    const wrong = `sale: spring
seed: x
arrivals:
  - { for: 5 minutes, rate: 5 }
behaviours: { buyers: 1 }
waits: { poll: 0 }
network: { latency: { from: 2s, to: 1s }, loss: 2 }
identities: { tokns: x }
`;
    const duration = 'expected how long the stage lasts, such as 200ms, 5s or 2m';
    expect(problemsOf(wrong)).toEqual([
      `x.yaml:4:12: arrivals[0].for: 5 minutes is not allowed; ${duration}`,
      'x.yaml:5:15: behaviours.buyers: there is no such key; did you mean buys?',
      'x.yaml:6:8: waits: all weights are 0; at least one is more',
      'x.yaml:7:37: network.latency.to: it is less than from',
      'x.yaml:7:49: network.loss: 2 is not allowed; expected the share of calls whose connection breaks, 0 to 1',
      'x.yaml:8:15: identities.tokns: there is no such key; did you mean tokens?',
      expect.stringContaining('identities.tokns: there is no such key; expected one of key'),
    ]);
  });

  it('is refused if nobody comes, or too many, or for too long', () => {
    const of = (arrivals: string) =>
      problemsOf(GOOD.replace(/arrivals:[\s\S]*?\nbeh/, `arrivals: ${arrivals}\nbeh`));
    expect(of('[{ for: 1s, rate: 0.5 }]')[0]).toContain('nobody arrives');
    expect(of('[{ for: 1h, rate: 100000 }]')[0]).toContain('at most 10000000');
    expect(of('[{ for: 3h, rate: 1 }]')[0]).toContain('longer than 2 hours');
  });
});

const stage = fc.record({
  durationMs: fc.integer({ min: 1, max: 120_000 }),
  from: fc.double({ min: 0, max: 50, noNaN: true }),
  to: fc.double({ min: 0, max: 50, noNaN: true }),
});
const stages = fc.array(stage, { minLength: 1, maxLength: 5 });

describe('the arrival curve', () => {
  it('lets as many come as its integral says, in order, and within its time', () => {
    fc.assert(
      fc.property(stages, fc.string(), (curve, seed) => {
        const shoppers = shoppersIn(curve);
        const sum = curve.reduce(
          (all, one) => all + ((one.from + one.to) / 2) * (one.durationMs / 1e3),
          0,
        );
        expect(Math.abs(sum - shoppers)).toBeLessThan(1.001);
        const moments = Array.from({ length: Math.min(shoppers, 300) }, (_, at) =>
          dueMs(curve, seed, at),
        );
        expect(moments.every((ms) => ms >= 0 && ms <= arrivalsEndMs(curve))).toBe(true);
        expect(moments).toEqual(moments.toSorted((a, b) => a - b));
      }),
    );
  });

  it('counts from each moment back to the shopper', () => {
    const curve = [
      { durationMs: 4_000, from: 0, to: 10 },
      { durationMs: 1_000, from: 0, to: 0 },
      { durationMs: 2_000, from: 10, to: 10 },
    ];
    // 20 in the first four seconds, of which 5 in the first half; none in the fifth.
    expect(shoppersIn(curve)).toBe(40);
    expect(momentOf(curve, 5)).toBeCloseTo(2_000);
    expect(momentOf(curve, 20)).toBeCloseTo(5_000);
    expect(momentOf(curve, 30)).toBeCloseTo(6_000);
  });
});

describe('what is drawn', () => {
  const plan: Plan = readPlan(GOOD, 'x.yaml');
  const people = (from: number, step: number, seed = plan.seed) =>
    Array.from({ length: Math.ceil((200 - from) / step) }, (_, at) => {
      const index = from + at * step;
      return { index, ...personOf({ ...plan, seed }, index, (share) => `${share}`) };
    });

  it('is the same for a seed and a shopper, in whichever part it plays, and differs otherwise', () => {
    const all = people(0, 1);
    const parts = [0, 1, 2, 3].flatMap((part) => people(part, 4));
    expect(parts.toSorted((a, b) => a.index - b.index)).toEqual(all);
    expect(new Set(parts.map(({ index }) => index)).size).toBe(200);
    expect(people(0, 1, 'other')).not.toEqual(all);
    expect(new Set(all.map(({ skuShare }) => skuShare)).size).toBe(200);
  });

  it('follows the weights', () => {
    const bots = people(0, 1).filter(({ behaviour }) => behaviour === 'bot').length;
    expect(bots).toBeGreaterThan(25);
    expect(bots).toBeLessThan(80);
    const never = new Map([
      ['a', 0],
      ['b', 1],
      ['c', 0],
    ]);
    const draws = new Draws('x', 1, 'y');
    for (let n = 0; n < 100; n += 1) expect(draws.pick(never)).toBe('b');
  });

  it('is a SKU that the sale has', () => {
    const person = (skuShare: number) => ({ ...personOf(plan, 0, () => undefined), skuShare });
    const weights = new Map([
      ['TV', 3],
      ['Car', 9],
      ['Phone', 1],
    ]);
    const wanted = [0, 0.7, 0.8].map((at) => wantedSku(person(at), ['TV', 'Phone'], weights));
    expect(wanted).toEqual(['TV', 'TV', 'Phone']);
    expect(wantedSku(person(0.6), ['TV', 'Phone'], undefined)).toBe('Phone');
    expect(wantedSku(person(0.5), ['TV'], new Map([['Car', 1]]))).toBeUndefined();
  });

  it('is even from 0 to 1', () => {
    const draws = new Draws('x', 1, 'even');
    const tenths = new Array(10).fill(0);
    for (let n = 0; n < 10_000; n += 1) tenths[Math.floor(draws.next() * 10)] += 1;
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
