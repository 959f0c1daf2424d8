import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { drawUses, growthText } from '../../fire/soak.ts';
import { growthOf, type Use } from '../../fire/uses.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';

const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
afterAll(() => rmSync(folder, { recursive: true }));

const points = (of: (minute: number) => number) =>
  Array.from({ length: 41 }, (_, minute) => [minute, of(minute)] as const);
const uses: Use[] = [
  { kind: 'memory, MB', name: 'web-1', points: points((minute) => 100 + minute) },
  { kind: 'descriptors', name: 'web-1', points: points((minute) => (minute < 5 ? 1_000 : 50)) },
];

it('the growth is that from the second quarter to the last one', () => {
  expect(growthOf(uses)).toEqual([
    { kind: 'memory, MB', name: 'web-1', early: 115, late: 135 },
    { kind: 'descriptors', name: 'web-1', early: 50, late: 50 },
  ]);
  expect(growthText(uses)).toMatch(/memory, MB +web-1 +115 +135 +17 %\n/);
});

it('says so when a quarter of a short run has no sample', () => {
  const short: Use[] = [{ kind: 'descriptors', name: 'web-1', points: [[0.9, 7]] }];
  expect(growthText(short)).toMatch(/web-1 +no sample +7 *$/);
});

it('the chart has a line for each part', () => {
  const file = join(folder, 'soak.svg');
  drawUses(file, 'A soak', uses);
  expect(readFileSync(file, 'utf8').match(/<polyline/g)).toHaveLength(2);
});
