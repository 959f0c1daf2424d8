import { parseTime } from '../../contracts/times.ts';
import type { Moment } from './desired.ts';

/** Times and durations of sale files and commands. */

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `15m` in milliseconds; undefined for other texts. */
export function durationMs(text: string): number | undefined {
  const [, many, unit] = /^([1-9]\d{0,6})([smhd])$/.exec(text) ?? [];
  return many === undefined ? undefined : Number(many) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** A time with its zone, or `in 15s`; undefined for other texts and for days that do not exist. */
export function momentOf(text: string): Moment | undefined {
  const afterMs = text.startsWith('in ') ? durationMs(text.slice(3)) : undefined;
  if (afterMs !== undefined) return { afterMs };
  const at = parseTime(text);
  return at && { at };
}

/** The form that `untilOf` accepts, for error messages. */
export const UNTIL_FORM =
  'a time with its zone such as 2026-12-01T12:00:00+01:00, or +30m for so much later (s, m, h, d)';

/** A later closing time: a time, or so much after the present one; undefined for other texts. */
export function untilOf(text: string): ((present: Date) => Date) | undefined {
  const byMs = text.startsWith('+') ? durationMs(text.slice(1)) : undefined;
  if (byMs !== undefined) return (present) => new Date(present.getTime() + byMs);
  const moment = momentOf(text);
  return moment !== undefined && 'at' in moment ? () => moment.at : undefined;
}
