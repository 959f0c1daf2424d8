import type { Catalogue, SkuOnSale } from '../catalogue/catalogue.ts';
import { Problem, type Refusal } from '../http/problems.ts';

/**
 * Refusal `not_open`. Its Retry-After is the time until the opening in whole seconds, at least one.
 */
export function notOpen(catalogue: Catalogue, row: SkuOnSale): Refusal {
  const seconds = Math.ceil((row.opensAt.getTime() - catalogue.nowMs()) / 1_000);
  return { verdict: 'not_open', retryAfterSeconds: Math.max(1, seconds) };
}

/** Returns the same refusal as a problem. */
export function untilOpening(catalogue: Catalogue, row: SkuOnSale): Problem {
  return new Problem('not_open', notOpen(catalogue, row));
}

/**
 * Returns the SKU if tickets for it can be issued now.
 *
 * @throws {Problem} not_found, not_open, paused, quota_unavailable, closed, sold_out
 */
export function rowForTickets(catalogue: Catalogue, sale: string, sku: string): SkuOnSale {
  const row = catalogue.sku(sku);
  if (row === undefined || row.sale !== sale) throw new Problem('not_found');
  const state = catalogue.skuState(row);
  if (state === 'scheduled') throw untilOpening(catalogue, row);
  if (state === 'paused' && catalogue.isUnread(row)) throw new Problem('quota_unavailable');
  if (state !== 'open') throw new Problem(state);
  if (catalogue.availability(row) === 'sold_out') throw new Problem('sold_out');
  return row;
}
