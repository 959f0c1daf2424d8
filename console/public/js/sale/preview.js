// @ts-check
/** The preview: the shop's own page, in a frame, with the sale of the form. */

import { find, make, setAttribute, setShown } from '../dom.js';
import { nameOf } from './fields.js';

/** The shop's page remembers there which language a shopper has chosen. */
const LANGUAGE = 'flashsale.language';

/** @type {string} */
let sale = '';

/** @param {string} name of a group of radio buttons */
function chosen(name) {
  const box = document.querySelector(`#preview input[name="${name}"]:checked`);
  return box instanceof HTMLInputElement ? box.value : '';
}

function language() {
  const select = find('#preview-language');
  return select instanceof HTMLSelectElement ? select.value : '';
}

function load() {
  const frame = find('#frame');
  setAttribute(frame, 'data-width', chosen('width'));
  try {
    localStorage.setItem(LANGUAGE, language());
  } catch {
    // The page then takes the language of the browser.
  }
  // The same address loads again: its clock starts anew.
  frame.setAttribute('src', `/preview/${sale}/${chosen('phase')}/sales/${sale}`);
}

/** Makes the choices of the preview work. */
export function preparePreview() {
  for (const control of document.querySelectorAll('#preview input, #preview select')) {
    control.addEventListener('change', load);
  }
}

/**
 * Shows a draft that the console has.
 * @param {string} name
 * @param {readonly string[]} languages
 */
export function showPreview(name, languages) {
  sale = name;
  const select = find('#preview-language');
  const before = language();
  select.replaceChildren(...languages.map((tag) => make('option', { value: tag }, nameOf(tag))));
  if (select instanceof HTMLSelectElement && languages.includes(before)) select.value = before;
  const section = find('#preview');
  setShown(section, true);
  load();
  section.focus();
}
