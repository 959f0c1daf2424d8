import { describe, expect, it } from 'vitest';
import { createClock } from '../../server/public/js/clock.js';
import { onReturn, steadyNow } from '../../server/public/js/steady.js';
import fc from '../properties.ts';

/** The server's clock runs this far ahead of the monotonic one in these tests. */
const TRUE_OFFSET_MS = 1_700_000_000_000;

/** A round trip of which the server wrote the time after `thereMs`. */
function roundTrip(sentAt: number, thereMs: number, backMs: number) {
  return {
    sentAt,
    receivedAt: sentAt + thereMs + backMs,
    serverTimeMs: TRUE_OFFSET_MS + sentAt + thereMs,
  };
}

describe('the clock of the server', () => {
  it('is wrong by half the shortest round trip at the most', () => {
    const trips = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 900 })),
      {
        minLength: 1,
      },
    );
    fc.assert(
      fc.property(trips, (list) => {
        const clock = createClock();
        let at = 1000;
        for (const [there, back] of list) {
          clock.sample(roundTrip(at, there, back));
          at += 2000;
        }
        const shortest = Math.min(...list.map(([there, back]) => there + back));
        const aged = list.length * 4000 * 0.0002;
        expect(Math.abs(clock.at(at) - at - TRUE_OFFSET_MS)).toBeLessThanOrEqual(
          shortest / 2 + aged,
        );
      }),
    );
  });

  it('keeps a short round trip and does not follow a long, lopsided one', () => {
    const clock = createClock();
    clock.sample(roundTrip(0, 5, 5));
    clock.sample(roundTrip(1000, 800, 10));
    expect(clock.at(3000) - 3000).toBe(TRUE_OFFSET_MS);
  });

  it('does not let a whole-second Date header spoil an exact time', () => {
    const clock = createClock();
    clock.sample(roundTrip(0, 20, 20));
    clock.sample({
      sentAt: 500,
      receivedAt: 510,
      serverTimeMs: TRUE_OFFSET_MS,
      resolutionMs: 1000,
    });
    expect(clock.at(600) - 600).toBe(TRUE_OFFSET_MS);
  });

  it('starts over when a clock has jumped, as after a night with the lid closed', () => {
    const clock = createClock();
    clock.sample(roundTrip(0, 1, 1));
    const slept = 3_600_000;
    clock.sample({ sentAt: 100, receivedAt: 500, serverTimeMs: TRUE_OFFSET_MS + slept + 300 });
    expect(clock.at(500) - 500).toBe(TRUE_OFFSET_MS + slept);
  });

  it('goes on while the computer sleeps, and the page then asks for the time', async () => {
    const [ownNow, ownDate] = [performance.now, Date.now];
    const wall = Date.now();
    // They go on from where they are: the process may be older than any number here.
    let [monotonicMs, wallMs] = [Math.round(performance.now()), wall];
    performance.now = () => monotonicMs;
    Date.now = () => wallMs;
    const listeners: Record<string, () => void> = {};
    const target = {
      addEventListener: (name: string, listener: () => void) => {
        listeners[name] = listener;
      },
    };
    Object.assign(globalThis, { document: { ...target, hidden: false }, window: target });
    try {
      let asked = 0;
      onReturn(() => {
        asked += 1;
      });
      const clock = createClock();
      const at = steadyNow();
      clock.sample({ sentAt: at, receivedAt: at, serverTimeMs: wall });
      const pass = async (monotonic: number, byTheClock: number) => {
        monotonicMs += monotonic;
        wallMs += byTheClock;
        const now = clock.at(steadyNow());
        await Promise.resolve();
        return now - wall;
      };
      const hour = 3_600_000;
      expect([await pass(100, 100), asked]).toEqual([100, 0]);
      expect([await pass(50, hour + 50), asked]).toEqual([hour + 150, 1]);
      // A browser whose monotonic clock goes on during sleep, and a clock that is set back.
      expect([await pass(hour, hour), asked]).toEqual([2 * hour + 150, 1]);
      expect([await pass(100, -hour), asked]).toEqual([2 * hour + 250, 1]);
      listeners['visibilitychange']?.();
      expect(asked).toBe(2);
    } finally {
      performance.now = ownNow;
      Date.now = ownDate;
      Object.assign(globalThis, { document: undefined, window: undefined });
    }
  });

  it('takes no nonsense', () => {
    const clock = createClock();
    clock.sample({ sentAt: 0, receivedAt: 1, serverTimeMs: Number.NaN });
    clock.sample({ sentAt: 5, receivedAt: 1, serverTimeMs: TRUE_OFFSET_MS });
    expect(clock.known()).toBe(false);
  });
});
