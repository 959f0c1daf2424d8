// @ts-check
/** Shows what a sale file would change: the same as `flashsale sale plan`. */

import { find, make, setShown, setText, showTexts } from '../dom.js';
import { moment } from '../format.js';

/**
 * @typedef {{ target: string, field: string, from: string | null, to: string | null, reason?: string }} Line
 * @typedef {{ sale: string, changes: Line[], refused: Line[], notes: string[] }} Plan
 */

/**
 * A value as it stands in the plan; a time also on the clock of this browser.
 * @param {string | null} text
 */
function shown(text) {
  if (text === null) return '–';
  const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text);
  return isTime ? `${text} (${moment(text)} here)` : text;
}

/**
 * @param {Plan} plan
 * @param {string} note what a person should know before reading it; empty for nothing
 */
export function showPlan({ sale, changes, refused, notes }, note) {
  const section = find('#plan');
  const isRefused = refused.length > 0;
  const isEmpty = changes.length === 0 && !isRefused;
  setText(
    find('#plan-heading'),
    isEmpty
      ? `${sale} is as the form says: nothing would change`
      : isRefused
        ? `Nothing can be changed: ${refused.length} of these are refused`
        : `What would change (${changes.length})`,
  );
  const told = find('#plan-note');
  setText(told, note);
  setShown(told, note !== '');
  setShown(find('#plan .scroll'), !isEmpty);
  find('#plan-changes tbody').replaceChildren(
    ...[...refused, ...changes].map(({ target, field, from, to, reason = '' }) =>
      make(
        'tr',
        reason === '' ? {} : { class: 'refused' },
        make('th', { scope: 'row' }, target),
        ...[field, shown(from), shown(to), reason].map((text) => make('td', {}, text)),
      ),
    ),
  );
  for (const cell of document.querySelectorAll('#plan-changes :is(td, th):last-child')) {
    setShown(cell, isRefused);
  }
  showTexts(find('#plan-notes'), notes);
  setShown(find('#apply'), !isEmpty && !isRefused);
  setShown(section, true);
  section.focus();
}

export function hidePlan() {
  setShown(find('#plan'), false);
}
