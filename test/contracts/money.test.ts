import { describe, expect, it } from 'vitest';
import {
  AMOUNT_PATTERN,
  CURRENCIES,
  type Currency,
  fromUnits,
  isSameAmount,
  stripeDigits,
  toUnits,
  withOwnDigits,
} from '../../contracts/money.ts';
import { fromMinorUnits, toMinorUnits } from '../../payment/money.ts';
import fc from '../properties.ts';

const all = [...CURRENCIES.values()];
const payable = all.filter((currency) => currency.payable !== undefined);
const anyCurrency = fc.constantFrom(...all);
const anyUnits = fc.bigInt({ min: 0n, max: 10n ** 15n });

/** A price and a limit that the rules allow. */
const passing = fc
  .record({
    currency: fc.constantFrom(...(payable as Required<Currency>[])),
    limit: fc.bigInt({ min: 1n, max: 100n }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ currency, limit, share }) => {
    const { least, step, most } = currency.payable;
    const room = (most / limit - least) / step;
    const price = least + step * BigInt(Math.floor(Number(room) * share));
    return { currency, limit, price };
  });

describe('the list of currencies', () => {
  it('has the minor units of ISO 4217', () => {
    expect(all.length).toBeGreaterThan(150);
    const digits = Object.groupBy(all, (currency) => String(currency.digits));
    const codes = (key: string) =>
      digits[key]
        ?.map(({ code }) => code)
        .toSorted()
        .join(' ');
    expect(codes('0')).toBe('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF');
    expect(codes('3')).toBe('BHD IQD JOD KWD LYD OMR TND');
    expect(codes('4')).toBe('CLF UYW');
    expect(Object.keys(digits)).toEqual(['0', '2', '3', '4']);
    expect([CURRENCIES.get('MGA')?.digits, CURRENCIES.get('MRU')?.digits]).toEqual([2, 2]);
  });

  it.each([
    ['EUR', 50n, 1n, 99_999_999n],
    ['JPY', 50n, 1n, 99_999_999n],
    ['KWD', 10n, 10n, 99_999_990n],
    ['ISK', 1n, 1n, 999_999n],
    ['UGX', 1n, 1n, 999_999n],
    ['MGA', 100n, 100n, 9_999_999_900n],
    ['IDR', 1n, 1n, 999_999_999_999n],
  ])('%s is paid from %i in steps of %i up to %i of its minor unit', (code, least, step, most) => {
    expect(CURRENCIES.get(code)?.payable).toEqual({ least, step, most });
  });

  it('knows every currency of Stripe', () => {
    expect(payable.length).toBeGreaterThan(130);
  });
});

describe('amounts', () => {
  it('survive conversion to minor units and back, in every currency', () => {
    fc.assert(
      fc.property(anyCurrency, anyUnits, ({ code, digits }, units) => {
        const amount = fromUnits(units, digits);
        expect(toUnits(amount, digits)).toBe(units);
        expect(amount.split('.')[1]?.length ?? 0).toBe(digits);
        expect(withOwnDigits(amount, code)).toBe(amount);
        expect(amount).toMatch(new RegExp(AMOUNT_PATTERN));
      }),
    );
  });

  it('are equal with any number of trailing zeros, and differ from other numbers', () => {
    fc.assert(
      fc.property(anyCurrency, anyUnits, fc.nat(4), ({ code, digits }, units, zeros) => {
        const amount = fromUnits(units, digits);
        const longer = `${digits === 0 && zeros > 0 ? `${amount}.` : amount}${'0'.repeat(zeros)}`;
        expect(isSameAmount(amount, longer)).toBe(true);
        expect(isSameAmount(longer, fromUnits(units + 1n, digits))).toBe(false);
        expect(withOwnDigits(longer, code)).toBe(amount);
      }),
    );
  });

  it.each(['', '-1', '1e3', ' 1', '1.', '.5', '0x10', '١', 'NaN', '1,5'])('%j is none', (text) => {
    expect(isSameAmount(text, text)).toBe(false);
    expect(() => toUnits(text, 2)).toThrow(RangeError);
    expect(text).not.toMatch(new RegExp(AMOUNT_PATTERN));
  });

  it('finer than the currency are left unchanged', () => {
    expect(withOwnDigits('980.50', 'JPY')).toBe('980.50');
    expect(withOwnDigits('1.5', 'XYZ')).toBe('1.5');
    expect(() => toUnits('9.90', 0)).toThrow(RangeError);
  });
});

describe('a valid price', () => {
  it('can be paid through Stripe for every quantity up to the limit', () => {
    fc.assert(
      fc.property(passing, fc.nat(99), ({ currency, limit, price }, n) => {
        const { code, digits } = currency;
        const amount = fromUnits(price * (1n + (BigInt(n) % limit)), digits);
        const units = toMinorUnits(amount, code);
        expect(isSameAmount(fromMinorUnits(units, code), amount)).toBe(true);
        expect(units).toBeGreaterThan(0);
        expect(String(units).length).toBeLessThanOrEqual(code === 'IDR' ? 12 : 8);
        if (stripeDigits(code) === 3) expect(units % 10).toBe(0);
        if (code === 'ISK' || code === 'UGX') expect(units % 100).toBe(0);
      }),
    );
  });
});
