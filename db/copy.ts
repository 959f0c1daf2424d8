import { type Home, schemaOf } from '../contracts/homes.ts';
import { DatabaseError } from './client/errors.ts';
import type { Pool } from './client/pool.ts';

/**
 * Copies what the home of a SKU needs to decide requests: the buyers with their units, and the
 * outcomes.
 */

/** Rows per page. The databases write and read the JSON of a page; it is not parsed here. */
const PAGE_ROWS = 10_000;

export interface Copy {
  readonly from: Home;
  readonly to: Home;
  /** The one of the two that is not `regular`. */
  readonly hotHome: Home;
  readonly source: Pool;
  readonly target: Pool;
  readonly sku: string;
  /** A new UUID for this copier. */
  readonly copier: string;
}

export interface Copied {
  /** Buyers and outcomes. */
  readonly rows: number;
  readonly buyers: number;
}

/**
 * Makes one round of copying: all rows, or those written since the last complete round.
 *
 * @param takeOver replace another copier even if it wrote within the last three seconds
 * @returns undefined if another copier is at work, or the copy is not wanted: the SKU lives at the target, or has moved on
 * @throws {DatabaseError} `retry` if another copier took over meanwhile
 */
export async function copySku(copy: Copy, takeOver: boolean): Promise<Copied | undefined> {
  const { source, target, sku, copier } = copy;
  const to = schemaOf(copy.to);
  const [begun] = await target.query<{ copied: string | null }>({
    text: `SELECT copied::text FROM ${to}.copy_start($1, $2, $3, $4)`,
    values: [copy.hotHome, sku, copier, takeOver],
  });
  if (begun === undefined) return undefined;
  const [origin] = await source.query<{ oldest: string; home_no: string }>({
    text: `SELECT oldest::text, home_no FROM ${to}.copy_source($1)`,
    values: [sku],
  });
  const buyers = await copyRows(copy, 'buyers', begun.copied);
  const outcomes = await copyRows(copy, 'outcomes', begun.copied);
  const [ended] = await target.query<{ ok: boolean }>({
    text: `SELECT ${to}.copy_end($1, $2, $3::xid8, $4) AS ok`,
    values: [sku, copier, origin?.oldest, origin?.home_no],
  });
  if (ended?.ok !== true) throw superseded(sku);
  return { rows: buyers + outcomes, buyers };
}

async function copyRows(copy: Copy, what: 'buyers' | 'outcomes', since: string | null) {
  const { source, target, sku, copier } = copy;
  const [from, to] = [schemaOf(copy.from), schemaOf(copy.to)];
  let count = 0;
  for (let after: string | null = null; ; ) {
    const pages: readonly { last: string; count: number; rows: string }[] = await source.query({
      text: `SELECT last, count, rows FROM ${from}.sku_changes($1, $2, $3::xid8, $4, $5)`,
      values: [sku, what, since, after, PAGE_ROWS],
    });
    const [page] = pages;
    if (page === undefined) return count;
    const [written] = await target.query<{ ok: boolean }>({
      text: `SELECT ${to}.copy_in($1, $2, $3, $4::jsonb) AS ok`,
      values: [sku, copier, what, page.rows],
    });
    if (written?.ok !== true) throw superseded(sku);
    count += page.count;
    if (page.count < PAGE_ROWS) return count;
    after = page.last;
  }
}

function superseded(sku: string): DatabaseError {
  return new DatabaseError('retry', `another process is now copying ${sku}`);
}
