// @ts-check
/**
 * The language of the page: which languages there are, which of them a shopper reads, and the messages
 * in it. The HTML is the same for all shoppers, because the edge keeps one copy of it. The browser
 * therefore chooses the language.
 */

import { loadLate } from './late.js';
import { recall, remember } from './store.js';

/** Each language in its own words. Its messages are in `languages/<tag>.js`. The HTML has the first. */
export const LANGUAGES = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  fr: 'Français',
  'zh-Hans': '简体中文',
  ja: '日本語',
  ar: 'العربية',
};
const RIGHT_TO_LEFT = ['ar'];
/** Where the browser remembers the language that the shopper chose. */
const CHOICE = 'flashsale.language';
const PLACEHOLDER = /\{(\w+)\}/g;
/** Hebrew, Arabic and the scripts beside them. */
const RIGHT_TO_LEFT_LETTER = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/**
 * @typedef {typeof import('../languages/en.js').default} Texts all messages, with the words of English
 * @typedef {{ readonly other: string, readonly [category: string]: string }} Forms a message by plural
 *   category
 */
/**
 * The same messages in another language.
 * @template T
 * @typedef {T extends string ? string : T extends Forms ? Forms
 *   : { readonly [Key in keyof T]: Translated<T[Key]> }} Translated
 */
/**
 * @template {string} T
 * @typedef {T extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholders<Rest> : never}
 *   Placeholders
 */

/** @type {keyof typeof LANGUAGES} */
export let language = 'en';
/** For Intl: the shopper's own variant of the language, such as `de-AT`, if the browser names one. */
export let locale = 'en';
/** @type {Texts} set by the first `speak` */
export let texts;

/**
 * The page is drawn ten times a second, and this costs more than all else of the choice of a text.
 * @type {Map<string, { language: string, script: string | undefined }>}
 */
const likelyOf = new Map();

/** @param {string} tag */
function likely(tag) {
  const known = likelyOf.get(tag);
  if (known !== undefined) return known;
  const found = maximized(tag);
  likelyOf.set(tag, found);
  return found;
}

/** @param {string} tag */
function maximized(tag) {
  try {
    const { language, script } = new Intl.Locale(tag).maximize();
    return { language, script };
  } catch {
    return { language: tag, script: undefined }; // not a language tag
  }
}

/**
 * Returns the first wanted language that is available, also as another regional variant. The same
 * language in another script is taken only if nothing else fits: `zh-Hans` is no better than English
 * for a reader of `zh-Hant` and English.
 * @template {string} Tag
 * @param {readonly Tag[]} available
 * @param {readonly string[]} wanted best first
 * @returns {Tag | undefined}
 */
export function pickLanguage(available, wanted) {
  /** @param {typeof isVariant} fits */
  const first = (fits) =>
    wanted
      .map(
        (want) => available.find((has) => has === want) ?? available.find((has) => fits(has, want)),
      )
      .find((tag) => tag !== undefined);
  return first(isVariant) ?? first((has, want) => likely(has).language === likely(want).language);
}

/**
 * Whether two tags name the same language in the same script.
 * @param {string} one
 * @param {string} other
 */
function isVariant(one, other) {
  const [a, b] = [likely(one), likely(other)];
  return a.language === b.language && a.script === b.script;
}

/** The language of the page for this shopper: the one chosen on the page, or the browser's. */
export function preferredLanguage() {
  const choice = recall(CHOICE);
  const wanted = choice === null ? navigator.languages : [choice, ...navigator.languages];
  return pickLanguage(tagsOf(LANGUAGES), wanted) ?? 'en';
}

/** @param {string} tag */
export function rememberLanguage(tag) {
  remember(CHOICE, tag);
}

/**
 * Loads the messages of a language and makes it the language of the page.
 * @param {keyof typeof LANGUAGES} tag
 * @param {readonly string[]} [variants] that the browser names
 */
export async function speak(tag, variants = navigator.languages) {
  const loaded = await loadLate(new URL(`../languages/${tag}.js`, import.meta.url).href);
  language = tag;
  locale = variants.find((each) => isVariant(each, tag)) ?? tag;
  texts = loaded.default;
}

export function direction() {
  return RIGHT_TO_LEFT.includes(language) ? 'rtl' : 'ltr';
}

/**
 * Returns a text of the sale in the shopper's language, or in the best other one that there is.
 * `language` is undefined if the shop does not say which one it is.
 * @param {Readonly<Record<string, string>> | undefined} byLanguage
 * @param {string | undefined} first the language of the sale that is used where nothing fits
 * @param {string} otherwise the text in that language
 * @returns {{ text: string, language: string | undefined }}
 */
export function textIn(byLanguage, first, otherwise) {
  const wanted = [language, ...navigator.languages, ...(first === undefined ? [] : [first])];
  const tag = pickLanguage(tagsOf(byLanguage ?? {}), wanted);
  const text = tag && byLanguage?.[tag];
  return text ? { text, language: tag } : { text: otherwise, language: first };
}

/**
 * @typedef {object} Presentation what shoppers see of a sale or a SKU, by language
 * @property {readonly string[]} [languages] of a sale
 * @property {Readonly<Record<string, string>>} [title]
 * @property {Readonly<Record<string, string>>} [description]
 * @property {import('./picture.js').Picture} [picture]
 */
/**
 * @param {{ title: string, presentation?: Presentation }} named a sale or a SKU
 * @param {string | undefined} first
 */
export function titleIn({ title, presentation }, first) {
  return textIn(presentation?.title, first, title);
}

/**
 * Puts values into the places of a message. A value that may run in the other direction is isolated, so
 * that it does not change the order of the words around it.
 * @template {string} Template
 * @param {Template} template
 * @param {Readonly<Record<Placeholders<Template>, string>>} values
 */
export function fill(template, values) {
  /** @type {Readonly<Record<string, string>>} */
  const given = values;
  return template.replaceAll(PLACEHOLDER, (_, name) => isolate(given[name] ?? ''));
}

/** @param {string} value */
function isolate(value) {
  const isMixed = direction() === 'rtl' || RIGHT_TO_LEFT_LETTER.test(value);
  return isMixed ? `\u2068${value}\u2069` : value;
}

/**
 * @template {object} T
 * @param {T} record
 */
function tagsOf(record) {
  return /** @type {(keyof T & string)[]} */ (Object.keys(record));
}
