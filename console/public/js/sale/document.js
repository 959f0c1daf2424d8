// @ts-check
/**
 * The values of the form, and the sale file that they stand for. Pure. The form holds texts, as people type
 * them. The file leaves out what is empty, so that the console tells what is missing.
 */

/**
 * @typedef {Record<string, string>} Words a text by language
 * @typedef {{ url: string, alt: Words }} PictureForm
 *
 * @typedef {{ amount: string, packets: string, division: string }} PotForm `division`: random, equal, or amounts with
 *   blanks between them
 *
 * @typedef {object} SkuForm
 * @property {string} sku
 * @property {Words} title
 * @property {Words} description
 * @property {string} price
 * @property {string} currency
 * @property {string} limit
 * @property {string} units
 * @property {string} quota
 * @property {string} keep
 * @property {string} home
 * @property {string} goods empty: units of a stock
 * @property {string} zone of daily goods
 * @property {PotForm} pot of amounts
 * @property {string} seats of numbered goods: a line such as `12: 1-40` for each row, or a line for each label
 * @property {string} singles
 * @property {PictureForm} picture
 *
 * @typedef {object} SaleForm
 * @property {string} sale
 * @property {string[]} languages the main one first
 * @property {Words} title
 * @property {Words} description
 * @property {string} opens a time with its zone, or such as `in 15m`
 * @property {string} closes
 * @property {string} payWindow
 * @property {string} launch
 * @property {{ accent: string, background: string, text: string }} colors
 * @property {PictureForm} logo
 * @property {SkuForm[]} skus
 */

export const LANGUAGES = {
  en: 'English',
  de: 'German',
  es: 'Spanish',
  fr: 'French',
  'zh-Hans': 'Chinese, simplified',
  ja: 'Japanese',
  ar: 'Arabic',
};
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** @returns {SkuForm} */
export function newSku() {
  return {
    sku: '',
    title: {},
    description: {},
    price: '',
    currency: 'EUR',
    limit: '1',
    units: '',
    quota: '',
    keep: '',
    home: 'hot',
    goods: '',
    zone: '',
    pot: { amount: '', packets: '', division: '' },
    seats: '',
    singles: '',
    picture: { url: '', alt: {} },
  };
}

/**
 * A sale that opens tomorrow at the next full hour, for a day.
 * @param {number} nowMs
 * @returns {SaleForm}
 */
