import { LRUCache } from 'lru-cache';
import { expect, it } from 'vitest';
import { entriesMax } from '../../process/entries-max.ts';

it('a cache keeps so many entries, and those that were used last', () => {
  const cache = new LRUCache<number, string>({ ...entriesMax(100), ttl: 60_000 });
  for (let key = 0; key < 100; key += 1) cache.set(key, 'kept');
  cache.get(0);
  for (let key = 100; key < 150; key += 1) cache.set(key, 'kept');
  for (let again = 0; again < 50; again += 1) cache.set(149, 'kept again');
  expect(cache.size).toBe(100);
  expect(cache.has(0)).toBe(true);
  expect([...cache.keys()].sort((one, other) => one - other)).toEqual([
    0,
    ...Array.from({ length: 99 }, (_, at) => at + 51),
  ]);
});
