import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Lookup } from '../../../server/requests/lookup.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('look-ups in quick succession share a query every 20 ms, and a single one waits 5 ms', async () => {
  const queries: string[][] = [];
  const lookup = new Lookup(
    async (ids) => {
      queries.push(ids);
      return { rows: ids.map((id) => ({ id })), missing: [] };
    },
    ({ id }) => id,
  );
  await vi.advanceTimersByTimeAsync(1_000);
  const lone = lookup.find('lone');
  await vi.advanceTimersByTimeAsync(5);
  expect(queries).toEqual([['lone']]);
  expect(await lone).toEqual({ id: 'lone' });

  const asked: Promise<unknown>[] = [];
  for (let ms = 0; ms < 1_000; ms += 1) {
    asked.push(lookup.find(`id-${ms}`));
    await vi.advanceTimersByTimeAsync(1);
  }
  await vi.advanceTimersByTimeAsync(20);
  expect(await Promise.all(asked)).toHaveLength(1_000);
  expect(queries.length).toBeLessThanOrEqual(1 + 1_000 / 20 + 1);
  expect(queries.flat()).toHaveLength(1_001);
});
