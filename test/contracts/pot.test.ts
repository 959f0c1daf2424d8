import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { CURRENCIES, fromUnits, toUnits } from '../../contracts/money.ts';
import {
  type Division,
  divide,
  PACKETS_MAX,
  potHash,
  potProblem,
  potText,
  type RandomBelow,
} from '../../contracts/pot.ts';
import fc from '../properties.ts';

/** A source whose numbers come from a seed, or are always the lowest or the highest. */
const randomBy = fc.oneof(
  fc.constantFrom<RandomBelow>(
    () => 0,
    (below) => below - 1,
  ),
  fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })).map(
    (stream): RandomBelow =>
      (below) =>
        Math.floor((stream.next().value ?? 0) * below),
  ),
);
const currency = fc.constantFrom(...CURRENCIES.values());
const sizes = fc
  .record({
    packets: fc.integer({ min: 1, max: 60 }),
    more: fc.bigInt({ min: 0n, max: 10n ** 13n }),
  })
  .map(({ packets, more }) => ({ packets, total: BigInt(packets) + more }));

it('every division adds up to the pot, and each packet has the smallest unit or more', () => {
  fc.assert(
    fc.property(
      currency,
      sizes,
      fc.constantFrom('random', 'equal'),
      randomBy,
      (of, size, how, by) => {
        const { code, digits } = of;
        const pot = {
          amount: fromUnits(size.total, digits),
          packets: size.packets,
          division: how as Division,
        };
        const amounts = divide(pot, digits, by);
        const units = amounts.map((one) => toUnits(one, digits));
        expect(amounts, code).toHaveLength(size.packets);
        expect(units.reduce((sum, one) => sum + one, 0n)).toBe(size.total);
        expect(units.every((one) => one >= 1n)).toBe(true);
        // As people write it: with the digits of the currency, no more and no fewer.
        for (const one of amounts) expect(one.split('.')[1]?.length ?? 0).toBe(digits);
        if (how === 'equal') {
          const sorted = units.toSorted((a, b) => Number(a - b));
          expect((sorted.at(-1) ?? 0n) - (sorted[0] ?? 0n)).toBeLessThanOrEqual(1n);
        }
      },
    ),
  );
});

it('a random packet is below twice the mean of what remains', () => {
  fc.assert(
    fc.property(sizes, randomBy, ({ packets, total }, by) => {
      // The packets in the order in which they are drawn: the shuffle is given numbers that leave it.
      let drawn = 0;
      const inOrder: RandomBelow = (below) => {
        drawn += 1;
        return drawn < packets ? by(below) : below - 1;
      };
      const pot = { amount: String(total), packets, division: 'random' as const };
      let left = total;
      divide(pot, 0, inOrder).forEach((one, at) => {
        const rest = BigInt(packets - at);
        if (rest > 1n) expect(BigInt(one) * rest).toBeLessThan(2n * left);
        left -= BigInt(one);
      });
      expect(left).toBe(0n);
    }),
  );
});

it('packets have the same expected value, whichever is drawn first', () => {
  let seed = 7;
  const by: RandomBelow = (below) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const rounds = 20_000;
  const sums = [0, 0, 0, 0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const pot = { amount: '5.00', packets: 5, division: 'random' as const };
    divide(pot, 2, by).forEach((one, at) => {
      sums[at] = (sums[at] ?? 0) + Number(one);
    });
  }
  for (const sum of sums) expect(sum / rounds).toBeCloseTo(1, 1);
});

it('a list keeps its amounts, in another order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: 1n, max: 9_999n }), { minLength: 1, maxLength: 40 }),
      randomBy,
      (units, by) => {
        const list = units.map((one) => fromUnits(one, 2));
        const amount = fromUnits(
          units.reduce((sum, one) => sum + one, 0n),
          2,
        );
        const pot = { amount, packets: list.length, division: list };
        expect(divide(pot, 2, by).toSorted()).toEqual(list.toSorted());
      },
    ),
  );
});

it.each([
  [{ amount: '0.04', packets: 5, division: 'equal' }, 2, 'amount'],
  [{ amount: '1.005', packets: 5, division: 'random' }, 2, 'amount'],
  [{ amount: '10.5', packets: 5, division: 'random' }, 0, 'amount'],
  [{ amount: '999999.00', packets: PACKETS_MAX + 1, division: 'equal' }, 2, 'packets'],
  [{ amount: '3.00', packets: 2, division: ['1.00', '1.00', '1.00'] }, 2, 'division'],
  [{ amount: '3.00', packets: 2, division: ['3.00', '0.00'] }, 2, 'division'],
  [{ amount: '3.00', packets: 2, division: ['1.00', '2.01'] }, 2, 'division'],
  [{ amount: '3.00', packets: 2, division: ['1.001', '1.999'] }, 2, 'division'],
  [{ amount: '3', packets: 2, division: ['1.5', '1.5'] }, 0, 'division'],
] as const)('a pot that cannot be divided is named: %j, %i digits', (pot, digits, key) => {
  expect(potProblem(pot, digits)).toMatchObject({ key });
  expect(() => divide(pot, digits, () => 0)).toThrow(RangeError);
});

it('the hash is that of the salt and the amounts, a line each', () => {
  const [salt, amounts] = ['5a'.repeat(32), ['3.42', '0.01']];
  expect(potText(salt, amounts)).toBe(`${salt}\n3.42\n0.01\n`);
  const hash = createHash('sha256').update(`${salt}\n3.42\n0.01\n`).digest('hex');
  expect(potHash(salt, amounts)).toBe(hash);
  expect(potHash(salt, amounts.toReversed())).not.toBe(hash);
});
