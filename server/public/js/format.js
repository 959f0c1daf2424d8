// @ts-check
/** Numbers, amounts of money, times and durations in the language of the page. */

import { fill, locale, texts } from './language.js';

/**
 * The page is drawn ten times a second, and a formatter of Intl costs more than what it formats.
 * @template Options
 * @template Formatter
 * @param {(locale: string, options: Options) => Formatter} create
 * @returns {(options: Options) => Formatter}
 */
function kept(create) {
  /** @type {Map<string, Formatter>} */
  const formatters = new Map();
  return (options) => {
    const key = locale + JSON.stringify(options);
    const formatter = formatters.get(key) ?? create(locale, options);
    formatters.set(key, formatter);
    return formatter;
  };
}

const numbers = kept(
  (locale, /** @type {Intl.NumberFormatOptions} */ options) =>
    new Intl.NumberFormat(locale, options),
);
const lists = kept(
  (locale, /** @type {Intl.ListFormatOptions} */ options) => new Intl.ListFormat(locale, options),
);
const distances = kept(
  (locale, /** @type {Intl.RelativeTimeFormatOptions} */ options) =>
    new Intl.RelativeTimeFormat(locale, options),
);
const times = kept(
  (locale, /** @type {Intl.DateTimeFormatOptions} */ options) =>
    new Intl.DateTimeFormat(locale, options),
);

const categories = kept(
  (locale, /** @type {Intl.PluralRulesOptions} */ options) => new Intl.PluralRules(locale, options),
);

/** @param {number} value */
export function count(value) {
  return numbers({}).format(value);
}

/**
 * @param {import('./language.js').Forms} forms
 * @param {number} number
 * @param {Readonly<Record<string, string>>} [values] besides `count`
 */
export function plural(forms, number, values = {}) {
  const form = forms[categories({}).select(number)] ?? forms.other;
  return fill(form, { ...values, count: count(number) });
}

/**
 * @param {number} value
 * @param {number} digits after the decimal separator, at least
 */
export function decimal(value, digits = 0) {
  return numbers({ minimumFractionDigits: digits, maximumFractionDigits: 12 }).format(value);
}

/**
 * @param {number} share from 0 to 1
 * @param {number} digits after the decimal separator
 */
export function percent(share, digits) {
  return numbers({
    style: 'percent',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(share);
}

/** @param {number} value */
export function twoDigits(value) {
  return numbers({ minimumIntegerDigits: 2, useGrouping: false }).format(value);
}

/**
 * "3 days", or "3 d" if it has to be short.
 * @param {number} value
 * @param {'day' | 'hour' | 'minute' | 'second'} unit
 * @param {'long' | 'short'} unitDisplay
 */
export function duration(value, unit, unitDisplay) {
  return numbers({ style: 'unit', unit, unitDisplay }).format(value);
}

/** @param {readonly string[]} durations the largest unit first */
export function joinDurations(durations) {
  return lists({ type: 'unit', style: 'narrow' }).format(durations);
}

/**
 * "in 5 seconds"
 * @param {number} value
 * @param {'hour' | 'minute' | 'second'} unit
 */
export function fromNow(value, unit) {
  return distances({}).format(value, unit);
}

/** @param {string} amount decimal string */
export function isFree(amount) {
  return !/[1-9]/.test(amount);
}

/**
 * Shows as many decimals as the shop sends: the number of the currency. For some currencies browsers
 * use another number.
 * @param {string} amount decimal string, as the API sends it
 * @param {string} currency ISO 4217
 */
export function money(amount, currency) {
  if (isFree(amount)) return texts.free;
  const digits = amount.split('.')[1]?.length ?? 0;
  try {
    return numbers({
      style: 'currency',
      currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      // The amount stays a string: as a number, a large amount would be rounded.
    }).format(/** @type {Intl.StringNumericLiteral} */ (amount));
  } catch {
    return `${amount} ${currency}`; // a currency code that the browser does not know
  }
}

/** @param {string} iso */
export function moment(iso) {
  return times({ dateStyle: 'full', timeStyle: 'short' }).format(new Date(iso));
}

/** @param {string} iso */
export function timeOfDay(iso) {
  return times({ timeStyle: 'medium' }).format(new Date(iso));
}

/**
 * A moment of today as its time of day, and of any other day with its date.
 * @param {string} iso
 * @param {number} nowMs the shop's time
 */
export function dayAndTime(iso, nowMs) {
  const at = new Date(iso);
  if (at.toDateString() === new Date(nowMs).toDateString()) return timeOfDay(iso);
  return times({ dateStyle: 'medium', timeStyle: 'short' }).format(at);
}

/**
 * "2 × Television"
 * @param {number} quantity
 * @param {string} title
 */
export function several(quantity, title) {
  return quantity === 1 ? title : fill('{count} × {title}', { count: count(quantity), title });
}

/** The available illustrations, each with the words in the SKU or its title that select it. */
const PICTURES = /** @type {const} */ ([
  ['tv', /\b(tv|television|screen)\b/i],
  ['phone', /\b(phone|smartphone|mobile)\b/i],
  ['clothes', /\b(clothes|clothing|jacket|shirt|coat|hoodie)\b/i],
]);

/**
 * @param {string} sku
 * @param {string} title
 * @returns {'tv' | 'phone' | 'clothes' | 'product'}
 */
export function pictureOf(sku, title) {
  const words = `${sku} ${title}`.replaceAll(/[_-]/g, ' ');
  return PICTURES.find(([, pattern]) => pattern.test(words))?.[0] ?? 'product';
}
