// @ts-check
/** Draws the form of a sale. Each letter goes into the form's values at once. */

import { find, make } from '../dom.js';
import { LANGUAGES, newSku } from './document.js';
import { choice, color, duration, group, nameOf, text, texts, time } from './fields.js';
import { goodsFields } from './goods.js';

const SKUS_MAX = 50;

/**
 * @typedef {import('./document.js').SaleForm} SaleForm
 * @typedef {Record<string, Record<string, string | null>>} Switches what operators have set, by SKU
 */

/**
 * @param {SaleForm} form is changed while people type
 * @param {{ isNew: boolean, switches: Switches, onChange: () => void }} options
 */
export function drawForm(form, options) {
  const redraw = () => {
    options.onChange();
    drawForm(form, options);
  };
  find('#fields').replaceChildren(
    saleCard(form, options, redraw),
    make('h2', {}, 'Products (SKUs)'),
    make(
      'ul',
      { class: 'cards wide' },
      ...form.skus.map((_, at) => skuCard(form, at, options, redraw)),
    ),
    addButton(form, redraw),
  );
}

/**
 * @param {SaleForm} form
 * @param {{ isNew: boolean }} options
 * @param {() => void} redraw
 */
function saleCard(form, { isNew }, redraw) {
  const { languages } = form;
  /** @param {'sale' | 'opens' | 'closes' | 'payWindow' | 'launch'} key */
  const bound = (key) => ({
    path: key,
    value: form[key],
    set: (/** @type {string} */ value) => {
      form[key] = value;
    },
  });
  return make(
    'div',
    { class: 'card' },
    make('h2', {}, 'The sale'),
    text({
      ...bound('sale'),
      label: 'Name',
      hint: 'In addresses and commands: letters, digits, - and _. It stays for good.',
      attributes: { maxlength: '40', spellcheck: 'false', ...(!isNew && { readonly: '' }) },
    }),
    languagesField(form, redraw),
    texts({ path: 'title', label: 'Title', words: form.title, languages, maxlength: '200' }),
    texts({
      ...{ path: 'description', label: 'Description, if there is one', words: form.description },
      ...{ languages, lines: 3, maxlength: '2000' },
    }),
    time({ ...bound('opens'), label: 'Opens' }),
    time({ ...bound('closes'), label: 'Closes' }),
    duration({ ...bound('payWindow'), label: 'How long an order waits for its payment' }),
    choice({
      ...bound('launch'),
      label: 'While more shoppers press than are kept',
      choices: [
        ['', 'as the shop is set'],
        ['first_come', 'a random share is let through (first_come)'],
        ['lottery', 'a lottery decides (lottery)'],
      ],
    }),
    lookField(form),
  );
}

/** Colours and logo: few sales have them. @param {SaleForm} form */
function lookField(form) {
  const { colors, languages } = form;
  /** @param {keyof typeof colors} key @param {string} label */
  const one = (key, label) =>
    color({
      path: `colors.${key}`,
      label,
      value: colors[key],
      set: (value) => {
        colors[key] = value;
      },
    });
  const isUsed = form.logo.url !== '' || Object.values(colors).some((value) => value !== '');
  return make(
    'details',
    isUsed ? { open: '' } : {},
    make('summary', {}, 'Colours and logo'),
    group(
      'colors',
      'Colours',
      make(
        'div',
        { class: 'row' },
        one('accent', 'Buttons'),
        one('background', 'Page'),
        one('text', 'Text'),
      ),
    ),
    pictureField('logo', 'Logo of the shop', form.logo, languages),
  );
}

/**
 * @param {string} path
 * @param {string} legend
 * @param {import('./document.js').PictureForm} picture
 * @param {readonly string[]} languages
 */
function pictureField(path, legend, picture, languages) {
  return group(
    path,
    legend,
    text({
      path: `${path}.url`,
      label: 'Address',
      value: picture.url,
      set: (value) => {
        picture.url = value;
      },
      hint: 'A path of the shop such as /pictures/tv.jpg: its page shows only pictures at its own address.',
      attributes: { maxlength: '500', spellcheck: 'false' },
    }),
    texts({
      ...{ path: `${path}.alt`, label: 'What it shows, for shoppers who do not see it' },
      ...{ words: picture.alt, languages, maxlength: '200' },
    }),
  );
}

/**
 * @param {SaleForm} form
 * @param {() => void} redraw
 */
