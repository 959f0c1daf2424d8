// @ts-check
/**
 * The DOM functions of the page. The page is updated ten times a second, so each setter writes only
 * what has changed. This keeps screen readers and the layout undisturbed.
 */

/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {HTMLElement}
 */
export function find(selector, root = document) {
  const element = root.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`the page has no ${selector}`);
  return element;
}

/**
 * Returns a copy of the only element in a <template>.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function fromTemplate(id) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) throw new Error(`the page has no ${id}`);
  const element = template.content.firstElementChild?.cloneNode(true);
  if (!(element instanceof HTMLElement)) throw new Error(`${id} is empty`);
  return element;
}

/**
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Shows a text of the shop, such as the title of a sale. Screen readers are told the language.
 * @param {Element} element
 * @param {{ text: string, language: string | undefined }} words
 */
export function setWords(element, { text, language }) {
  setText(element, text);
  setAttribute(element, 'lang', language ?? null);
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | null} value null removes the attribute
 */
export function setAttribute(element, name, value) {
  if (value === null) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * @param {Element} element
 * @param {boolean} shown
 */
export function setShown(element, shown) {
  setAttribute(element, 'hidden', shown ? null : '');
}

/**
 * Sets `aria-disabled` instead of `disabled`: a button that is turned off must keep the focus of a
 * keyboard user.
 * @param {HTMLElement} button
 * @param {boolean} enabled
 */
export function setEnabled(button, enabled) {
  setAttribute(button, 'aria-disabled', enabled ? null : 'true');
}

/** @param {HTMLElement} button */
export function isEnabled(button) {
  return button.getAttribute('aria-disabled') !== 'true';
}

/**
 * The address of one of the page's own pictures.
 * @param {string} name
 */
export function imageUrl(name) {
  return new URL(`../images/${name}.svg`, import.meta.url).pathname;
}

/** @param {string} text read out once by screen readers, without an interruption of other speech */
export function announce(text) {
  setText(find('#announcer'), text);
}
