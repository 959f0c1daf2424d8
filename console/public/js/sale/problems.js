// @ts-check
/** Shows the errors of a sale file at the fields of the form, in the words of the file. */

import { find, keep, make, setAttribute, setShown, setText } from '../dom.js';

/** @typedef {{ path: string, message: string, line: number, column: number }} FileProblem */

/**
 * The field of a path, or the nearest thing around it that the form has.
 * @param {string} path such as `skus[0].title.de`
 * @returns {HTMLElement | null}
 */
function fieldOf(path) {
  for (let at = path; at !== ''; at = at.replace(/(\.[^.[]+|\[\d+\]|^[^.[]+)$/, '')) {
    const found = [...document.querySelectorAll(`#fields [data-path="${CSS.escape(at)}"]`)];
    const shown = found.find((each) => each instanceof HTMLElement && !each.hidden);
    if (shown instanceof HTMLElement) return shown;
  }
  return null;
}

/** @param {HTMLElement} field */
function focusField(field) {
  field.closest('details')?.setAttribute('open', '');
  for (const control of field.querySelectorAll('input, select, textarea')) {
    // A field may hide the control of another way to fill it in.
    if (control instanceof HTMLElement && control.closest('[hidden]') === null) {
      return control.focus();
    }
  }
}

export function clearProblems() {
  setShown(find('#problems'), false);
  for (const error of document.querySelectorAll('#fields .error')) setText(error, '');
  for (const control of document.querySelectorAll('#fields [aria-invalid]')) {
    control.removeAttribute('aria-invalid');
  }
}

/**
 * Shows the errors, and moves the focus to the first field with one.
 * @param {readonly FileProblem[]} problems
 */
export function showProblems(problems) {
  clearProblems();
  if (problems.length === 0) return;
  /** @type {HTMLElement | null} */
  let first = null;
  for (const { path, message } of problems) {
    const field = fieldOf(path);
    if (field === null) continue;
    const error = ownError(field);
    setText(error, [error.textContent, sentence(message)].filter((each) => each).join(' '));
    // A group has its error once; its fields are not all wrong.
    const control = field.querySelector(':scope > input, :scope > select, :scope > textarea');
    if (control) setAttribute(control, 'aria-invalid', 'true');
    const isBefore =
      first === null ||
      (field.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
    if (isBefore) first = field;
  }
  const many = problems.length;
  setText(find('#problems-text'), `${many} ${many === 1 ? 'thing' : 'things'} to correct:`);
  keep(
    find('#problems-list'),
    problems.map((problem, at) => ({ ...problem, at })),
    ({ at, path, message }) => `${at} ${path} ${message}`,
    ({ path, message }) => {
      const button = make('button', { type: 'button', class: 'link' }, `${path}: ${message}`);
      button.addEventListener('click', () => {
        const field = fieldOf(path);
        if (field) focusField(field);
      });
      return make('li', {}, button);
    },
    () => {},
  );
  setShown(find('#problems'), true);
  if (first !== null) focusField(first);
  else find('#problems-list button').focus();
}

/** @param {HTMLElement} field */
function ownError(field) {
  const own = field.querySelector(':scope > .error');
  if (own instanceof HTMLElement) return own;
  return field.appendChild(make('p', { class: 'error' }));
}

/** @param {string} message */
function sentence(message) {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
