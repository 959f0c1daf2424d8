// @ts-check
/**
 * The plan of a section: where each unit is drawn, which are free, where the keys lead, and the rule for single seats.
 * Pure.
 */

/** More than this is not drawn at once: the rows are shown in parts. */
const PART_UNITS_MAX = 10_000;
/** Labels in a line of the plan. */
const LABELS_A_LINE = 20;
/** The shop looks at so many free units for a better choice. */
const LOOKED_AT_MAX = 1000;
/** Rows that PageUp and PageDown pass. */
const PAGE_ROWS = 5;

/**
 * @typedef {object} Board a section as the API has it
 * @property {readonly ({ row: string, from: number, to: number } | string)[]} seats
 * @property {'avoid' | 'allow'} singles
 * @property {string} free
 * @property {string} asOf
 *
 * @typedef {object} Unit
 * @property {number} at its place in the order of the section
 * @property {string | undefined} row
 * @property {string} seat
 * @property {number} line units of one line with places that follow each other are side by side
 * @property {number} x in columns
 * @property {number} y in rows of the plan
 *
 * @typedef {object} Layout
 * @property {readonly Unit[]} units
 * @property {readonly (readonly Unit[])[]} rows the first is at the front
 * @property {number} columns
 */

/**
 * Lines of the same row are one row of the plan. Seats of the same number stand behind each other, unless the numbers
 * of the rows are too far apart.
 * @param {Board['seats']} seats
 * @returns {Layout}
 */
export function layoutOf(seats) {
  /** @type {Unit[]} */
  const units = [];
  /** @type {Unit[][]} */
  const rows = [];
  const lines = seats.flatMap((one) => (typeof one === 'string' ? [] : [one]));
  const lowest = lines.reduce((least, { from }) => Math.min(least, from), Number.POSITIVE_INFINITY);
  const highest = lines.reduce((most, { to }) => Math.max(most, to), 0);
  const longest = longestOf(lines);
  const isByNumber = highest - lowest + 1 <= 2 * longest;
  for (const [line, one] of seats.entries()) {
    const before = rows.at(-1);
    const last = before?.at(-1);
    const isNew = typeof one === 'string' ? line % LABELS_A_LINE === 0 : last?.row !== one.row;
    const row = isNew || before === undefined ? [] : before;
    if (row !== before) rows.push(row);
    /** @param {Pick<Unit, 'row' | 'seat' | 'line' | 'x'>} unit */
    const add = (unit) => {
      const added = { at: units.length, y: rows.length - 1, ...unit };
      units.push(added);
      row.push(added);
    };
    if (typeof one === 'string') {
      add({ row: undefined, seat: one, line: 0, x: line % LABELS_A_LINE });
      continue;
    }
    const first = isByNumber ? one.from - lowest : row.length === 0 ? 0 : (last?.x ?? 0) + 2;
    for (let no = one.from; no <= one.to; no += 1) {
      add({ row: one.row, seat: String(no), line, x: first + no - one.from });
    }
  }
  const columns = 1 + units.reduce((most, { x }) => Math.max(most, x), 0);
  return { units, rows, columns };
}

/** @param {readonly { row: string, from: number, to: number }[]} lines */
function longestOf(lines) {
  /** @type {Map<string, number>} */
  const sizes = new Map();
  for (const { row, from, to } of lines) sizes.set(row, (sizes.get(row) ?? 0) + to - from + 1);
  return Math.max(0, ...sizes.values());
}

/**
 * Whole rows together, as many as are drawn at once.
 * @param {Layout} layout
 * @param {number} [unitsMax]
 */
export function partsOf({ rows }, unitsMax = PART_UNITS_MAX) {
  /** @type {(readonly Unit[])[][]} */
  const parts = [];
  let size = 0;
  for (const row of rows) {
    const part = parts.at(-1);
    if (part === undefined || size + row.length > unitsMax) {
      parts.push([row]);
      size = row.length;
    } else {
      part.push(row);
      size += row.length;
    }
  }
  return parts;
}

/**
 * @param {string} base64 a bit for each unit, the highest of a byte first
 * @param {number} count
 */
export function freeOf(base64, count) {
  const bytes = atob(base64);
  return Array.from(
    { length: count },
    (_, at) => (bytes.charCodeAt(at >> 3) & (128 >> (at & 7))) !== 0,
  );
}

/**
 * The unit that a key leads to; undefined if the key does not move.
 * @param {readonly (readonly Unit[])[]} rows those that are drawn
 * @param {Unit} from
 * @param {{ key: string, ctrlKey?: boolean }} press
 * @returns {Unit | undefined}
 */
export function unitAfter(rows, from, { key, ctrlKey = false }) {
  const y = rows.findIndex((row) => row[0]?.y === from.y);
  const row = rows[y] ?? [];
  const x = row.indexOf(from);
  /** @param {number} rowAt */
  const nearest = (rowAt) =>
    rows[Math.min(rows.length - 1, Math.max(0, rowAt))]?.reduce((best, one) =>
      Math.abs(one.x - from.x) < Math.abs(best.x - from.x) ? one : best,
    );
  switch (key) {
    case 'ArrowLeft':
      return row[x - 1] ?? from;
    case 'ArrowRight':
      return row[x + 1] ?? from;
    case 'ArrowUp':
      return y === 0 ? from : nearest(y - 1);
    case 'ArrowDown':
      return y === rows.length - 1 ? from : nearest(y + 1);
    case 'PageUp':
      return nearest(y - PAGE_ROWS);
    case 'PageDown':
      return nearest(y + PAGE_ROWS);
    case 'Home':
      return (ctrlKey ? rows[0] : row)?.[0];
    case 'End':
      return (ctrlKey ? rows.at(-1) : row)?.at(-1);
    default:
      return undefined;
  }
}

/**
 * Whether a choice leaves a single unit that was not single before, although another choice of as many would not. The shop
 * refuses it then, unless the section allows it.
 * @param {readonly Unit[]} units
 * @param {readonly boolean[]} free
 * @param {ReadonlySet<number>} chosen places of free units
 */
export function leavesSingle(units, free, chosen) {
  /**
   * @param {Unit} unit
   * @param {number} at
   */
  const isLeft = ({ line }, at) => units[at]?.line === line && free[at] === true && !chosen.has(at);
  const isFlawed = [...chosen].some((one) => {
    const unit = units[one];
    return (
      unit !== undefined &&
      [one - 1, one + 1].some(
        (at) => isLeft(unit, at) && !isLeft(unit, at - 1) && !isLeft(unit, at + 1),
      )
    );
  });
  return isFlawed && hasBetter(units, free, chosen.size);
}

/**
 * @param {readonly Unit[]} units
 * @param {readonly boolean[]} free
 * @param {number} wanted
 */
function hasBetter(units, free, wanted) {
  let [seen, run] = [0, 0];
  const fits = () => run >= wanted && run - wanted !== 1;
  for (const [at, { line }] of units.entries()) {
    const isSameLine = at > 0 && units[at - 1]?.line === line;
    if (free[at] !== true || !isSameLine) {
      if (fits()) return true;
      run = 0;
    }
    if (free[at] !== true) continue;
    run += 1;
    seen += 1;
    if (seen === LOOKED_AT_MAX) break;
  }
  return fits();
}
