import { createHash } from 'node:crypto';
import { parseTime } from './times.ts';

/**
 * The position where a page of a listing ends: the exact key of its last row, sent to callers as an
 * opaque text. The next page starts after that key, so rows that were added in front do not shift
 * it.
 *
 * The cursor contains a checksum, which detects cursors that were truncated, changed or made for
 * another listing. The checksum is not a secret: a forged cursor shows only rows that the caller
 * may list anyway.
 */
export interface Position {
  /** RFC 3339 in UTC with six fractional digits, the precision of the database's clock. */
  readonly at: string;
  /** Digits. Orders rows that have the same `at`. */
  readonly no: string;
}

const CHECK_BYTES = 9;
const CURSOR_LENGTH_MAX = 120;
const EXACT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const DIGITS = /^(?:0|[1-9]\d{0,17})$/;

/** @param listing names the listing and its owner; a cursor is valid only for this listing */
export function encodeCursor(listing: string, { at, no }: Position): string {
  const check = createHash('sha256').update(`${listing}\0${at}\0${no}`).digest();
  const checkText = check.subarray(0, CHECK_BYTES).toString('base64url');
  return Buffer.from(`${at} ${no} ${checkText}`).toString('base64url');
}

/** @returns undefined unless `encodeCursor` made the cursor for this listing */
export function decodeCursor(listing: string, cursor: string): Position | undefined {
  if (cursor.length > CURSOR_LENGTH_MAX) return undefined;
  const [at = '', no = ''] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  if (!EXACT.test(at) || parseTime(at) === undefined || !DIGITS.test(no)) return undefined;
  return encodeCursor(listing, { at, no }) === cursor ? { at, no } : undefined;
}

/** Sort order: newest first. Used to merge the rows of several homes. */
export function byPosition(a: Position, b: Position): number {
  if (a.at !== b.at) return a.at < b.at ? 1 : -1;
  if (a.no.length !== b.no.length) return b.no.length - a.no.length;
  return a.no < b.no ? 1 : a.no > b.no ? -1 : 0;
}

/** One page of a listing. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Position of the last row; present only when more rows follow. */
  readonly next?: Position;
}

/** @param found the first `limit + 1` rows of each home after the previous page, in any order */
export function toPage<Row extends { readonly position: Position }>(
  found: readonly Row[],
  limit: number,
): Page<Row> {
  const rows = found.toSorted((a, b) => byPosition(a.position, b.position)).slice(0, limit);
  const last = rows.at(-1);
  return { rows, ...(found.length > limit && last !== undefined && { next: last.position }) };
}
