import { parseTime } from './times.ts';

/** The kinds of goods: a small closed set that a sale file names (docs/decisions/0070). */

/**
 * `counted`: units of a stock. `daily`: no stock that ends, but one unit for each user and day. `amounts`: packets of a
 * pot of money, one for each user. `numbered`: seats, tickets or serial numbers, of which no two are alike.
 */
export const GOODS = ['counted', 'daily', 'amounts', 'numbered'] as const;
export type Goods = (typeof GOODS)[number];

/**
 * The stock of daily goods: more units than anybody will ever take. It counts them, and never ends. Units that
 * come back are added to grants, which have room for as many again.
 */
export const DAILY_UNITS = 1_000_000_000;

/** Whether it is a day of the calendar, as `2026-12-01`. */
export function isDay(value: unknown): value is string {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(value)) return false;
  return parseTime(`${value}T00:00:00Z`) !== undefined;
}

const calendars = new Map<string, Intl.DateTimeFormat>();

/**
 * Whether there is such a time zone of a place (IANA), such as Europe/Berlin, or UTC. Of the names without a
 * place, PostgreSQL takes some, such as CET, for another zone than Node does.
 */
export function isZone(zone: string): boolean {
  const isOne = zone === 'UTC' || /^[A-Za-z]+(\/[A-Za-z0-9_+-]+)+$/.test(zone);
  return isOne && calendarOf(zone) !== undefined;
}

/** The day of a moment by the calendar of a zone, as `2026-12-01`. @throws {RangeError} no such zone */
export function dayIn(zone: string, at: Date): string {
  const calendar = calendarOf(zone);
  if (calendar === undefined) throw new RangeError(`there is no time zone ${zone}`);
  return calendar.format(at);
}

function calendarOf(zone: string): Intl.DateTimeFormat | undefined {
  let calendar = calendars.get(zone);
  try {
    // The Swedish form is that of ISO 8601.
    calendar ??= new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' });
  } catch {
    return undefined;
  }
  calendars.set(zone, calendar);
  return calendar;
}
