// @ts-check
/** Numbers and words as people read them. */

const UNKNOWN = '–';

/** @param {number | null | undefined} value */
export function count(value) {
  return value === null || value === undefined ? UNKNOWN : value.toLocaleString('en');
}

/** A moment, in the time zone of the reader. @param {string | number} at */
export function moment(at) {
  return new Date(at).toLocaleString('en-GB');
}

/** A rate: whole above 10, else with one digit. @param {number | null | undefined} value */
export function rate(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

/** @param {number | null | undefined} ms */
export function milliseconds(ms) {
  if (ms === null || ms === undefined) return UNKNOWN;
  return ms >= 1_000
    ? `${(ms / 1_000).toLocaleString('en', { maximumFractionDigits: 1 })} s`
    : `${Math.round(ms)} ms`;
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return share.toLocaleString('en', { style: 'percent', maximumFractionDigits: 1 });
}

/** @type {Record<string, string>} */
const VERDICTS = {
  queued: 'taken',
  shed: 'not kept (shed)',
  quota_spent: 'no units at this node now',
  quota_unavailable: 'quota unknown',
  not_open: 'not open yet',
  rate_limited: 'too many requests',
  cooldown: 'too soon after the last press',
  ticket_invalid: 'ticket not valid',
  bad_request: 'not understood',
};

/** @param {string} verdict */
export function verdictText(verdict) {
  return VERDICTS[verdict] ?? verdict.replaceAll('_', ' ');
}

/** @type {Record<string, string>} */
const CAUSES = {
  idle_node: 'at web nodes where nobody presses',
  dead_node: 'of a web node that has ended',
  pinned: 'pinned to a web node',
  small_slot: 'in slots that are too small',
  unpaid: 'ordered, not paid yet',
  queued: 'taken, not decided yet',
  dead_lettered: 'dead letters (messages)',
};

/** @param {string} cause */
export function causeText(cause) {
  return CAUSES[cause] ?? cause.replaceAll('_', ' ');
}

/** @param {{ opensAt: string, closesAt: string }} sale @param {number} nowMs */
export function saleState({ opensAt, closesAt }, nowMs) {
  const [opensMs, closesMs] = [Date.parse(opensAt), Date.parse(closesAt)];
  if (nowMs >= closesMs) return 'over';
  return nowMs < opensMs ? `opens in ${duration(opensMs - nowMs)}` : 'on sale';
}

/** @param {number} ms */
export function duration(ms) {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
