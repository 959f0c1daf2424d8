// @ts-check
/**
 * Keeps what was typed in this browser until it is applied or dropped, so that it outlives the end of the
 * session, a lost network and a closed window. A person sees only drafts of his own login.
 */

import { grownForm } from './document.js';

const PREFIX = 'flashsale.console.sale.';
/** A browser keeps about five million characters of a page. */
const DRAFT_LENGTH_MAX = 1_000_000;

/**
 * @typedef {object} Draft
 * @property {import('./document.js').SaleForm} form
 * @property {string} version of the sale that the form began with; empty for a new one
 * @property {string} keptAt
 */

/** @param {string} login @param {string} sale empty for a new one */
const nameOf = (login, sale) => `${PREFIX}${encodeURIComponent(login)}.${sale}`;

/**
 * @param {string} login
 * @param {string} sale
 * @param {Omit<Draft, 'keptAt'>} draft
 * @returns {boolean} whether the browser has kept it
 */
export function keepDraft(login, sale, draft) {
  const text = JSON.stringify({ ...draft, keptAt: new Date().toISOString() });
  if (text.length > DRAFT_LENGTH_MAX) return false;
  try {
    localStorage.setItem(nameOf(login, sale), text);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} login
 * @param {string} sale
 * @returns {Draft | null}
 */
export function findDraft(login, sale) {
  try {
    const draft = JSON.parse(localStorage.getItem(nameOf(login, sale)) ?? 'null');
    const isOne = typeof draft?.version === 'string' && Array.isArray(draft.form?.skus);
    if (!isOne || draft.form.skus.some((/** @type {unknown} */ sku) => sku === null)) return null;
    return { ...draft, form: grownForm(draft.form) };
  } catch {
    return null;
  }
}

/** @param {string} login @param {string} sale */
export function dropDraft(login, sale) {
  try {
    localStorage.removeItem(nameOf(login, sale));
  } catch {
    // blocked storage has nothing to remove
  }
}
