import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CallQueue, type Send } from '../../../zk/client/call-queue.ts';
import type { Result } from '../../../zk/client/result.ts';

/** More than may be under way. */
const CALLS = 1_200;
const DONE: Result<unknown> = { ok: true, value: undefined };

function callsOf(queue: CallQueue, count: number, withinMs: number, onSilent = () => {}) {
  const sent: Parameters<Send>[0][] = [];
  const results = Array.from({ length: count }, () =>
    queue.call((end) => sent.push(end), withinMs, onSilent),
  );
  return { sent, results };
}

it('calls are sent in order, and not too many at once', async () => {
  const queue = new CallQueue();
  const { sent, results } = callsOf(queue, CALLS, 60_000);
  expect(sent.length).toBe(500);
  const numbers: number[] = [];
  results.forEach((result, number) => void result.then(() => numbers.push(number)));
  for (let at = 0; at < CALLS; at += 1) sent[at]?.(DONE);
  expect(await Promise.all(results)).toEqual(Array(CALLS).fill(DONE));
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});

it('a call waits on while the server answers others, and not when it falls silent', async () => {
  const queue = new CallQueue();
  let silent = 0;
  const { sent, results } = callsOf(queue, 4, 4_000, () => (silent += 1));
  for (const end of sent.slice(0, 3)) {
    await delay(1_500);
    queue.answered();
    end(DONE);
  }
  expect(silent).toBe(0);
  expect(await results[3]).toEqual({ ok: false, error: 'timed_out' });
  expect(silent).toBe(1);
});

it('a lost connection ends all calls, whether they were sent or not', async () => {
  const queue = new CallQueue();
  const { results } = callsOf(queue, CALLS, 60_000);
  queue.close();
  const errors = (await Promise.all(results)).map((result) => !result.ok && result.error);
  expect(errors.filter((error) => error === 'connection_loss').length).toBe(500);
  expect(errors.filter((error) => error === 'not_connected').length).toBe(CALLS - 500);
  expect(
    await queue.call(
      () => {},
      1,
      () => {},
    ),
  ).toEqual({ ok: false, error: 'not_connected' });
});

it('a malformed path is refused and leaves nothing behind', async () => {
  const queue = new CallQueue();
  let silent = 0;
  const refused = queue.call(
    () => {
      throw new TypeError('a path begins with /');
    },
    50,
    () => (silent += 1),
  );
  expect(await refused).toEqual({ ok: false, error: 'refused' });
  await delay(150);
  expect(silent).toBe(0);
});