function languagesField(form, redraw) {
  const boxes = Object.entries(LANGUAGES).map(([tag, name]) => {
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = form.languages.includes(tag);
    box.dataset['language'] = tag;
    box.addEventListener('input', () => {
      form.languages = box.checked
        ? [...form.languages, tag]
        : form.languages.filter((each) => each !== tag);
      redraw();
      const again = document.querySelector(`[data-language="${tag}"]`);
      if (again instanceof HTMLElement) again.focus();
    });
    return make('label', { class: 'box' }, box, ` ${name}`);
  });
  const main = choice({
    path: 'languages.main',
    label: 'Main language, shown to everybody else',
    value: form.languages[0] ?? '',
    choices: form.languages.map((tag) => [tag, nameOf(tag)]),
    set: (value) => {
      form.languages = [value, ...form.languages.filter((each) => each !== value)];
      redraw();
      const again = document.querySelector('[data-path="languages.main"] select');
      if (again instanceof HTMLElement) again.focus();
    },
  });
  return group(
    'languages',
    'Languages',
    make('div', { class: 'row boxes' }, ...boxes),
    ...(form.languages.length > 1 ? [main] : []),
  );
}

/**
 * @param {SaleForm} form
 * @param {number} at
 * @param {{ switches: Switches }} options
 * @param {() => void} redraw
 */
function skuCard(form, at, { switches }, redraw) {
  const sku = form.skus[at];
  if (sku === undefined) throw new Error('there is no such SKU');
  const { languages } = form;
  const path = `skus[${at}]`;
  const set = switches[sku.sku];
  /** @param {Exclude<keyof import('./document.js').SkuForm, 'title' | 'description' | 'pot' | 'picture'>} key */
  const bound = (key) => ({
    path: `${path}.${key}`,
    value: sku[key],
    set: (/** @type {string} */ value) => {
      sku[key] = value;
    },
  });
  const digits = { inputmode: 'numeric', maxlength: '10' };
  /** @param {string | null | undefined} value */
  const now = (value) => (value ? `It is ${value} now. Empty: it stays.` : undefined);
  const heading = make('h3', {}, sku.sku === '' ? `Product ${at + 1}` : sku.sku);
  return make(
    'li',
    { class: 'card', 'data-path': path },
    make('div', { class: 'card-head' }, heading, removeButton(form, at, redraw)),
    text({
      ...bound('sku'),
      label: 'Name (SKU)',
      hint: 'No other SKU of the shop has it. It stays for good.',
      attributes: { maxlength: '40', spellcheck: 'false', ...(set && { readonly: '' }) },
    }),
    texts({ path: `${path}.title`, label: 'Title', words: sku.title, languages, maxlength: '200' }),
    texts({
      ...{ path: `${path}.description`, label: 'Description, if there is one' },
      ...{ words: sku.description, languages, lines: 2, maxlength: '2000' },
    }),
    make(
      'div',
      { class: 'row' },
      text({
        ...bound('price'),
        label: 'Price of a unit',
        attributes: { inputmode: 'decimal', maxlength: '14' },
      }),
      text({ ...bound('currency'), label: 'Currency', attributes: { maxlength: '3' } }),
      text({ ...bound('units'), label: 'Units in all', attributes: digits }),
      text({ ...bound('limit'), label: 'Units for one shopper', attributes: digits }),
    ),
    make(
      'div',
      { class: 'row' },
      text({
        ...bound('quota'),
        label: 'Quota: units to sell for now',
        attributes: digits,
        hint: now(set?.['quota']) ?? 'Empty: all units.',
      }),
      text({
        ...bound('keep'),
        label: 'Kept share of the presses',
        attributes: { maxlength: '14' },
        hint: now(set?.['keep']) ?? '0 to 1, or auto. Empty: as the shop is set.',
      }),
      choice({
        ...bound('home'),
        label: 'Home of the stock',
        choices: [
          ['regular', 'regular'],
          ['hot', 'hot: very many shoppers want it at once'],
          ...otherHome(sku.home),
        ],
      }),
    ),
    ...goodsFields(path, sku, bound),
    pictureField(`${path}.picture`, 'Picture, if there is one', sku.picture, languages),
  );
}

/**
 * The name of a further hot home, which comes from the file.
 *
 * @param {string} home
 * @returns {(readonly [string, string])[]}
 */
function otherHome(home) {
  return home === 'regular' || home === 'hot' ? [] : [[home, home]];
}

/**
 * @param {SaleForm} form
 * @param {number} at
 * @param {() => void} redraw
 */
function removeButton(form, at, redraw) {
  const name = form.skus[at]?.sku || `product ${at + 1}`;
  const button = make('button', { type: 'button', class: 'quiet' }, `Take ${name} out of the form`);
  button.addEventListener('click', () => {
    form.skus.splice(at, 1);
    redraw();
    find('#add-sku').focus();
  });
  return button;
}

/**
 * @param {SaleForm} form
 * @param {() => void} redraw
 */
function addButton(form, redraw) {
  const button = make('button', { type: 'button', class: 'quiet', id: 'add-sku' }, 'Add a product');
  button.addEventListener('click', () => {
    if (form.skus.length >= SKUS_MAX) return;
    form.skus.push(newSku());
    redraw();
    find(`[data-path="skus[${form.skus.length - 1}].sku"] input`).focus();
  });
  return make('p', {}, button);
}
