/** Amounts as Stripe counts them: integers of the smallest unit. Pure, without floating point. */

const WITHOUT_DECIMALS = new Set(
  'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '),
);
const THREE_DECIMALS = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND']);

function decimalsOf(currency: string): number {
  if (WITHOUT_DECIMALS.has(currency)) return 0;
  return THREE_DECIMALS.has(currency) ? 3 : 2;
}

/** @throws {RangeError} the currency has no such fraction: 9.90 yen */
export function toMinorUnits(amount: string, currency: string): number {
  const [whole = '', fraction = ''] = amount.split('.');
  const decimals = decimalsOf(currency);
  const kept = fraction.slice(0, decimals).padEnd(decimals, '0');
  const units = Number(`${whole}${kept}`);
  if (!/^0*$/.test(fraction.slice(decimals)) || !Number.isSafeInteger(units)) {
    throw new RangeError(`${amount} ${currency} cannot be paid`);
  }
  return units;
}

/** Decimal string. */
export function fromMinorUnits(units: number, currency: string): string {
  const decimals = decimalsOf(currency);
  const digits = String(units).padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  return decimals === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
}
