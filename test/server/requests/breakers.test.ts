import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PublishResult } from '../../../broker/publisher.ts';
import { breakOutcomes, PublishBreaker } from '../../../server/requests/breakers.ts';

const HOUR_MS = 3_600_000;
/** After this long an open circuit lets one call try. */
const OPEN_MS = 2_000;
const FAILURES = [1, 2, 3, 4, 5];
const message = { content: Buffer.alloc(0) } as never;

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

describe('the circuit breaker of publishing', () => {
  let answer: PublishResult | Promise<PublishResult>;
  let sent: number;
  let breaker: PublishBreaker;
  beforeEach(() => {
    answer = 'unknown';
    sent = 0;
    breaker = new PublishBreaker(async () => {
      sent += 1;
      return answer;
    });
  });
  const publish = () => breaker.publish(message, () => {});
  async function open(): Promise<void> {
    for (const _ of FAILURES) expect(await publish()).toBe('unknown');
    expect(breaker.available()).toBe(false);
  }

  it('opens after consecutive failures, sends nothing while open, and closes when a trial succeeds', async () => {
    await open();
    expect(await publish()).toBe('refused');
    expect(sent).toBe(5);
    answer = 'confirmed';
    vi.advanceTimersByTime(OPEN_MS);
    expect(breaker.available()).toBe(true);
    expect(await publish()).toBe('confirmed');
    expect(await publish()).toBe('confirmed');
    expect(breaker.available()).toBe(true);
  });

  it('does not open for answers, including returned messages', async () => {
    answer = 'returned';
    for (let call = 0; call < 20; call += 1) await publish();
    expect(breaker.available()).toBe(true);
  });

  it('lets a message through when it says so, although the wall clock was set back', async () => {
    await open();
    answer = 'confirmed';
    vi.setSystemTime(Date.now() - HOUR_MS);
    vi.advanceTimersByTime(OPEN_MS);
    expect([breaker.available(), await publish()]).toEqual([true, 'confirmed']);
  });

  it('draws nothing during a trial, and sends a message at once or never', async () => {
    await open();
    const trial = Promise.withResolvers<PublishResult>();
    answer = trial.promise;
    vi.advanceTimersByTime(OPEN_MS);
    const first = publish();
    expect(sent).toBe(6);
    expect(breaker.available()).toBe(false);
    // After the trial, a check of the caller, such as that of the node's session, may no longer be true.
    const second = publish();
    trial.resolve('confirmed');
    expect(await Promise.all([first, second])).toEqual(['confirmed', 'refused']);
    expect(sent).toBe(6);
    expect(breaker.available()).toBe(true);
  });
});

describe('the circuit breaker of look-ups', () => {
  let asked: number;
  let isAway: boolean;
  const nothing = { rows: [], missing: [] };
  let outcomesOf: ReturnType<typeof breakOutcomes>;
  beforeEach(async () => {
    asked = 0;
    isAway = true;
    outcomesOf = breakOutcomes(async () => {
      asked += 1;
      if (isAway) throw new Error('no connection');
      return nothing;
    });
    for (const _ of FAILURES) await expect(outcomesOf(['x'])).rejects.toThrow('no c');
  });

  it('answers status_unavailable at once while the database does not answer', async () => {
    await expect(outcomesOf(['x'])).rejects.toMatchObject({ verdict: 'status_unavailable' });
    expect(asked).toBe(5);
  });

  it('asks a database that is back, although the wall clock was set back', async () => {
    isAway = false;
    vi.setSystemTime(Date.now() - HOUR_MS);
    vi.advanceTimersByTime(OPEN_MS);
    expect(await outcomesOf(['x'])).toEqual(nothing);
  });
});
