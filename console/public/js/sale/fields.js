// @ts-check
/**
 * The fields of the form. Each has `data-path`, its path in the sale file, by which an error of the file
 * finds it. A field writes what is typed through `set`.
 */

import { make } from '../dom.js';
import { LANGUAGES } from './document.js';
import { HERE, timeText, wallClock } from './times.js';

let ids = 0;
const newId = () => {
  ids += 1;
  return `f${ids}`;
};

/** The choice of a time that counts from the first apply, among the zones. */
const AFTER = 'after';
const ZONES = [...new Set([HERE, 'UTC', ...Intl.supportedValuesOf('timeZone')])];
const UNITS = /** @type {const} */ ([
  ['s', 'seconds'],
  ['m', 'minutes'],
  ['h', 'hours'],
  ['d', 'days'],
]);

/**
 * @typedef {object} Field
 * @property {string} path
 * @property {string} label
 * @property {string} value
 * @property {(value: string) => void} set
 * @property {string} [hint]
 * @property {Record<string, string>} [attributes]
 */

/**
 * @param {string} path
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
function labelled(path, label, control, hint) {
  control.id = newId();
  const error = make('p', { class: 'error', id: `${control.id}-error` });
  const described = [...(hint === undefined ? [] : [`${control.id}-hint`]), error.id];
  control.setAttribute('aria-describedby', described.join(' '));
  return make(
    'div',
    { class: 'field', 'data-path': path },
    make('label', { for: control.id }, label),
    control,
    ...(hint === undefined ? [] : [make('p', { class: 'hint', id: `${control.id}-hint` }, hint)]),
    error,
  );
}

/**
 * Several fields that belong together, with an error of their own.
 * @param {string} path
 * @param {string} legend
 * @param {(Node | string)[]} children
 */
export function group(path, legend, ...children) {
  const id = newId();
  return make(
    'fieldset',
    { class: 'field', 'data-path': path, 'aria-describedby': `${id}-error` },
    make('legend', {}, legend),
    ...children,
    make('p', { class: 'error', id: `${id}-error` }),
  );
}

/** @param {Field & { lines?: number }} field */
export function text({ path, label, value, set, hint, attributes = {}, lines }) {
  const control = document.createElement(lines === undefined ? 'input' : 'textarea');
  if (lines !== undefined) control.setAttribute('rows', String(lines));
  control.setAttribute('autocomplete', 'off');
  for (const [name, each] of Object.entries(attributes)) control.setAttribute(name, each);
  control.value = value;
  control.addEventListener('input', () => set(control.value.trim()));
  return labelled(path, label, control, hint);
}

/** @param {Field & { choices: readonly (readonly [string, string])[] }} field */
export function choice({ path, label, value, set, hint, choices }) {
  const control = document.createElement('select');
  control.append(...choices.map(([each, name]) => make('option', { value: each }, name)));
  control.value = value;
  control.addEventListener('input', () => set(control.value));
  return labelled(path, label, control, hint);
}

/**
 * A text in each language of the sale.
 * @param {{ path: string, label: string, words: Record<string, string>, languages: readonly string[],
 *   lines?: number, maxlength: string }} field
 */
export function texts({ path, label, words, languages, lines, maxlength }) {
  /** @param {string} language @param {string} at @param {string} name */
  const one = (language, at, name) =>
    text({
      path: at,
      label: name,
      value: words[language] ?? '',
      set: (value) => {
        words[language] = value;
      },
      attributes: { lang: language, dir: 'auto', maxlength },
      ...(lines !== undefined && { lines }),
    });
  const [only] = languages;
  if (languages.length === 1 && only !== undefined) return one(only, path, label);
  return group(path, label, ...languages.map((each) => one(each, `${path}.${each}`, nameOf(each))));
}

/** @param {string} tag */
export function nameOf(tag) {
  return tag in LANGUAGES ? LANGUAGES[/** @type {keyof typeof LANGUAGES} */ (tag)] : tag;
}

/**
 * A time on the wall clock of a zone, or counted from the first apply. A time that nobody touched stays as it is,
 * with its parts of a second.
 * @param {Field} field
 */
export function time({ path, label, value, set }) {
  const wall = document.createElement('input');
  const zone = document.createElement('select');
  const after = document.createElement('input');
  const isAfter = value.startsWith('in ');
  wall.type = 'datetime-local';
  wall.step = '1';
  wall.value = isAfter ? '' : wallClock(value, HERE);
  after.type = 'text';
  after.value = isAfter ? value.slice(3) : '';
  zone.append(
    ...ZONES.map((each) => make('option', { value: each }, each.replaceAll('_', ' '))),
    make('option', { value: AFTER }, 'counted from the first apply'),
  );
  zone.value = isAfter ? AFTER : HERE;
  const wallField = labelled(`${path}.wall`, 'Day and time', wall);
  const afterField = labelled(`${path}.after`, 'So much later', after, 'Such as 15m: s, m, h or d');
  const show = () => {
    wallField.hidden = zone.value === AFTER;
    afterField.hidden = zone.value !== AFTER;
  };
  const write = () => {
    const later = after.value.trim();
    if (zone.value === AFTER) set(later === '' ? '' : `in ${later}`);
    else set(wall.value === '' ? '' : timeText(wall.value, zone.value));
  };
  for (const control of [wall, zone, after]) control.addEventListener('input', write);
  zone.addEventListener('input', show);
  show();
  const zoneField = labelled(`${path}.zone`, 'Zone', zone);
  return group(path, label, make('div', { class: 'row' }, wallField, afterField, zoneField));
}

/** A number with its unit, such as `15m`. @param {Field} field */
export function duration({ path, label, value, set, hint }) {
  const [, number = '', unit = 'm'] = /^(\d+)([smhd])$/.exec(value) ?? [];
  const many = document.createElement('input');
  many.type = 'text';
  many.inputMode = 'numeric';
  many.value = number === '' ? value : number;
  const units = document.createElement('select');
  units.append(...UNITS.map(([each, name]) => make('option', { value: each }, name)));
  units.value = unit;
  const write = () => {
    const given = many.value.trim();
    set(given === '' ? '' : `${given}${units.value}`);
  };
  for (const control of [many, units]) control.addEventListener('input', write);
  return group(
    path,
    label,
    make(
      'div',
      { class: 'row' },
      labelled(`${path}.many`, 'How many', many, hint),
      labelled(`${path}.unit`, 'Unit', units),
    ),
  );
}

/** A colour, typed or picked. @param {Field} field */
export function color({ path, label, value, set }) {
  const field = text({
    ...{ path, label, value, hint: 'Such as #1a5fb4' },
    attributes: { maxlength: '7', spellcheck: 'false' },
    set: (given) => {
      set(given);
      if (/^#[0-9a-f]{6}$/i.test(given)) picker.value = given;
    },
  });
  const picker = document.createElement('input');
  picker.type = 'color';
  picker.setAttribute('aria-label', `${label}: pick it`);
  if (value !== '') picker.value = value;
  picker.addEventListener('input', () => {
    const typed = field.querySelector('input');
    if (typed) typed.value = picker.value;
    set(picker.value);
  });
  field.querySelector('label')?.after(picker);
  return field;
}
