// @ts-check
/** The controls of the steering page. */

import { find, make, setText } from './dom.js';

let ids = 0;

/**
 * A field with what is in force now, and its buttons.
 * @param {string} label
 * @param {HTMLElement} field
 * @param {readonly { text: string, press: () => void, quiet?: boolean }[]} buttons
 * @returns {HTMLElement}
 */
export function control(label, field, buttons) {
  ids += 1;
  field.id = `field-${ids}`;
  const now = make('span', { class: 'now' });
  const first = buttons[0];
  const form = make(
    'form',
    { class: 'control' },
    make('label', { for: field.id }, `${label}, now `, now, field),
    ...buttons.map(({ text, press, quiet }, index) => {
      const button = make(
        'button',
        { type: index === 0 ? 'submit' : 'button', ...(quiet && { class: 'quiet' }) },
        text,
        make('span', { class: 'spoken' }, ` ${label}`),
      );
      if (index > 0) button.addEventListener('click', press);
      return button;
    }),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    first?.press();
  });
  return form;
}

/**
 * @param {HTMLElement} form a control
 * @param {string} text
 */
export function setNow(form, text) {
  setText(find('.now', form), text);
}

/** @param {Record<string, string>} attributes */
export function textField(attributes = {}) {
  const input = document.createElement('input');
  input.type = 'text';
  input.autocomplete = 'off';
  input.maxLength = 64;
  input.required = true;
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  return input;
}

/** @param {readonly string[]} values */
export function choice(values) {
  const select = document.createElement('select');
  select.append(...values.map((value) => make('option', { value }, value)));
  return select;
}

/**
 * Asks before a change that shoppers notice at once.
 * @param {string} question
 * @param {string} text
 * @returns {Promise<boolean>}
 */
export function confirmed(question, text) {
  const dialog = find('#confirm');
  if (!(dialog instanceof HTMLDialogElement)) throw new Error('the page has no dialog');
  setText(find('#confirm-question'), question);
  setText(find('#confirm-text'), text);
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}
