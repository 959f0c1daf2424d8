import { describe, expect, it } from 'vitest';
import { retrySeconds } from '../../server/public/js/api.js';
import {
  milestone,
  salePhase,
  secondsLeft,
  shortTime,
  spokenTime,
} from '../../server/public/js/countdown.js';
import { pictureOf } from '../../server/public/js/format.js';
import { uuidOf } from '../../server/public/js/key.js';
import { speak } from '../../server/public/js/language.js';
import { backoffMs, pollDelayMs, refundLookDelayMs } from '../../server/public/js/pace.js';
import fc from '../properties.ts';

await speak('en', []);

const OPENS = Date.parse('2030-01-01T12:00:00Z');
const CLOSES = Date.parse('2030-01-01T13:00:00Z');
const sale = (state: string) => ({
  state,
  opensAt: new Date(OPENS).toISOString(),
  closesAt: new Date(CLOSES).toISOString(),
});

describe('the phase of a sale', () => {
  it.each([
    ['scheduled', OPENS - 1, 'scheduled'],
    ['scheduled', OPENS, 'open'],
    ['open', OPENS - 500, 'open'],
    ['open', CLOSES - 1, 'open'],
    ['open', CLOSES, 'closed'],
    ['paused', OPENS + 1, 'paused'],
    ['closed', OPENS + 1, 'closed'],
  ])('the server says %s, its clock %d: %s', (state, now, phase) => {
    expect(salePhase(sale(state), now)).toBe(phase);
  });
});

describe('the countdown', () => {
  it('shows the last second as 1 and reaches 0 exactly at the moment', () => {
    expect([1001, 1000, 1, 0, -5].map(secondsLeft)).toEqual([2, 1, 1, 0, 0]);
  });

  it.each([
    [9_000, '00:09', '9 seconds'],
    [843_000, '14:03', '14 minutes 3 seconds'],
    [8_043_000, '2:14:03', '2 hours 14 minutes'],
    [90_061_000, '1 day 1 hr', '1 day 1 hour'],
    [31_535_940_000, '364 days 23 hr', '364 days 23 hours'],
    [0, '00:00', '0 seconds'],
  ])('%d ms: %s, %s', (ms, short, spoken) => {
    expect(shortTime(ms)).toBe(short);
    expect(spokenTime(ms)).toBe(spoken);
  });

  it('announces a milestone once, and only the nearest one after a long sleep', () => {
    expect(milestone(60_100, 60_000)).toBe(60);
    expect(milestone(60_000, 59_900)).toBeNull();
    expect(milestone(4_000_000, 25_000)).toBe(30);
    expect(milestone(500, -1)).toBeNull();
  });
});

describe('the pace of asking', () => {
  const pace = (phase: 'scheduled' | 'open', opensInMs: number, hidden = false) =>
    pollDelayMs({ phase, opensInMs, hidden, random: 0.5 });

  it('is about a second when it matters and slow when it does not', () => {
    expect(pace('open', -1)).toBe(1000);
    expect(pace('scheduled', 30_000)).toBe(1000);
    expect(pace('scheduled', 7_200_000)).toBe(60_000);
    expect(pace('open', -1, true)).toBe(10_000);
  });

  it('never sleeps through the minute before the opening', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60_001, max: 10_000_000 }),
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (opensInMs, hidden, random) => {
          const delay = pollDelayMs({ phase: 'scheduled', opensInMs, hidden, random });
          expect(opensInMs - delay).toBeGreaterThanOrEqual(55_000 - 1);
          expect(delay).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it('looks for refunds ever more seldom', () => {
    expect([0, 1, 3, 20].map((looks) => refundLookDelayMs(looks, 1))).toEqual([
      60_000, 120_000, 480_000, 900_000,
    ]);
    expect(refundLookDelayMs(0, 0)).toBe(6_000);
  });

  it('backs off after failures, within bounds', () => {
    expect([1, 2, 3, 10].map((n) => backoffMs(n, 1))).toEqual([1000, 2000, 4000, 15_000]);
    expect(backoffMs(10, 0)).toBe(7500);
  });
});

describe('small readers', () => {
  it.each([
    ['3', 3],
    ['2.4', 3],
    ['-1', 0],
    ['soon', 0],
    ['', 0],
    [null, 0],
    [new Date(OPENS + 4000).toUTCString(), 4],
  ])('Retry-After %j is %d s', (header, seconds) => {
    expect(retrySeconds(header, OPENS)).toBe(seconds);
  });

  it.each([
    ['TV', '65-inch panel', 'tv'],
    ['demo_phone', 'X', 'phone'],
    ['J1', 'Rain jacket', 'clothes'],
    ['activity', 'Activity kit', 'product'],
  ])('%s %s is shown as %s', (sku, title, picture) => {
    expect(pictureOf(sku, title)).toBe(picture);
  });

  it('makes version 4 UUIDs from random bytes', () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(uuidOf(bytes)).toMatch(uuid);
      }),
    );
  });
});
