import { expect, test } from 'vitest';
import { roomProblems } from '../../../keeper/edits/problems.ts';
import { pathsBelow } from '../../../zk/tree/paths.ts';
import { decodeReport, encodeReport, REPORT_BYTES_MAX } from '../../../zk/tree/report.ts';

/** How many SKUs the report of a web node has room for. */

const paths = pathsBelow('/flashsale');
const NODE = 'web-12345-0123456789';
const namesOf = (count: number, length: number) =>
  Array.from({ length: count }, (_, at) => `${at}`.padStart(length, 's'));
const COUNTERS = { grant: 1, admitted: 1, decided: 0, wanted: 0, need: 0, asked: 0, kept: 0 };

test.each([
  { length: 12, fits: 5_000, exceeds: 5_500 },
  { length: 40, fits: 3_800, exceeds: 4_100 },
])('names of $length characters', ({ length, fits, exceeds }) => {
  expect(roomProblems(paths, namesOf(fits, length), [NODE, 'w'])).toEqual([]);
  const [problem] = roomProblems(paths, namesOf(exceeds, length), ['w', NODE]);
  expect(problem).toMatchObject({ path: paths.skus, refused: `${exceeds} SKUs` });
});

test.each([12, 40])('a report that is full is not too long, with names of %i', (length) => {
  const units = 12_345;
  const names = namesOf(length === 12 ? 5_000 : 3_800, length);
  const full = { grant: units, admitted: units, decided: units, wanted: 0, need: 0 };
  const text = encodeReport({
    applied: Object.fromEntries(names.map((sku) => [paths.sku(sku).grant(NODE), 12])),
    skus: Object.fromEntries(names.map((sku) => [sku, { ...full, asked: units, kept: units }])),
    final: false,
    at: '',
  });
  expect(text.length).toBeLessThan(REPORT_BYTES_MAX);
});

test('counters that are zero are left out and read as zero', () => {
  const skus = { TV: COUNTERS, idle: { ...COUNTERS, grant: 0, admitted: 0 } };
  const text = encodeReport({ applied: {}, skus, final: true, at: '' });
  expect(JSON.parse(text).skus).toEqual({ TV: { grant: 1, admitted: 1 } });
  expect(decodeReport(text)).toMatchObject({ skus: { TV: COUNTERS }, final: true });
});
