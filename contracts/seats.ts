/**
 * Numbered goods (docs/decisions/0072): a section has units that are not alike, such as seats or serial numbers. Everything
 * here is pure.
 */

/** Seats of one row, side by side, from the number `from` to the number `to`. */
export interface Line {
  readonly row: string;
  readonly from: number;
  readonly to: number;
}

/** Lines of seats, the best first, or the labels of units that are in no row. */
export type Seats = readonly Line[] | readonly string[];

/** `avoid`: an order leaves no single seat free between others, if other seats are free. */
export type Singles = 'avoid' | 'allow';

export interface Section {
  readonly seats: Seats;
  readonly singles: Singles;
}

/** A unit as a shopper knows it; `row` is missing where it is in none. */
export interface NumberedUnit {
  readonly row?: string;
  readonly seat: string;
}

/**
 * The units of a section with their positions, the best first. Units side by side have positions that follow each
 * other, and a number is left out between lines. Labels are all in one line.
 */
export function unitsOf(seats: Seats): (NumberedUnit & { readonly position: number })[] {
  let position = 0;
  return seats.flatMap((one) => {
    if (typeof one === 'string') {
      position += 1;
      return [{ position, seat: one }];
    }
    position += 1;
    return Array.from({ length: one.to - one.from + 1 }, (_, at) => {
      position += 1;
      return { position: position - 1, row: one.row, seat: String(one.from + at) };
    });
  });
}
