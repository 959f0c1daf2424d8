import { describe, expect, it } from 'vitest';
import { dayIn, isDay, isZone } from '../../contracts/goods.ts';

const at = (time: string) => new Date(time);

describe('the day of a moment', () => {
  it.each([
    // The clocks of Berlin go back at 01:00 UTC and forward at 01:00 UTC: days of 25 and of 23 hours.
    ['Europe/Berlin', '2026-10-24T21:59:59.999Z', '2026-10-24'],
    ['Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-25'],
    ['Europe/Berlin', '2026-10-25T22:59:59.999Z', '2026-10-25'],
    ['Europe/Berlin', '2026-10-25T23:00:00Z', '2026-10-26'],
    ['Europe/Berlin', '2027-03-27T23:00:00Z', '2027-03-28'],
    ['Europe/Berlin', '2027-03-28T21:59:59.999Z', '2027-03-28'],
    ['Europe/Berlin', '2027-03-28T22:00:00Z', '2027-03-29'],
    // Beirut has no midnight on the day on which its clocks go forward.
    ['Asia/Beirut', '2027-03-27T21:59:59Z', '2027-03-27'],
    ['Asia/Beirut', '2027-03-27T22:00:00Z', '2027-03-28'],
    ['Pacific/Kiritimati', '2026-12-31T10:00:00Z', '2027-01-01'],
    ['America/St_Johns', '2027-01-01T03:29:59Z', '2026-12-31'],
  ])('in %s at %s is %s', (zone, time, day) => {
    expect(dayIn(zone, at(time))).toBe(day);
  });
});

it.each(['Europe/Berlin', 'America/Argentina/Buenos_Aires', 'UTC', 'Asia/Ho_Chi_Minh'])(
  '%s is a time zone',
  (zone) => expect(isZone(zone)).toBe(true),
);
it.each([
  '',
  'Mars/Olympus',
  '+01:00',
  'Europe/Berlin ',
  'Europe',
  '../etc/passwd',
  'CET-1',
  'CET',
  'MET',
  'EST5EDT',
])('%j is no time zone', (zone) => expect(isZone(zone)).toBe(false));

it.each([
  ['2026-02-28', true],
  ['2026-02-30', false],
  ['2026-2-3', false],
  ['20260203', false],
  [20260203, false],
  [undefined, false],
])('%j is a day: %s', (value, isOne) => expect(isDay(value)).toBe(isOne));
