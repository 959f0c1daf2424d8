// @ts-check
/**
 * Stores the requests that are under way, so that the page can follow them after a reload. There are several if the shopper has
 * pressed in several tabs.
 */

import { forget, recall, remember } from './store.js';

/** Requests of one SKU that are remembered. */
const RECORDS_MAX = 4;

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
 * The stored requests, the newest first.
 * @param {string} sale
 * @param {string} sku
 * @returns {RequestRecord[]}
 */
function stored(sale, sku) {
  try {
    const newest = JSON.parse(recall(nameOf(sale, sku)) ?? 'null');
    const { earlier = [], ...record } = newest;
    return [record, ...earlier].filter(({ key }) => typeof key === 'string');
  } catch {
    return [];
  }
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {readonly RequestRecord[]} records
 */
function store(sale, sku, [newest, ...earlier]) {
  if (newest === undefined) return forget(nameOf(sale, sku));
  // A page of another version reads the newest one.
  const record = earlier.length === 0 ? newest : { ...newest, earlier };
  remember(nameOf(sale, sku), JSON.stringify(record));
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {RequestRecord} record
 */
export function saveRecord(sale, sku, record) {
  const { key, user } = record;
  const others = stored(sale, sku).filter((other) => other.user === user && other.key !== key);
  store(sale, sku, [record, ...others].slice(0, RECORDS_MAX));
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {string} key of the request that has ended; those of other tabs stay
 */
export function dropRecord(sale, sku, key) {
  const records = stored(sale, sku);
  const others = records.filter((other) => other.key !== key);
  if (others.length < records.length) store(sale, sku, others);
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {string} user records of other users are ignored
 * @returns {RequestRecord[]} the newest first
 */
export function loadRecords(sale, sku, user) {
  return stored(sale, sku).filter((record) => record.user === user);
}
