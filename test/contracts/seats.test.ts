import { expect, it } from 'vitest';
import { type Seats, unitFinder, unitsOf } from '../../contracts/seats.ts';

const HALL: Seats = [
  { row: '1', from: 1, to: 4 },
  { row: '1', from: 5, to: 8 },
  { row: '2', from: 0, to: 3 },
  { row: 'A', from: 101, to: 103 },
];
const LABELS: Seats = ['A-7', 'A-9', '007'];

it.each([['rows', HALL] as const, ['labels', LABELS] as const])(
  'each unit of %s is found by its name, and only by that',
  (_what, seats) => {
    const find = unitFinder(seats);
    for (const { position, ...unit } of unitsOf(seats)) expect(find(unit)).toBe(position);
    const others = [
      { row: '1', seat: '9' },
      { row: '1', seat: '01' },
      { row: '1', seat: '1.0' },
      { row: '2', seat: '-0' },
      { row: '3', seat: '1' },
      { row: 'A-7', seat: '1' },
      { seat: '1' },
      { seat: '7' },
      { row: '', seat: 'A-7' },
    ];
    for (const other of others) expect(find(other)).toBeUndefined();
  },
);
