import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Circuit } from '../../process/circuit.ts';

const OPEN_MS = 1_000;
let circuit: Circuit;
let called: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] });
  called = 0;
  const isFailure = (result: unknown) => result === 'bad';
  circuit = new Circuit({ failuresMax: 2, openMs: OPEN_MS, isFailure });
});
afterEach(() => void vi.useRealTimers());

const run = (result: string | Promise<string>) =>
  circuit.run(async () => {
    called += 1;
    return result;
  });

/** A call that ends when the test says so. */
function begin() {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { ended: run(promise), end: resolve };
}

async function open(): Promise<void> {
  await run('bad');
  await run('bad');
  expect(circuit.available()).toBe(false);
}

test('failures in a row open it: results that are failures, and errors', async () => {
  await run('bad');
  await run('good');
  await run('bad');
  expect(circuit.available()).toBe(true);
  await expect(run(Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(circuit.available()).toBe(false);
  expect(await run('good')).toBeUndefined();
  expect(called).toBe(4);
});

test.each([-3_600_000, 0, 3_600_000])(
  'it stays open for its time when the wall clock is set by %s ms',
  async (stepMs) => {
    await open();
    vi.setSystemTime(Date.now() + stepMs);
    vi.advanceTimersByTime(OPEN_MS - 1);
    expect([circuit.available(), await run('good')]).toEqual([false, undefined]);
    vi.advanceTimersByTime(1);
    expect([circuit.available(), await run('good')]).toEqual([true, 'good']);
  },
);

test('one call tries; all others are refused at once until it ends', async () => {
  await open();
  vi.advanceTimersByTime(OPEN_MS);
  const trial = begin();
  vi.advanceTimersByTime(10 * OPEN_MS);
  expect([circuit.available(), await run('good')]).toEqual([false, undefined]);
  trial.end('good');
  expect(await trial.ended).toBe('good');
  expect(circuit.available()).toBe(true);
  // It is closed as if nothing had been.
  await run('bad');
  expect(await run('good')).toBe('good');
});

test.each([
  ['has a bad result', () => 'bad'],
  ['throws', () => Promise.reject(new Error('away'))],
])('a trial that %s opens it for the whole time again', async (_, result) => {
  await open();
  vi.advanceTimersByTime(OPEN_MS);
  await run(result()).catch(() => {});
  vi.advanceTimersByTime(OPEN_MS - 1);
  expect(circuit.available()).toBe(false);
  vi.advanceTimersByTime(1);
  expect(await run('good')).toBe('good');
});

test('calls that began before it opened change nothing afterwards', async () => {
  const before = [begin(), begin(), begin(), begin()];
  await open();
  const end = async (at: number, result: string) => {
    before[at]?.end(result);
    expect(await before[at]?.ended).toBe(result);
  };
  await end(0, 'good');
  expect(circuit.available()).toBe(false);
  vi.advanceTimersByTime(OPEN_MS);
  const trial = begin();
  await end(1, 'bad');
  trial.end('good');
  await trial.ended;
  await end(2, 'bad');
  await end(3, 'bad');
  expect(circuit.available()).toBe(true);
});
