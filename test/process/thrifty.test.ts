import { expect, test } from 'vitest';
import { thrifty } from '../../process/thrifty.ts';

/** A call that takes `costMs`, and the number of times it was made. */
function question(costMs: number, fail = false, pauseMaxMs?: number) {
  let nowMs = 1_000;
  let asked = 0;
  const ask = async () => {
    asked += 1;
    const nth = asked;
    await Promise.resolve();
    nowMs += costMs;
    if (fail) throw new Error(`no answer ${nth}`);
    return nth;
  };
  return {
    ask: thrifty(ask, 0.02, () => nowMs, pauseMaxMs),
    at: (ms: number) => {
      nowMs = 1_000 + ms;
    },
    asked: () => asked,
  };
}

test('a cheap call is made every time', async () => {
  const { ask, at } = question(20);
  expect(await ask()).toBe(1);
  at(1_000);
  expect(await ask()).toBe(2);
});

test('an expensive call takes no more than its share of the time; meanwhile the last answer is returned', async () => {
  const { ask, at, asked } = question(100);
  expect(await ask()).toBe(1);
  for (const ms of [1_000, 2_000, 4_999]) {
    at(ms);
    expect(await ask()).toBe(1);
  }
  at(5_000);
  expect(await ask()).toBe(2);
  expect(asked()).toBe(2);
});

test('there is one call at a time, and a failed call is not repeated at once either', async () => {
  const { ask, at, asked } = question(100, true);
  await expect(Promise.all([ask(), ask()])).rejects.toThrow('no answer 1');
  at(1_000);
  await expect(ask()).rejects.toThrow('no answer 1');
  at(5_000);
  await expect(ask()).rejects.toThrow('no answer 2');
  expect(asked()).toBe(2);
});

test('a pause has a longest time where one is given, and is never shorter than the call', async () => {
  const { ask, at } = question(1_000, false, 3_000);
  expect(await ask()).toBe(1);
  at(2_999);
  expect(await ask()).toBe(1);
  at(3_000);
  expect(await ask()).toBe(2);
});
