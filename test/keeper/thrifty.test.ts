import { expect, test } from 'vitest';
import { thrifty } from '../../keeper/thrifty.ts';

/** A question that takes `costMs`, and how often it was really asked. */
function question(costMs: number, fail = false) {
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
    ask: thrifty(ask, 0.02, () => nowMs),
    at: (ms: number) => {
      nowMs = 1_000 + ms;
    },
    asked: () => asked,
  };
}

test('a cheap look is made whenever it is asked for', async () => {
  const { ask, at } = question(20);
  expect(await ask()).toBe(1);
  at(1_000);
  expect(await ask()).toBe(2);
});

test('a dear one takes its share of the time and no more; until then the last answer stands', async () => {
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

test('one look at a time, and a failed one is not repeated at once either', async () => {
  const { ask, at, asked } = question(100, true);
  await expect(Promise.all([ask(), ask()])).rejects.toThrow('no answer 1');
  at(1_000);
  await expect(ask()).rejects.toThrow('no answer 1');
  at(5_000);
  await expect(ask()).rejects.toThrow('no answer 2');
  expect(asked()).toBe(2);
});
