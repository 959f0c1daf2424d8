/**
 * Numbered goods (docs/decisions/0072): a section has units that are not alike, such as seats or serial numbers. Everything
 * here is pure.
 */

/** A unit is a row of the database. */
export const SECTION_UNITS_MAX = 100_000;

/** Seats of one row, side by side, from the number `from` to the number `to`. */
export interface Line {
  readonly row: string;
  readonly from: number;
  readonly to: number;
}

/** Lines of seats, the best first, or the labels of units that are in no row. */
export type Seats = readonly Line[] | readonly string[];

/** `avoid`: an order leaves no single seat free between others, if other seats are free. */
export const SINGLES = ['avoid', 'allow'] as const;
export type Singles = (typeof SINGLES)[number];

export interface Section {
  readonly seats: Seats;
  readonly singles: Singles;
}

/** A unit as a shopper knows it; `row` is missing where it is in none. */
export interface NumberedUnit {
  readonly row?: string;
  readonly seat: string;
}

export function unitText({ row, seat }: NumberedUnit): string {
  return row === undefined ? seat : `row ${row}, seat ${seat}`;
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

/** Finds the position of a unit by its name; undefined if the section has no such unit. */
export type UnitFinder = (unit: NumberedUnit) => number | undefined;

/** Lines are not taken apart, so a large hall takes little memory. */
export function unitFinder(seats: Seats): UnitFinder {
  const lines = new Map<string, { from: number; to: number; at: number }[]>();
  const labels = new Map<string, number>();
  let position = 0;
  for (const one of seats) {
    position += 1;
    if (typeof one === 'string') {
      labels.set(one, position);
      continue;
    }
    const known = lines.get(one.row) ?? [];
    known.push({ from: one.from, to: one.to, at: position });
    lines.set(one.row, known);
    position += one.to - one.from + 1;
  }
  return ({ row, seat }) => {
    if (row === undefined) return labels.get(seat);
    const no = /^(0|[1-9]\d*)$/.test(seat) ? Number(seat) : -1;
    const line = lines.get(row)?.find(({ from, to }) => no >= from && no <= to);
    return line && line.at + no - line.from;
  };
}

/** As a person reads them: `1: 1-40, 2: 1-38`. Equal texts are equal seats. */
export function seatsText(seats: Seats): string {
  return seats
    .map((one) => (typeof one === 'string' ? one : `${one.row}: ${one.from}-${one.to}`))
    .join(', ');
}

/** How many units there are, without making them. */
export function countUnits(seats: Seats): number {
  return seats.reduce<number>(
    (sum, one) => sum + (typeof one === 'string' ? 1 : one.to - one.from + 1),
    0,
  );
}

/**
 * A section with its free units, as the API has it.
 *
 * @param map a character for each unit, the best first: `1` if it is free
 */
export function unitsJson(sku: string, { seats, singles }: Section, map: string, asOf: string) {
  const bytes = Buffer.alloc(Math.ceil(map.length / 8));
  for (let at = 0; at < map.length; at += 1) {
    if (map[at] === '1') bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (128 >> (at & 7));
  }
  return { sku, seats, units: countUnits(seats), singles, free: bytes.toString('base64'), asOf };
}

/** The first problem of the seats, and where it is; undefined if there is none. */
export function seatsProblem(
  seats: Seats,
): { readonly at: number; readonly message: string } | undefined {
  const known = new Set<string>();
  for (const [at, one] of seats.entries()) {
    const line = typeof one === 'string' ? undefined : one;
    if (line && line.to < line.from) {
      return { at, message: `expected a last seat of ${line.from} or more` };
    }
    if (known.size + (line ? line.to - line.from + 1 : 1) > SECTION_UNITS_MAX) {
      return { at, message: `expected at most ${SECTION_UNITS_MAX} seats` };
    }
    for (const { row, seat } of unitsOf([one] as Seats)) {
      const name = row === undefined ? seat : `${row} ${seat}`;
      if (known.has(name)) return { at, message: `there are two units ${name}` };
      known.add(name);
    }
  }
  return undefined;
}
