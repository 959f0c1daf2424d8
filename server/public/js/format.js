// @ts-check
/**
 * Amounts of money and times in the language of the page. If the browser names a regional variant of
 * that language, the variant is used.
 */

const PAGE = globalThis.document?.documentElement.lang;
const LANGUAGE = PAGE && (navigator.languages.find((each) => each.startsWith(`${PAGE}-`)) ?? PAGE);

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
  if (isFree(amount)) return 'Free';
  const digits = amount.split('.')[1]?.length ?? 0;
  try {
    return new Intl.NumberFormat(LANGUAGE, {
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
  return new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'full', timeStyle: 'short' }).format(
    new Date(iso),
  );
}

/** @param {string} iso */
export function timeOfDay(iso) {
  return new Intl.DateTimeFormat(LANGUAGE, { timeStyle: 'medium' }).format(new Date(iso));
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
