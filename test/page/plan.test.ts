import { describe, expect, it } from 'vitest';
import {
  type Board,
  freeOf,
  type Layout,
  layoutOf,
  leavesSingle,
  partsOf,
  unitAfter,
} from '../../server/public/js/plan-layout.js';

/** Two rows with an aisle, and a short one. */
const HALL: Board['seats'] = [
  { row: '1', from: 1, to: 3 },
  { row: '1', from: 5, to: 6 },
  { row: '2', from: 1, to: 6 },
  { row: '3', from: 3, to: 4 },
];
const hall = layoutOf(HALL);
const named = (layout: Layout, row: string | undefined, seat: string) => {
  const unit = layout.units.find((one) => one.row === row && one.seat === seat);
  if (unit === undefined) throw new Error(`no ${row} ${seat}`);
  return unit;
};

describe('the layout', () => {
  it('has a row of the plan for each row, and seats of a number stand behind each other', () => {
    expect(hall.rows.map((row) => row.map(({ x }) => x))).toEqual([
      [0, 1, 2, 4, 5],
      [0, 1, 2, 3, 4, 5],
      [2, 3],
    ]);
    expect(hall.columns).toBe(6);
    expect(hall.units.map(({ at }) => at)).toEqual(Array.from({ length: 13 }, (_, at) => at));
  });

  it('begins each row at the left if the numbers are far apart, with a gap at an aisle', () => {
    const { rows } = layoutOf([
      { row: '1', from: 1, to: 2 },
      { row: '1', from: 11, to: 12 },
      { row: '2', from: 201, to: 203 },
    ]);
    expect(rows.map((row) => row.map(({ x }) => x))).toEqual([
      [0, 1, 3, 4],
      [0, 1, 2],
    ]);
  });

  it('puts labels into lines, and parts have whole rows', () => {
    const labels = layoutOf(Array.from({ length: 45 }, (_, at) => `A-${at}`));
    expect(labels.rows.map((row) => row.length)).toEqual([20, 20, 5]);
    const parts = (unitsMax: number) => partsOf(hall, unitsMax).map((rows) => rows.length);
    expect([parts(13), parts(11), parts(1)]).toEqual([[3], [2, 1], [1, 1, 1]]);
  });

  it('reads the free units from bits', () => {
    const free = freeOf(Buffer.from([0b10100000, 0b01000000]).toString('base64'), 10);
    expect(free.flatMap((is, at) => (is ? at : []))).toEqual([0, 2, 9]);
  });
});

it.each<[string, string, string, string, string]>([
  ['1', '3', 'ArrowRight', '1', '5'],
  ['1', '6', 'ArrowRight', '1', '6'],
  ['1', '5', 'ArrowLeft', '1', '3'],
  ['1', '6', 'ArrowDown', '2', '6'],
  ['2', '6', 'ArrowDown', '3', '4'],
  ['3', '4', 'ArrowUp', '2', '4'],
  ['1', '1', 'ArrowUp', '1', '1'],
  ['3', '3', 'ArrowDown', '3', '3'],
  ['2', '4', 'Home', '2', '1'],
  ['2', '4', 'End', '2', '6'],
  ['1', '1', 'PageDown', '3', '3'],
  ['3', '3', 'PageUp', '1', '3'],
  ['2', '2', 'Ctrl+End', '3', '4'],
  ['2', '2', 'Ctrl+Home', '1', '1'],
])('from row %s, seat %s the key %s leads to row %s, seat %s', (row, seat, keys, toRow, toSeat) => {
  const press = { key: keys.replace('Ctrl+', ''), ctrlKey: keys.startsWith('Ctrl+') };
  expect(unitAfter(hall.rows, named(hall, row, seat), press)).toBe(named(hall, toRow, toSeat));
});

it('another key does not move', () => {
  expect(unitAfter(hall.rows, named(hall, '1', '1'), { key: 'x' })).toBeUndefined();
});

it.each<[string, string, number[], boolean]>([
  ['the end of a row', '11111', [0], false],
  ['the second seat', '11111', [1], true],
  ['both seats at the end', '11111', [0, 1], false],
  ['all but the last one', '11111', [0, 1, 2, 3], false],
  ['a seat beside one that is single already', '1011', [2], true],
  ['one of two, as nothing else is free', '011', [1], false],
  ['the single one', '1011', [0], false],
  ['two with one between them', '1111', [0, 2], true],
])('of one row, %s leaves a single seat (%s, %j): %s', (_what, free, chosen, expected) => {
  const { units } = layoutOf([{ row: '1', from: 1, to: free.length }]);
  const are = [...free].map((one) => one === '1');
  expect(leavesSingle(units, are, new Set(chosen))).toBe(expected);
});
