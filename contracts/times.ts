/** The one strict parser for times from people and other programs. */

const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;
const AGO = /^-([1-9]\d{0,5})([smhd])$/;
const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A description of what `parseMoment` accepts, for error messages. */
export const MOMENT_FORM = 'a time with a zone such as 2026-11-21T10:00:00Z, or -15m (s, m, h, d)';

/**
 * Parses RFC 3339 with a zone, in capitals: `2026-11-21T10:00:00Z` or
 * `2026-11-21T11:00:00.5+01:00`. Leap seconds are refused, because databases cannot store them.
 *
 * @returns undefined for everything else, including days that do not exist
 */
export function parseTime(text: string): Date | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, , sign, zoneHours, zoneMinutes] = match;
  if (Number(zoneHours ?? 0) > 23 || Number(zoneMinutes ?? 0) > 59) return undefined;
  const written = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const local = new Date(`${written}Z`);
  // `Date` turns 30 February into a day in March.
  if (Number.isNaN(local.getTime()) || !local.toISOString().startsWith(written)) return undefined;
  const zoneMs = (Number(zoneHours ?? 0) * 60 + Number(zoneMinutes ?? 0)) * 60_000;
  const fractionMs = Math.trunc(Number(`0.${match[7] ?? 0}`) * 1_000);
  return new Date(local.getTime() + fractionMs - (sign === '-' ? -zoneMs : zoneMs));
}

/**
 * Parses a time, or a duration before `nowMs` such as `-15m`.
 *
 * @returns undefined when `text` is neither
 */
export function parseMoment(text: string, nowMs: number): Date | undefined {
  const [, many, unit] = AGO.exec(text) ?? [];
  if (many === undefined) return parseTime(text);
  return new Date(nowMs - Number(many) * UNIT_MS[unit as keyof typeof UNIT_MS]);
}
