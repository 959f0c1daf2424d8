import type { Catalogue, SkuOnSale } from '../catalogue.ts';
import { Problem } from '../problems.ts';

/** `not_open`, with the time until the opening (whole seconds, at least one) in Retry-After. */
export function untilOpening(catalogue: Catalogue, row: SkuOnSale): Problem {
  const seconds = Math.ceil((row.opensAt.getTime() - catalogue.nowMs()) / 1_000);
  return new Problem('not_open', { retryAfterSeconds: Math.max(1, seconds) });
}

/**
 * The SKU, if tickets of it can be given now.
 * @throws {Problem} not_found, not_open, paused, closed, sold_out
 */
export function rowForTickets(catalogue: Catalogue, sale: string, sku: string): SkuOnSale {
  const row = catalogue.sku(sku);
  if (row === undefined || row.sale !== sale) throw new Problem('not_found');
  const state = catalogue.skuState(row);
  if (state === 'scheduled') throw untilOpening(catalogue, row);
  if (state !== 'open') throw new Problem(state);
  if (catalogue.availability(row) === 'sold_out') throw new Problem('sold_out');
  return row;
}

/** The same waiting time alone; undefined for an unknown SKU. */
export function secondsToOpening(catalogue: Catalogue, sku: string): number | undefined {
  const row = catalogue.sku(sku);
  return row && untilOpening(catalogue, row).retryAfterSeconds;
}
