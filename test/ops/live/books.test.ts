import { expect, it } from 'vitest';
import { SoldUnits } from '../../../ops/live/books.ts';

/** Units that are told as sold, between two counts of the unpaid orders. */

it('tells no unit as sold before it is paid, while the count of unpaid orders is old', () => {
  const sold = new SoldUnits();
  expect(sold.of('TV', 0)).toBe(0);
  sold.count('TV', 0, 0);
  // A crowd takes 80 units, and nobody has paid.
  expect(sold.of('TV', 80)).toBe(0);
  sold.count('TV', 80, 80);
  sold.count('TV', 100, 70);
  expect(sold.of('TV', 100)).toBe(30);
  // The rest comes back, and then the paid ones are given up as well.
  expect([sold.of('TV', 30), sold.of('TV', 10)]).toEqual([30, 10]);
  // Orders that were made between the look at the board and the count.
  sold.count('TV', 10, 15);
  expect(sold.of('TV', 10)).toBe(0);
});
