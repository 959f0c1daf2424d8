// @ts-check
/** The DOM functions of the pages. Views come each second, so each setter writes only what changed. */

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
 * @param {string} id
 * @returns {HTMLElement} a copy of the only element in the template
 */
export function fromTemplate(id) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) throw new Error(`the page has no ${id}`);
  const element = template.content.firstElementChild?.cloneNode(true);
  if (!(element instanceof HTMLElement)) throw new Error(`${id} is empty`);
  return element;
}

/**
 * @param {string} name
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElement}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
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
 * Makes the children of a container those of the items, and keeps the element of an item that stays.
 * @template T
 * @param {HTMLElement} container
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} create
 * @param {(element: HTMLElement, item: T) => void} update
 */
export function keep(container, items, keyOf, create, update) {
  /** @type {Map<string, HTMLElement>} */
  const known = new Map();
  for (const child of [...container.children]) {
    if (child instanceof HTMLElement) known.set(child.dataset['key'] ?? '', child);
  }
  items.forEach((item, index) => {
    const key = keyOf(item);
    let element = known.get(key);
    known.delete(key);
    if (element === undefined) {
      element = create(item);
      element.dataset['key'] = key;
    }
    update(element, item);
    if (container.children[index] !== element) {
      container.insertBefore(element, container.children[index] ?? null);
    }
  });
  for (const element of known.values()) element.remove();
}

/**
 * Shows rows in the body of a table. The first cell is the heading of its row.
 * @param {HTMLElement} table
 * @param {readonly { readonly key: string, readonly cells: readonly (string | number)[] }[]} rows
 */
export function showRows(table, rows) {
  keep(
    find('tbody', table),
    rows,
    ({ key }) => key,
    ({ cells }) =>
      make(
        'tr',
        {},
        ...cells.map((cell, index) =>
          make(index === 0 ? 'th' : 'td', {
            ...(index === 0 && { scope: 'row' }),
            ...(typeof cell === 'number' && { class: 'number' }),
          }),
        ),
      ),
    (row, { cells }) => {
      cells.forEach((cell, index) => {
        const element = row.children[index];
        const text = typeof cell === 'number' ? cell.toLocaleString('en') : cell;
        if (element) setText(element, text);
      });
    },
  );
}

/**
 * @param {HTMLElement} list a <ul>
 * @param {readonly string[]} texts
 */
export function showTexts(list, texts) {
  keep(
    list,
    texts,
    (text) => text,
    (text) => make('li', {}, text),
    () => {},
  );
}
