import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Costs, homesOfOneCore, PARTS, type Part, predict } from '../../bench/scale/model.ts';
import { summarise } from '../../bench/scale/rounds.ts';

/** The arithmetic of the benchmark of homes. */

const cost = fc.record({
  orderUs: fc.double({ min: 1, max: 200, noNaN: true }),
  idleCores: fc.double({ min: 0, max: 0.005, noNaN: true }),
});
const parts = fc.record(
  Object.fromEntries(PARTS.map((part) => [part, cost])) as Record<Part, typeof cost>,
);

const costsOf = (home: Costs['home'], of: Costs['parts']): Costs => ({
  share: 0.1,
  ...{ home, parts: of, worker: { orderUs: 15, idleCores: 0.01 } },
  ...{
    sessions: { webNode: 4, others: 20, most: 200 },
    list: { askingUs: 100, homeUs: 400 },
    changeMs: 10,
  },
});

describe('the model', () => {
  it('has as many web nodes as the orders need, and grows linearly if they cost the homes nothing', () => {
    fc.assert(
      fc.property(cost, parts, fc.constantFrom(1, 2, 4, 16, 64), (home, of, homes) => {
        const costs = costsOf({ ...home, idleCoresOfWebNode: 0 }, of);
        const one = predict(costs, 1);
        const many = predict(costs, homes);
        expect(many.ordersPerSecond).toBeCloseTo(homes * one.ordersPerSecond, 3);
        expect(many.cores['web nodes']).toBeLessThanOrEqual(many.webNodes * 0.7 + 1e-9);
      }),
    );
  });

  it('takes from each home what further web nodes ask it', () => {
    fc.assert(
      fc.property(cost, parts, (home, of) => {
        const free = costsOf({ ...home, idleCoresOfWebNode: 0 }, of);
        const asked = costsOf({ ...home, idleCoresOfWebNode: 0.001 }, of);
        for (const homes of [16, 64]) {
          const { ordersPerSecond, webNodes } = predict(asked, homes);
          const lost = predict(free, homes).ordersPerSecond - ordersPerSecond;
          const share = ((webNodes - 2) * 0.001 * 1e6) / home.orderUs;
          expect(lost).toBeCloseTo(homes * Math.min(share, predict(free, 1).ordersPerSecond), 3);
        }
      }),
    );
  });

  it('finds the homes with which a part fills a core', () => {
    const of = { orderUs: 50, idleCores: 0.005 };
    const home = { orderUs: 45, idleCores: 0.01, idleCoresOfWebNode: 0 };
    const all = Object.fromEntries(PARTS.map((part) => [part, of])) as Costs['parts'];
    // (0.1 − 0.01) cores ÷ 45 µs = 2,000 orders/s, at 50 µs a tenth of a core.
    expect(predict(costsOf(home, all), 1).ordersPerSecond).toBeCloseTo(2_000);
    expect(homesOfOneCore(costsOf(home, all), 'broker')).toBeCloseTo(1 / 0.105);
  });
});

it('homes are compared with one home of the same round', () => {
  const run = (count: 1 | 2 | 4, ordersPerSecond: number) => ({
    ...{ count, ordersPerSecond, shareUsed: 1, cpuUs: {} },
  });
  const round = (pace: number) => [run(1, pace), run(2, 2 * pace), run(4, 3 * pace), run(1, pace)];
  const [, two, four] = summarise([round(100), round(300)]);
  expect([two?.ofLinear, four?.ofLinear].map((one) => one?.median)).toEqual([1, 0.75]);
  expect(four?.ordersPerSecond).toEqual({ least: 300, median: 600, most: 900 });
});
