// @ts-check
/** Time left: as digits, as words for a screen reader, and the moments that are announced. */

import { count, duration, fromNow, joinDurations, twoDigits } from './format.js';

const UNITS = /** @type {const} */ ([
  ['days', 'day'],
  ['hours', 'hour'],
  ['minutes', 'minute'],
  ['seconds', 'second'],
]);

/**
 * @typedef {'scheduled' | 'open' | 'paused' | 'closed'} SalePhase
 * @typedef {{ days: number, hours: number, minutes: number, seconds: number }} Parts
 * @typedef {{ state: string, opensAt: string, closesAt: string }} SaleTimes
 */

/**
 * Returns the phase of the sale at a time of the server's clock. The state that the server sent comes
 * first. The clock decides only when that state is out of date: a scheduled sale opens and an open
 * sale closes without a reload.
 * @param {SaleTimes} sale
 * @param {number} serverNowMs
 * @returns {SalePhase}
 */
export function salePhase(sale, serverNowMs) {
  if (sale.state === 'closed' || serverNowMs >= Date.parse(sale.closesAt)) return 'closed';
  if (sale.state === 'scheduled' && serverNowMs < Date.parse(sale.opensAt)) return 'scheduled';
  return sale.state === 'paused' ? 'paused' : 'open';
}

/**
 * Whole seconds left, rounded up: the last second is 1, and 0 means now.
 * @param {number} remainingMs
 */
export function secondsLeft(remainingMs) {
  return Math.max(0, Math.ceil(remainingMs / 1000));
}

/**
 * @param {number} remainingMs
 * @returns {Parts}
 */
export function partsOf(remainingMs) {
  const total = secondsLeft(remainingMs);
  return {
    days: Math.floor(total / 86_400),
    hours: Math.floor(total / 3600) % 24,
    minutes: Math.floor(total / 60) % 60,
    seconds: total % 60,
  };
}

/**
 * "00:09", "14:03", "2:14:03" or "3 days 4 hr": short enough for a button.
 * @param {number} remainingMs
 */
export function shortTime(remainingMs) {
  const { days, hours, minutes, seconds } = partsOf(remainingMs);
  if (days > 0) {
    return joinDurations([duration(days, 'day', 'short'), duration(hours, 'hour', 'short')]);
  }
  const tail = `${twoDigits(minutes)}:${twoDigits(seconds)}`;
  return hours > 0 ? `${count(hours)}:${tail}` : tail;
}

/**
 * "2 days 3 hours", "4 minutes 10 seconds": only the two largest units are read out.
 * @param {number} remainingMs
 */
export function spokenTime(remainingMs) {
  const parts = partsOf(remainingMs);
  const shown = UNITS.filter(([part]) => parts[part] > 0).slice(0, 2);
  const words = shown.map(([part, unit]) => duration(parts[part], unit, 'long'));
  return words.length === 0 ? duration(0, 'second', 'long') : joinDurations(words);
}

/**
 * "in 10 minutes": how far away a milestone is.
 * @param {number} seconds
 */
export function untilMilestone(seconds) {
  if (seconds >= 3600) return fromNow(seconds / 3600, 'hour');
  return seconds >= 60 ? fromNow(seconds / 60, 'minute') : fromNow(seconds, 'second');
}

/** Seconds before the opening at which the time left is announced to screen readers. */
const MILESTONES = [3600, 600, 300, 60, 30, 10];

/**
 * Returns the milestone that was crossed between two readings of the clock, or null.
 * @param {number} beforeMs time left at the earlier reading
 * @param {number} nowMs time left now
 */
export function milestone(beforeMs, nowMs) {
  const crossed = MILESTONES.filter((s) => beforeMs > s * 1000 && nowMs <= s * 1000 && nowMs > 0);
  return crossed.length === 0 ? null : Math.min(...crossed);
}
