// @ts-check
/** Daily goods: whether this shopper has today's unit, and how many days in a row. */

import { readToday } from './api.js';
import { backoffMs, pause } from './pace.js';

/** A web node may not have heard for so long that this shopper got the unit. */
const NOT_YET_MS = 1_500;

/**
 * @typedef {{ day: string, done: boolean, streak: number }} Today
 *
 * @typedef {object} Days
 * @property {(sku: string) => Today | null} of null: not known, or the day is over
 * @property {(sku: string, load?: { afterMs?: number, isDue?: boolean }) => Promise<void>} load asks the shop, until
 *   it answers; `isDue`: this shopper has just got the unit
 * @property {() => void} clear forgets what is known of this shopper
 */

/**
 * @param {object} page
 * @param {string} page.sale
 * @param {() => string | null} page.token
 * @param {(sku: string) => string} page.today the day that it is by the calendar of the SKU
 * @param {() => void} page.onChange
 * @returns {Days}
 */
export function createDays({ sale, token, today, onChange }) {
  /** @type {Map<string, Today>} */
  const known = new Map();
  /** The running calls; an answer to an older one is dropped. */
  /** @type {Map<string, symbol>} */
  const asked = new Map();
  return {
    of(sku) {
      const answer = known.get(sku);
      return answer?.day === today(sku) ? answer : null;
    },
    async load(sku, { afterMs = 0, isDue = false } = {}) {
      const call = Symbol(sku);
      asked.set(sku, call);
      await pause(afterMs);
      for (let failures = 1; asked.get(sku) === call; failures += 1) {
        const user = token();
        if (user === null) return;
        const answer = await readToday(sale, sku, user);
        if (asked.get(sku) !== call) return;
        if (answer.kind === 'ok') {
          known.set(sku, answer.body);
          onChange();
          const isExpected = answer.body.day === today(sku) && (answer.body.done || !isDue);
          if (isExpected || failures > 1) return;
          await pause(NOT_YET_MS);
          continue;
        }
        if (answer.kind === 'refused' && answer.retryAfterSeconds === 0) return;
        await pause(backoffMs(answer, failures, Math.random()));
      }
    },
    clear() {
      known.clear();
      asked.clear();
    },
  };
}

/**
 * The day of a moment by the calendar of a zone, as `2026-12-01`.
 * @param {string | undefined} zone
 * @param {number} atMs milliseconds since 1970
 */
export function dayIn(zone, atMs) {
  return calendarOf(zone ?? 'UTC').format(atMs);
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const calendars = new Map();

/** @param {string} zone */
function calendarOf(zone) {
  let calendar = calendars.get(zone);
  if (calendar === undefined) {
    // The Swedish form is that of ISO 8601.
    calendar = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' });
    calendars.set(zone, calendar);
  }
  return calendar;
}
