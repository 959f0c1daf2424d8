import { describe, expect, test } from 'vitest';
import { parseMoment, parseTime } from '../../contracts/times.ts';
import fc from '../properties.ts';

const YEAR_0 = Date.UTC(2000, 0, 1);
const moments = fc.integer({ min: YEAR_0, max: Date.UTC(2100, 0, 1) });

describe('a time', () => {
  test('is parsed as Date writes it, in every zone', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: -14 * 60, max: 14 * 60 }), (ms, zoneMinutes) => {
        expect(parseTime(new Date(ms).toISOString())?.getTime()).toBe(ms);
        const local = new Date(ms + zoneMinutes * 60_000).toISOString().slice(0, -1);
        const two = (value: number) => String(Math.trunc(value)).padStart(2, '0');
        const [hours, minutes] = [Math.abs(zoneMinutes) / 60, Math.abs(zoneMinutes) % 60];
        const zone = `${zoneMinutes < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`;
        expect(parseTime(`${local}${zone}`)?.getTime()).toBe(ms);
      }),
    );
  });

  test.each([
    ['2026-11-21T10:00:00Z', '2026-11-21T10:00:00.000Z'],
    ['2026-11-21T10:00:00.123456Z', '2026-11-21T10:00:00.123Z'],
    ['2024-02-29T23:59:59+23:59', '2024-02-29T00:00:59.000Z'],
  ])('%s', (text, said) => expect(parseTime(text)?.toISOString()).toBe(said));

  test.each([
    '',
    'HOT.12',
    'hot.12.34',
    '12',
    '2026',
    '2026-11-21',
    '2026-11-21T10:00:00',
    '2026-11-21T10:00Z',
    '2026-11-21 10:00:00Z',
    '2026-11-21t10:00:00z',
    '2026-02-30T10:00:00Z',
    '2025-02-29T10:00:00Z',
    '2026-13-01T10:00:00Z',
    '2026-11-21T24:00:00Z',
    '2026-11-21T10:00:60Z',
    '2026-11-21T10:00:00+24:00',
    '2026-11-21T10:00:00+01',
    ' 2026-11-21T10:00:00Z',
    '2026-11-21T10:00:00Z\n',
    'Sat, 21 Nov 2026 10:00:00 GMT',
    '-15m',
  ])('%j is none', (text) => expect(parseTime(text)).toBeUndefined());

  test('a mistyped text is refused unless it is a valid time', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const time = parseTime(text);
        if (time !== undefined) expect(text).toMatch(/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/);
      }),
    );
  });
});

describe('a moment', () => {
  const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

  test('is a time, or a duration ago', () => {
    const many = fc.integer({ min: 1, max: 999_999 });
    const unit = fc.constantFrom('s', 'm', 'h', 'd');
    fc.assert(
      fc.property(moments, many, unit, (nowMs, n, letter) => {
        expect(parseMoment(`-${n}${letter}`, nowMs)?.getTime()).toBe(nowMs - n * units[letter]);
      }),
    );
    expect(parseMoment('2026-11-21T10:00:00Z', 0)?.toISOString()).toBe('2026-11-21T10:00:00.000Z');
  });

  test.each(['15m', '-0m', '-015m', '-15', '-15 m', '-15M', '-1.5h', '-15min', '+15m', 'now'])(
    '%j is none',
    (text) => expect(parseMoment(text, 0)).toBeUndefined(),
  );
});
