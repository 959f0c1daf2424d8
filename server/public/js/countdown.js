// @ts-check
/** Time left: digits for the eye, words for a screen reader, and the moments worth announcing. */

/**
 * @typedef {'scheduled' | 'open' | 'paused' | 'closed'} SalePhase
 * @typedef {{ days: number, hours: number, minutes: number, seconds: number }} Parts
 * @typedef {{ state: string, opensAt: string, closesAt: string }} SaleTimes
 */

/**
 * What the sale is at a moment of the server's clock. The server's word comes first; the clock only
 * says when its word is overtaken: a scheduled sale opens, and an open one closes, without a reload.
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
 * Whole seconds left, rounded up: the last second is shown as 1, and 0 means now.
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

/** @param {number} value */
export function twoDigits(value) {
  return String(value).padStart(2, '0');
}

/**
 * "00:09", "14:03", "2:14:03" or "3 days 4 h": short enough for a button.
 * @param {number} remainingMs
 */
export function shortTime(remainingMs) {
  const { days, hours, minutes, seconds } = partsOf(remainingMs);
  if (days > 0) return `${plural(days, 'day')} ${hours} h`;
  const tail = `${twoDigits(minutes)}:${twoDigits(seconds)}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}

/**
 * "2 days 3 hours", "4 minutes 10 seconds": the two largest units are enough to hear.
 * @param {number} remainingMs
 */
export function spokenTime(remainingMs) {
  const parts = partsOf(remainingMs);
  const words = /** @type {const} */ (['days', 'hours', 'minutes', 'seconds'])
    .filter((unit) => parts[unit] > 0)
    .slice(0, 2)
    .map((unit) => plural(parts[unit], unit.slice(0, -1)));
  return words.length === 0 ? '0 seconds' : words.join(' ');
}

/**
 * @param {number} count
 * @param {string} noun
 */
export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Seconds before opening at which a screen reader is told; every second would be noise. */
const MILESTONES = [3600, 600, 300, 60, 30, 10];

/**
 * The milestone that was crossed between two looks at the clock, or null.
 * @param {number} beforeMs time left at the earlier look
 * @param {number} nowMs time left now
 */
export function milestone(beforeMs, nowMs) {
  const crossed = MILESTONES.filter((s) => beforeMs > s * 1000 && nowMs <= s * 1000 && nowMs > 0);
  return crossed.length === 0 ? null : Math.min(...crossed);
}
