import { describe, expect, it } from 'vitest';
import { retrySeconds, shopTime } from '../../server/public/js/api.js';
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

const pace = (
  phase: 'scheduled' | 'open' | 'closed',
  ms: number,
  { random = 0.5, hidden = false } = {},
) => pollDelayMs({ phase, opensInMs: ms, quietMs: ms, hidden, random });

/** How often a page looks from then on until the sale has opened, and when it looked last before. */
function looksBefore(opensInMs: number, random: () => number) {
  let looks = 0;
  let leftMs = opensInMs;
  let lastMs = opensInMs;
  for (; leftMs > 0; looks += 1) {
    lastMs = leftMs;
    leftMs -= pace('scheduled', leftMs, { random: random() });
  }
  return { looks, lastMs, firstAfterMs: -leftMs };
}

const SHARE = fc.double({ min: 0, max: 1, noNaN: true });

describe('the pace of asking', () => {
  it('grows with the logarithm of the time until the opening', () => {
    const minute = 60_000;
    for (const [waitMs, most] of [
      [10 * minute, 12],
      [1_440 * minute, 24],
      [525_600 * minute, 40],
    ] as const) {
      fc.assert(
        fc.property(fc.infiniteStream(SHARE), (shares) => {
          const next = () => shares.next().value as number;
          expect(looksBefore(waitMs, next).looks).toBeLessThanOrEqual(most);
        }),
      );
    }
  });

  it('has a look shortly before the opening, and one shortly after', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e10 }), fc.infiniteStream(SHARE), (waitMs, shares) => {
        const next = () => shares.next().value as number;
        const { lastMs, firstAfterMs } = looksBefore(waitMs, next);
        expect(lastMs).toBeLessThanOrEqual(20_000);
        expect(firstAfterMs).toBeGreaterThanOrEqual(1_000 - 1e-6);
        expect(firstAfterMs).toBeLessThanOrEqual(31_000);
      }),
    );
  });

  it('is soon when something has just happened, and ever later while it is quiet', () => {
    expect([0, 4_000, 12_000, 3_600_000].map((ms) => pace('open', ms))).toEqual([
      5_000, 5_000, 12_000, 30_000,
    ]);
    expect(pace('closed', 3_600_000)).toBe(600_000);
    expect(pace('open', 0, { hidden: true })).toBe(50_000);
    expect([0, 1].map((random) => Math.round(pace('open', 10_000, { random })))).toEqual([
      7_000, 13_000,
    ]);
  });

  it('looks for refunds ever more seldom', () => {
    expect([0, 1, 3, 20].map((looks) => refundLookDelayMs(looks, 1))).toEqual([
      60_000, 120_000, 480_000, 900_000,
    ]);
    expect(refundLookDelayMs(0, 0)).toBe(6_000);
  });

  it('backs off after failures, within bounds', () => {
    const none = { kind: 'unanswered' } as const;
    expect([1, 2, 3, 10].map((n) => backoffMs(none, n, 1))).toEqual([1000, 2000, 4000, 60_000]);
    expect(backoffMs(none, 10, 0)).toBe(30_000);
    expect(backoffMs(none, 10, 0, 15_000)).toBe(7_500);
  });

  it('asks not before the time that the shop asks for, and pages spread over a quarter of it', () => {
    const refused = {
      kind: 'refused',
      ...{ status: 503, verdict: 'overloaded', retryAfterSeconds: 90 },
      ...{ statusUrl: null, reason: null, challenge: null },
    } as const;
    expect([0, 1].map((random) => backoffMs(refused, 1, random))).toEqual([90_000, 112_500]);
  });
});

describe("the shop's time in an answer", () => {
  const timeOf = (headers: Record<string, string>) => shopTime(new Headers(headers));

  it('is as written when a web node has answered', () => {
    expect(timeOf({ 'x-shop-time': '1700000000500' })).toEqual({
      serverTimeMs: 1_700_000_000_500,
      resolutionMs: 0,
      ageMs: 0,
    });
  });

  it('is later by the age of the copy of an edge, and of a CDN', () => {
    const copy = {
      'x-shop-time': '1700000000500',
      'x-edge-asked': '99.750',
      'x-edge-answered': '100.500',
    };
    expect(timeOf(copy)).toEqual({
      serverTimeMs: 1_700_000_001_250,
      resolutionMs: 0,
      ageMs: 750,
    });
    expect(timeOf({ ...copy, age: '2' })).toEqual({
      serverTimeMs: 1_700_000_003_250,
      resolutionMs: 1_000,
      ageMs: 2_750,
    });
  });

  it('is what the answer says where the header was lost, and may be a second later', () => {
    const written = '2026-01-01T00:00:00.250Z';
    expect(shopTime(new Headers({ age: '2' }), written)).toEqual({
      serverTimeMs: Date.parse(written) + 2_000,
      resolutionMs: 1_000,
      ageMs: 2_000,
    });
  });

  it('is not known without the header and the answer', () => {
    expect(timeOf({}).serverTimeMs).toBeNaN();
    expect(timeOf({ age: 'x', 'x-edge-asked': '' }).ageMs).toBe(0);
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

  it('makes UUIDs of version 7 from random bytes, in the order of time', () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const time = fc.nat({ max: Date.parse('2200-01-01') });
    fc.assert(
      fc.property(bytes, bytes, time, fc.integer({ min: 1, max: 1e9 }), (one, two, at, later) => {
        expect(uuidOf(one, at)).toMatch(uuid);
        expect(uuidOf(one, at) < uuidOf(two, at + later)).toBe(true);
      }),
    );
  });
});
