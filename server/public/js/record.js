// @ts-check
/** Stores a request that is under way, so that the page can follow it after a reload. */

import { forget, recall, remember } from './store.js';

/**
 * @typedef {object} RequestRecord
 * @property {string} key the idempotency key
 * @property {string} user whose request it is
 * @property {number} quantity
 * @property {readonly import('./api.js').Seat[] | null} [seats] chosen on a plan
 * @property {string | null} statusUrl null until the shop has taken it
 * @property {boolean} accepted false while the page does not know whether the shop has it
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
 * @param {string} user records of other users are ignored
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
