// @ts-check
/**
 * Puts the page into the language of the shopper before it is shown, and lets the shopper choose
 * another one without a reload. An element with `data-text` holds the message of that name; all other
 * words are set by the parts of the page whenever they draw.
 */

import { announce, setText } from './dom.js';
import {
  direction,
  LANGUAGES,
  language,
  preferredLanguage,
  rememberLanguage,
  speak,
  texts,
} from './language.js';

/** @type {(() => void)[]} */
const listeners = [];

/** @param {() => void} listener called after the shopper has chosen another language */
export function onLanguage(listener) {
  listeners.push(listener);
}

/** @param {string} path such as `rules.heading` */
function messageAt(path) {
  /** @type {any} */
  let part = texts;
  for (const key of path.split('.')) part = part[key];
  return String(part);
}

/** @param {ParentNode} root */
function translate(root) {
  for (const element of root.querySelectorAll('[data-text]')) {
    setText(element, messageAt(element.getAttribute('data-text') ?? ''));
  }
  for (const template of root.querySelectorAll('template')) translate(template.content);
}

function showLanguage() {
  const { documentElement } = document;
  documentElement.lang = language;
  documentElement.dir = direction();
  translate(document);
  documentElement.dataset['translated'] = '';
}

/** @param {HTMLSelectElement} select */
function fillSwitch(select) {
  for (const [tag, name] of Object.entries(LANGUAGES)) {
    const option = new Option(name, tag, false, tag === language);
    option.lang = tag;
    select.add(option);
  }
  select.addEventListener('change', async () => {
    let wanted;
    do {
      wanted = /** @type {keyof typeof LANGUAGES} */ (select.value);
      // Before its messages come: the page may be loaded anew to get them.
      rememberLanguage(wanted);
      try {
        await speak(wanted);
      } catch {
        select.value = language; // its messages did not come
        return;
      }
      // Another choice may have been made meanwhile. The last one counts.
    } while (select.value !== wanted);
    showLanguage();
    for (const listener of listeners) listener();
    announce(texts.languageChanged);
  });
}

try {
  await speak(preferredLanguage());
} catch {
  await speak('en');
}
if (document.readyState === 'loading') {
  await new Promise((resolve) => {
    document.addEventListener('readystatechange', resolve, { once: true });
  });
}
const select = document.querySelector('#language');
if (select instanceof HTMLSelectElement) fillSwitch(select);
showLanguage();