export function newSale(nowMs) {
  const opensMs = Math.ceil(nowMs / HOUR_MS) * HOUR_MS + DAY_MS;
  const text = (/** @type {number} */ ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  return {
    sale: '',
    languages: ['en'],
    title: {},
    description: {},
    opens: text(opensMs),
    closes: text(opensMs + DAY_MS),
    payWindow: '15m',
    launch: '',
    colors: { accent: '', background: '', text: '' },
    logo: { url: '', alt: {} },
    skus: [newSku()],
  };
}

/**
 * A form that the page of an earlier release has kept, with the fields that came since then.
 * @param {any} kept
 * @returns {SaleForm}
 */
export function grownForm(kept) {
  const { skus } = kept;
  return {
    ...newSale(Date.now()),
    ...kept,
    skus: skus.map((/** @type {any} */ sku) => ({ ...newSku(), ...sku })),
  };
}

/**
 * @param {any} file a sale file without errors
 * @returns {SaleForm}
 */
export function formOf(file) {
  const { title, languages = typeof title === 'string' ? ['en'] : Object.keys(title) } = file;
  /** @param {any} text one text, or one for each language */
  const words = (text) =>
    typeof text === 'string'
      ? Object.fromEntries(languages.map((/** @type {string} */ each) => [each, text]))
      : { ...text };
  /** @param {any} value */
  const plain = (value) => (value === undefined ? '' : String(value));
  /** @param {any} picture */
  const pictureOf = (picture) => ({ url: plain(picture?.url), alt: words(picture?.alt ?? {}) });
  const { accent, background, text } = file.colors ?? {};
  return {
    sale: file.sale,
    languages: [...languages],
    title: words(title),
    description: words(file.description ?? {}),
    opens: file.opens,
    closes: file.closes,
    payWindow: file.payWindow,
    launch: plain(file.launch),
    colors: { accent: plain(accent), background: plain(background), text: plain(text) },
    logo: pictureOf(file.logo),
    skus: file.skus.map((/** @type {any} */ sku) => ({
      sku: sku.sku,
      title: words(sku.title),
      description: words(sku.description ?? {}),
      price: sku.price,
      currency: sku.currency,
      limit: plain(sku.limit),
      units: plain(sku.units),
      quota: plain(sku.quota),
      keep: plain(sku.keep),
      home: sku.home ?? 'regular',
      goods: sku.goods === 'counted' ? '' : plain(sku.goods),
      zone: plain(sku.zone),
      pot: {
        amount: plain(sku.pot?.amount),
        packets: plain(sku.pot?.packets),
        division: [sku.pot?.division ?? ''].flat().join(' '),
      },
      seats: (sku.seats ?? []).map(seatsLine).join('\n'),
      singles: sku.singles === 'avoid' ? '' : plain(sku.singles),
      picture: pictureOf(sku.picture),
    })),
  };
}

/**
 * @param {SaleForm} form
 * @returns {Record<string, unknown>} the sale file
 */
export function fileOf(form) {
  const { languages } = form;
  /** @param {Words} words */
  const texts = (words) => {
    const given = languages.filter((each) => (words[each] ?? '') !== '');
    return given.length === 0
      ? undefined
      : Object.fromEntries(given.map((each) => [each, words[each]]));
  };
  /** @param {PictureForm} picture */
  const picture = ({ url, alt }) => {
    const given = texts(alt);
    return url === '' && given === undefined ? undefined : filled({ url, alt: given });
  };
  const colors = filled(form.colors);
  return filled({
    sale: form.sale,
    languages,
    title: texts(form.title),
    description: texts(form.description),
    opens: form.opens,
    closes: form.closes,
    payWindow: form.payWindow,
    launch: form.launch,
    colors: Object.keys(colors).length === 0 ? undefined : colors,
    logo: picture(form.logo),
    skus: form.skus.map((sku) =>
      filled({
        sku: sku.sku,
        title: texts(sku.title),
        description: texts(sku.description),
        price: sku.price,
        currency: sku.currency,
        limit: numberOf(sku.limit),
        units: numberOf(sku.units),
        quota: numberOf(sku.quota),
        keep: numberOf(sku.keep),
        home: sku.home,
        goods: sku.goods,
        zone: sku.zone,
        pot: potOf(sku.pot),
        seats: seatsOf(sku.seats),
        singles: sku.singles,
        picture: picture(sku.picture),
      }),
    ),
  });
}

/** @param {PotForm} pot */
function potOf({ amount, packets, division }) {
  const isWord = /^(|random|equal)$/.test(division.trim());
  const list = division.split(/[\s,;]+/).filter((one) => one !== '');
  const how = isWord ? division.trim() : list;
  const pot = filled({ amount, packets: numberOf(packets), division: how });
  return Object.keys(pot).length === 0 ? undefined : pot;
}

/** @param {string | { row: string, from: number, to: number }} one */
function seatsLine(one) {
  return typeof one === 'string' ? one : `${one.row}: ${one.from}-${one.to}`;
}

/**
 * Lines that are not all rows are labels. So a row that is written wrongly is refused with what was typed.
 * @param {string} text
 */
function seatsOf(text) {
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  if (lines.length === 0) return undefined;
  const rows = lines.map((line) => {
    const [, row, from, to] = /^(.+?)\s*:\s*(\d{1,6})\s*-\s*(\d{1,6})$/.exec(line) ?? [];
    return row === undefined ? undefined : { row, from: Number(from), to: Number(to) };
  });
  return rows.some((row) => row !== undefined) ? rows.map((row, at) => row ?? lines[at]) : lines;
}

/**
 * Without what is empty.
 * @param {Record<string, unknown>} values
 */
function filled(values) {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== ''),
  );
}

/**
 * A number, or what was typed in its place, so that the error shows it.
 * @param {string} text
 */
function numberOf(text) {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
