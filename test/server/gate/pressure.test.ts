import { describe, expect, it } from 'vitest';
import { Pressure, Threshold } from '../../../server/gate/pressure.ts';
import { until } from '../../until.ts';

const FAR = { eventLoopDelayMs: 1e6, queueMessages: 1e6, unconfirmedMessages: 1e6 };

describe('a threshold', () => {
  it('is left only well below the value at which it was entered', () => {
    const threshold = new Threshold(100);
    const judged = [99, 100, 101, 60, 51, 50, 60, 101].map((value) => threshold.judge(value));
    expect(judged).toEqual([false, false, true, true, true, false, false, true]);
  });
});

describe('the overload', () => {
  it('of the queue applies to its schema only, and ends with it', async () => {
    const messages = new Map([
      ['regular', 5],
      ['hot', 50],
    ]);
    const pressure = new Pressure(
      { ...FAR, queueMessages: 10 },
      { unconfirmed: () => 0, queueMessages: async () => messages },
    );
    pressure.start();
    await until('the hot queue is too long', async () => pressure.cause('hot') === 'queue');
    expect(pressure.cause('regular')).toBeUndefined();
    messages.set('hot', 3);
    await until('it is short again', async () => pressure.cause('hot') === undefined);
    pressure.stop();
  });

  it('of unconfirmed messages applies whatever the broker says of its queues', async () => {
    let unconfirmed = 11;
    const pressure = new Pressure(
      { ...FAR, unconfirmedMessages: 10 },
      { unconfirmed: () => unconfirmed, queueMessages: () => Promise.reject(new Error('away')) },
    );
    pressure.start();
    await until('too many', async () => pressure.cause('regular') === 'unconfirmed');
    unconfirmed = 0;
    await until('few again', async () => pressure.cause('regular') === undefined);
    pressure.stop();
  });

  it('of the event loop is detected by its delay', async () => {
    const pressure = new Pressure(
      { ...FAR, eventLoopDelayMs: 200 },
      { unconfirmed: () => 0, queueMessages: async () => new Map() },
    );
    pressure.start();
    const block = setInterval(() => {
      const untilMs = performance.now() + 600;
      while (performance.now() < untilMs);
    }, 1);
    await until('the loop is late', async () => pressure.cause('hot') === 'event_loop');
    clearInterval(block);
    await until('it is in time again', async () => pressure.cause('hot') === undefined);
    pressure.stop();
  });
});
