// @ts-check
/** The little that the page needs of the DOM. Every setter writes only what changed, so that
 *  screen readers and the layout are not disturbed by a page that is looked at ten times a second. */

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
 * A copy of the one element inside a <template>.
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
 * `aria-disabled` instead of `disabled`: a button that goes off must not throw away the focus of
 * someone who works by keyboard.
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

/** @param {string} text said by screen readers, politely and once */
export function announce(text) {
  setText(find('#announcer'), text);
}
