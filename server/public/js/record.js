// @ts-check
/** A request that is under way, kept so that a reload goes on following it. */

import { forget, recall, remember } from './store.js';

/**
 * @typedef {object} RequestRecord
 * @property {string} key the request's number
 * @property {string} user whose request it is
 * @property {number} quantity
 * @property {string | null} statusUrl null until the shop has taken it
 * @property {boolean} accepted false while it is not known whether the shop has it
 */

/**
 * @param {string} sale
 * @param {string} sku
 */
const nameOf = (sale, sku) => `flashsale.request.${sale}.${sku}`;

/**
 * @param {string} sale
 * @param {string} sku
 * @param {RequestRecord} record
 */
export function saveRecord(sale, sku, record) {
  remember(nameOf(sale, sku), JSON.stringify(record));
}

/**
 * @param {string} sale
 * @param {string} sku
 */
export function dropRecord(sale, sku) {
  forget(nameOf(sale, sku));
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {string} user another user's record is not ours to follow
 * @returns {RequestRecord | null}
 */
export function loadRecord(sale, sku, user) {
  try {
    const record = JSON.parse(recall(nameOf(sale, sku)) ?? 'null');
    return typeof record?.key === 'string' && record.user === user ? record : null;
  } catch {
    return null;
  }
}
