import * as dinero from 'dinero.js/currencies';

/**
 * Rules for money by currency. Prices, amounts, callbacks and providers all use them. Amounts are
 * decimal strings, or integers in minor units for arithmetic; never floating point. The installer
 * copies these rules to the database (`catalog.currency`).
 */

export interface Currency {
  /** ISO 4217. */
  readonly code: string;
  /** Digits after the decimal point, by ISO 4217. */
  readonly digits: number;
  /**
   * The limits of one payment that every provider accepts, in minor units; undefined when at least
   * one provider does not support the currency.
   */
  readonly payable?: { readonly least: bigint; readonly step: bigint; readonly most: bigint };
}

/** An amount as a provider reports it: digits with an optional decimal point. */
export const AMOUNT_PATTERN = '^[0-9]{1,18}(\\.[0-9]{1,9})?$';

/*
 * Stripe's rules for currencies (docs.stripe.com/currencies). Stripe's minor units differ from ISO
 * 4217 for some currencies.
 */

/** Currencies in which Stripe charges cards. */
const STRIPE = new Set(
  `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF
   CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF
   IDR ILS INR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT
   MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF
   SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SZL THB TJS TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV
   WST XAF XCD XCG XOF XPF YER ZAR ZMW`.split(/\s+/),
);
const STRIPE_WITHOUT_DECIMALS = new Set(
  'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '),
);
const STRIPE_THREE_DECIMALS = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND']);
/** The last digit of these amounts must be 0. */
const STRIPE_STEP_OF_THREE_DECIMALS = 10n;
/** These currencies have no decimals, but Stripe expects two digits, both 0. */
const STRIPE_PADDED = new Set(['ISK', 'UGX']);
const STRIPE_MOST = 99_999_999n;
const STRIPE_MOST_IDR = 999_999_999_999n;
/**
 * Smallest charges, as decimals. For other currencies the minimum depends on the day's exchange
 * rate to the account's own currency.
 */
const STRIPE_LEAST: Readonly<Record<string, string>> = {
  AED: '2.00',
  AUD: '0.50',
  BGN: '1.00',
  BRL: '0.50',
  CAD: '0.50',
  CHF: '0.50',
  CZK: '15.00',
  DKK: '2.50',
  EUR: '0.50',
  GBP: '0.30',
  HKD: '4.00',
  HUF: '175.00',
  INR: '0.50',
  JPY: '50',
  MXN: '10.00',
  MYR: '2.00',
  NOK: '3.00',
  NZD: '0.50',
  PLN: '2.00',
  RON: '2.00',
  SEK: '3.00',
  SGD: '0.50',
  THB: '10.00',
  USD: '0.50',
};

/** How many digits of Stripe's integer amounts stand after the decimal point. */
export function stripeDigits(code: string): number {
  if (STRIPE_WITHOUT_DECIMALS.has(code)) return 0;
  return STRIPE_THREE_DECIMALS.has(code) ? 3 : 2;
}

function stripeLimits(code: string, digits: number): Pick<Currency, 'payable'> {
  if (!STRIPE.has(code)) return {};
  // Both sides count minor units, but Stripe may have more or fewer digits than ISO 4217.
  const scale = 10n ** BigInt(Math.abs(digits - stripeDigits(code)));
  const isFiner = digits > stripeDigits(code);
  const toIso = (units: bigint) => (isFiner ? units * scale : units / scale);
  let stripeStep = 1n;
  if (STRIPE_THREE_DECIMALS.has(code)) stripeStep = STRIPE_STEP_OF_THREE_DECIMALS;
  else if (STRIPE_PADDED.has(code)) stripeStep = scale;
  const step = toIso(stripeStep);
  const most = toIso(code === 'IDR' ? STRIPE_MOST_IDR : STRIPE_MOST);
  const least = parse(STRIPE_LEAST[code] ?? '', digits) ?? step;
  return { payable: { least, step, most: most - (most % step) } };
}

/**
 * Every currency of ISO 4217 that has a minor unit. ISO 4217 gives two digits even where the minor
 * unit is a fifth of the unit.
 */
export const CURRENCIES: ReadonlyMap<string, Currency> = new Map(
  Object.values(dinero).map(({ code, base, exponent }) => {
    const digits = Number(base) === 10 ? Number(exponent) : 2;
    return [code, { code, digits, ...stripeLimits(code, digits) }];
  }),
);

/** In minor units; undefined when `amount` is not a number or needs more than `digits` digits. */
function parse(amount: string, digits: number): bigint | undefined {
  const [, whole = '', fraction = ''] = /^([0-9]+)(?:\.([0-9]+))?$/.exec(amount) ?? [];
  const [kept, rest] = [fraction.slice(0, digits).padEnd(digits, '0'), fraction.slice(digits)];
  return whole === '' || /[1-9]/.test(rest) ? undefined : BigInt(whole + kept);
}

/**
 * Converts a decimal string to minor units.
 *
 * @throws {RangeError} when `amount` is not a number or needs more than `digits` digits, such as
 *   9.90 without decimals
 */
export function toUnits(amount: string, digits: number): bigint {
  const units = parse(amount, digits);
  if (units === undefined) throw new RangeError(`${amount} has no ${digits} digits`);
  return units;
}

/** Converts `units`, which count in `10 ** -digits`, to a decimal string. */
export function fromUnits(units: bigint, digits: number): string {
  const text = String(units).padStart(digits + 1, '0');
  const point = text.length - digits;
  return digits === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`;
}

/** Whether two decimal strings are the same number, such as 1.23 and 1.230. */
export function isSameAmount(one: string, other: string): boolean {
  const digits = Math.max(...[one, other].map((amount) => amount.split('.')[1]?.length ?? 0));
  const [a, b] = [parse(one, digits), parse(other, digits)];
  return a !== undefined && a === b;
}

/**
 * Returns the amount with the digits of its currency: 980.00 JPY becomes 980. An amount with a
 * finer fraction, or in an unknown currency, is returned unchanged.
 */
export function withOwnDigits(amount: string, currency: string): string {
  const digits = CURRENCIES.get(currency)?.digits;
  const units = digits === undefined ? undefined : parse(amount, digits);
  return digits === undefined || units === undefined ? amount : fromUnits(units, digits);
}
