import * as dinero from 'dinero.js/currencies';

/**
 * Money, by currency: the one rule for prices, amounts, callbacks and providers. Amounts are decimal
 * strings, and integers of the minor unit where they are computed; never floating point. The database has
 * a copy of the rule (`catalog.currency`), which the installer writes.
 */

export interface Currency {
  /** ISO 4217. */
  readonly code: string;
  /** Digits after the point, by ISO 4217. */
  readonly digits: number;
  /**
   * What every provider takes in one payment, in minor units; undefined where some provider takes
   * nothing in this currency.
   */
  readonly payable?: { readonly least: bigint; readonly step: bigint; readonly most: bigint };
}

/** An amount that a provider reports: digits, and a point in between. */
export const AMOUNT_PATTERN = '^[0-9]{1,18}(\\.[0-9]{1,9})?$';

/*
 * What Stripe says of currencies (docs.stripe.com/currencies). It counts in minor units of its own.
 */

/** Currencies that it charges cards in. */
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
/** Their last digit has to be 0. */
const STRIPE_STEP_OF_THREE_DECIMALS = 10n;
/** Without decimals, but written with two that are 0. */
const STRIPE_PADDED = new Set(['ISK', 'UGX']);
const STRIPE_MOST = 99_999_999n;
const STRIPE_MOST_IDR = 999_999_999_999n;
/** Smallest charges, as decimals. Others depend on the rate of the day to the account's own currency. */
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

/** Digits after the point in the integers of Stripe. */
export function stripeDigits(code: string): number {
  if (STRIPE_WITHOUT_DECIMALS.has(code)) return 0;
  return STRIPE_THREE_DECIMALS.has(code) ? 3 : 2;
}

function stripeLimits(code: string, digits: number): Pick<Currency, 'payable'> {
  if (!STRIPE.has(code)) return {};
  // Both in minor units; a currency may have more of them in Stripe than in ISO 4217, or fewer.
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
 * Every currency of ISO 4217 that has a minor unit. Where that is a fifth of the unit, ISO 4217 says two
 * digits all the same.
 */
export const CURRENCIES: ReadonlyMap<string, Currency> = new Map(
  Object.values(dinero).map(({ code, base, exponent }) => {
    const digits = Number(base) === 10 ? Number(exponent) : 2;
    return [code, { code, digits, ...stripeLimits(code, digits) }];
  }),
);

/** Minor units; undefined for what is no amount with so many digits. */
function parse(amount: string, digits: number): bigint | undefined {
  const [, whole = '', fraction = ''] = /^([0-9]+)(?:\.([0-9]+))?$/.exec(amount) ?? [];
  const [kept, rest] = [fraction.slice(0, digits).padEnd(digits, '0'), fraction.slice(digits)];
  return whole === '' || /[1-9]/.test(rest) ? undefined : BigInt(whole + kept);
}

/** @throws {RangeError} it is no amount, or of a finer fraction: 9.90 without decimals */
export function toUnits(amount: string, digits: number): bigint {
  const units = parse(amount, digits);
  if (units === undefined) throw new RangeError(`${amount} has no ${digits} digits`);
  return units;
}

/** Decimal string of integers that count in `10 ** -digits`. */
export function fromUnits(units: bigint, digits: number): string {
  const text = String(units).padStart(digits + 1, '0');
  const point = text.length - digits;
  return digits === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`;
}

/** Whether two decimal strings are the same number: 1.23 and 1.230. */
export function isSameAmount(one: string, other: string): boolean {
  const digits = Math.max(...[one, other].map((amount) => amount.split('.')[1]?.length ?? 0));
  const [a, b] = [parse(one, digits), parse(other, digits)];
  return a !== undefined && a === b;
}

/**
 * The same amount with the currency's own digits: 980.00 JPY is 980. What is finer, or of a currency that
 * is not known, stays as it is.
 */
export function withOwnDigits(amount: string, currency: string): string {
  const digits = CURRENCIES.get(currency)?.digits;
  const units = digits === undefined ? undefined : parse(amount, digits);
  return digits === undefined || units === undefined ? amount : fromUnits(units, digits);
}
