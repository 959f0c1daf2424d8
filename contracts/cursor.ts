import { createHash } from 'node:crypto';
import { parseTime } from './times.ts';

/**
 * Where a page of a listing ends, as an opaque text: the exact key of its last row. The next page has
 * the rows behind that key, whatever has come in front meanwhile.
 *
 * The check in it finds cursors that were cut, changed or made for another listing. It is no secret:
 * who makes a cursor up sees no more rows than the listing has for them in any case.
 */
export interface Position {
  /** RFC 3339 in UTC with six digits of the second: as exact as the database's clock. */
  readonly at: string;
  /** Digits: tells rows of the same moment apart. */
  readonly no: string;
}

const CHECK_BYTES = 9;
const CURSOR_LENGTH_MAX = 120;
const EXACT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const DIGITS = /^(?:0|[1-9]\d{0,17})$/;

/** `listing`: what it lists, and whose. */
export function encodeCursor(listing: string, { at, no }: Position): string {
  const check = createHash('sha256').update(`${listing}\0${at}\0${no}`).digest();
  const checkText = check.subarray(0, CHECK_BYTES).toString('base64url');
  return Buffer.from(`${at} ${no} ${checkText}`).toString('base64url');
}

/** @returns undefined unless `encodeCursor` made it for this listing */
export function decodeCursor(listing: string, cursor: string): Position | undefined {
  if (cursor.length > CURSOR_LENGTH_MAX) return undefined;
  const [at = '', no = ''] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  if (!EXACT.test(at) || parseTime(at) === undefined || !DIGITS.test(no)) return undefined;
  return encodeCursor(listing, { at, no }) === cursor ? { at, no } : undefined;
}

/** Newest first, as `rows` of several homes are merged. */
export function byPosition(a: Position, b: Position): number {
  if (a.at !== b.at) return a.at < b.at ? 1 : -1;
  if (a.no.length !== b.no.length) return b.no.length - a.no.length;
  return a.no < b.no ? 1 : a.no > b.no ? -1 : 0;
}

/** One page of a listing. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Of the last row, if more follow. */
  readonly next?: Position;
}

/**
 * @param found of each home the first `limit + 1` rows behind the page before, in any order
 */
export function toPage<Row extends { readonly position: Position }>(
  found: readonly Row[],
  limit: number,
): Page<Row> {
  const rows = found.toSorted((a, b) => byPosition(a.position, b.position)).slice(0, limit);
  const last = rows.at(-1);
  return { rows, ...(found.length > limit && last !== undefined && { next: last.position }) };
}
