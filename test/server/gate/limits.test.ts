import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../../server/gate/buckets.ts';
import { ExpiryTable } from '../../../server/gate/expiry-table.ts';
import fc from '../../properties.ts';

/** Groups fill unevenly, so that a few keys push others out of a table with room. */
const FORGOTTEN_MAX = 0.002;

function shareForgotten(table: ExpiryTable, name: string, users: number, nowMs: number): number {
  let forgotten = 0;
  for (let user = 0; user < users; user += 1) {
    if (table.get(`${name}-${user}`, nowMs) === 0) forgotten += 1;
  }
  return forgotten / users;
}

describe('an expiry table', () => {
  it('answers like a map as long as there is room', () => {
    const key = fc.integer({ min: 0, max: 40 }).map((n) => `user-${n}`);
    const act = fc.record({ key, sets: fc.boolean(), ahead: fc.nat(50), passes: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), fc.boolean(), (acts, grows) => {
        const table = new ExpiryTable(4_096, grows);
        const model = new Map<string, number>();
        let nowMs = 1_000;
        for (const { key, sets, ahead, passes } of acts) {
          nowMs += passes;
          if (sets) {
            table.set(key, nowMs + ahead, nowMs);
            model.set(key, nowMs + ahead);
          } else {
            const untilMs = model.get(key) ?? 0;
            expect(table.get(key, nowMs)).toBe(untilMs > nowMs ? untilMs : 0);
          }
        }
      }),
    );
  });

  it('holds a million users and forgets hardly any', () => {
    const users = 1_000_000;
    const table = new ExpiryTable(2_097_152);
    for (let user = 0; user < users; user += 1) table.set(`user-${user}`, 2_000, 1_000);
    expect(shareForgotten(table, 'user', users, 1_000)).toBeLessThan(FORGOTTEN_MAX);
    // An unknown key is not taken for a known one.
    let mistaken = 0;
    for (let user = 0; user < users; user += 1) {
      if (table.get(`stranger-${user}`, 1_000) !== 0) mistaken += 1;
    }
    expect(mistaken).toBeLessThanOrEqual(5);
  });

  it('has in use what the most keys at once need, however many come one after the other', () => {
    const table = new ExpiryTable(2_097_152);
    const first = table.entries;
    for (let user = 0; user < 100_000; user += 1) table.set(`user-${user}`, user + 500, user);
    expect(table.entries).toBeLessThan(3 * first);
    for (let user = 0; user < 10_000; user += 1) table.set(`more-${user}`, 200_000, 100_000);
    expect(shareForgotten(table, 'more', 10_000, 100_000)).toBeLessThan(FORGOTTEN_MAX);
    expect(table.entries).toBeGreaterThan(30_000);
    expect(table.entries).toBeLessThan(100_000);
    expect(table.capacity).toBe(2_097_152);
  });

  it('forgets the entry that is nearest to its end when a group is full', () => {
    const table = new ExpiryTable(16);
    for (let key = 0; key < 16; key += 1) table.set(`${key}`, 100 + key, 0);
    table.set('one more', 500, 0);
    expect(table.get('0', 0)).toBe(0);
    expect(table.get('1', 0)).toBe(101);
    expect(table.get('one more', 0)).toBe(500);
  });
});

describe('a token bucket', () => {
  it('gives its burst at once, then its rate, and never more in any second', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 300 }),
        (perSecond, pauses) => {
          const buckets = new TokenBuckets({ perSecond, keysMax: 64 });
          const taken: number[] = [];
          let nowMs = 0;
          for (const pause of pauses) {
            nowMs += pause;
            if (buckets.take('ada', nowMs) === 0) taken.push(nowMs);
          }
          for (const [index, at] of taken.entries()) {
            const within = taken.slice(index).filter((other) => other - at < 1_000);
            expect(within.length).toBeLessThanOrEqual(2 * perSecond);
          }
          expect(taken[0]).toBe(pauses[0]);
        },
      ),
    );
  });

  it('says how long to wait, and a request after that time is let through', () => {
    const buckets = new TokenBuckets({ perSecond: 2, burst: 1, keysMax: 64 });
    expect(buckets.take('ada', 0)).toBe(0);
    expect(buckets.take('ada', 100)).toBe(400);
    expect(buckets.take('ada', 499)).toBeGreaterThan(0);
    expect(buckets.take('bob', 100)).toBe(0);
    expect(buckets.take('ada', 500)).toBe(0);
  });

  it('that is one of several gives its part, and at least one token', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        (perSecond, parts) => {
          const buckets = new TokenBuckets({ perSecond, keysMax: 64 });
          let taken = 0;
          while (buckets.take('ada', 0, parts) === 0) taken += 1;
          expect(taken).toBe(Math.max(1, Math.floor(perSecond / parts)));
          // Another part comes back within a second, or one token after its own time.
          const laterMs = Math.max(1_000, (1_000 / perSecond) * parts);
          for (taken = 0; buckets.take('ada', laterMs, parts) === 0; ) taken += 1;
          expect(taken).toBe(Math.max(1, Math.floor(perSecond / parts)));
        },
      ),
    );
  });
});
