// @ts-check
/** The preview: the shop's own page, in a frame, with the sale of the form. */

import { find, make, setShown } from '../dom.js';
import { nameOf } from './fields.js';

/** The shop's page remembers there which language a shopper has chosen. */
const LANGUAGE = 'flashsale.language';

/** Sizes of windows in CSS pixels. */
const WIDTHS = { phone: 390, desktop: 1280 };
const HEIGHT = 780;
/** Both borders of the frame together. */
const BORDERS = 2;

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

/** Shows the whole width of the page: in its own size, or smaller if the window of the console is narrower. */
function fit() {
  const [box, frame] = [find('#frame-box'), find('#frame')];
  const room = box.clientWidth;
  if (room === 0) return;
  const isPhone = chosen('width') === 'phone';
  const width = isPhone ? WIDTHS.phone : Math.max(room - BORDERS, WIDTHS.desktop);
  const scale = Math.min(1, room / (width + BORDERS));
  frame.style.width = `${width}px`;
  frame.style.height = `${HEIGHT}px`;
  frame.style.transform = `scale(${scale})`;
  box.style.height = `${(HEIGHT + BORDERS) * scale}px`;
}

function load() {
  const frame = find('#frame');
  fit();
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
  new ResizeObserver(fit).observe(find('#frame-box'));
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
