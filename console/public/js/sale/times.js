// @ts-check
/** Times with their zone, as a sale file has them, and as a browser's field for times has them. Pure. */

/** The zone of this browser. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * Minutes that a zone is ahead of UTC at a moment.
 * @param {number} ms
 * @param {string} zone
 */
function offsetMinutes(ms, zone) {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
    formats.set(zone, format);
  }
  const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/**
 * The wall clock of a zone at a time, such as `2026-12-01T10:00:00`; empty if the text is no time.
 * @param {string} text with its zone
 * @param {string} zone
 */
export function wallClock(text, zone) {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return '';
  return new Date(ms + offsetMinutes(ms, zone) * 60_000).toISOString().slice(0, 19);
}

/**
 * The time at which the wall clock of a zone shows this, with its offset; empty if nothing was chosen.
 * @param {string} wall of a browser's field: `2026-12-01T10:00`, or with seconds
 * @param {string} zone
 */
export function timeText(wall, zone) {
  const asUtc = Date.parse(`${wall}Z`);
  if (Number.isNaN(asUtc)) return wall;
  // The offset may change between the guess and the time itself.
  let minutes = offsetMinutes(asUtc, zone);
  minutes = offsetMinutes(asUtc - minutes * 60_000, zone);
  const two = (/** @type {number} */ value) => String(Math.floor(value)).padStart(2, '0');
  const size = Math.abs(minutes);
  const offset =
    minutes === 0 ? 'Z' : `${minutes < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`;
  return `${wall.length === 16 ? `${wall}:00` : wall}${offset}`;
}
