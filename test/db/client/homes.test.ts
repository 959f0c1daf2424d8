import { expect, it } from 'vitest';
import { freeUnits, type HomeRow, homeOf } from '../../../db/client/home-rows.ts';
import { answeredAtMs } from '../../../db/client/homes.ts';
import { Databases, type Pool } from '../../../db/client/pool.ts';

/** While a SKU moves from regular to hot, the two servers are asked one after the other. */

const row = (asked: HomeRow['asked'], facts: Partial<HomeRow>): HomeRow => ({
  asked,
  schema: 'regular',
  abroad: asked === 'hot',
  moves: 0,
  leaving: '0',
  free: '0',
  ...facts,
});
const before = row('regular', { free: '10' });
const left = row('regular', { schema: 'hot', abroad: true, moves: 1, leaving: '10' });
const awaited = row('hot', {});
const arrived = row('hot', { schema: 'hot', abroad: false, moves: 1, free: '7' });

it.each([
  ['has its home in regular', before, awaited, 10],
  ['is on its way', left, awaited, 10],
  ['has arrived, and regular does not know yet', left, arrived, 7],
  ['has arrived after regular was asked', before, arrived, 7],
])('the free units of a SKU that %s are counted once', (_, regular, hot, free) => {
  for (const rows of [
    [regular, hot],
    [hot, regular],
  ]) {
    const home = homeOf(rows);
    expect(home && freeUnits(home)).toBe(free);
  }
});

it('a home that the configuration lacks has answered just now, for all that this process knows', () => {
  const databases = Databases.ofOne({ silentMs: () => 60_000 } as Pool);
  const agoMs = (home?: string) => performance.now() - answeredAtMs(databases, home);
  expect(agoMs('hot')).toBeGreaterThan(50_000);
  expect(agoMs()).toBeGreaterThan(50_000);
  expect(agoMs('hot-7')).toBeLessThan(50_000);
});
