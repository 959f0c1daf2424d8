import type { Catalogue, SkuOnSale } from '../catalogue.ts';
import { Problem } from '../problems.ts';

/** `not_open`, with the time until the opening (whole seconds, at least one) in Retry-After. */
export function untilOpening(catalogue: Catalogue, row: SkuOnSale): Problem {
  const seconds = Math.ceil((row.opensAt.getTime() - catalogue.nowMs()) / 1_000);
  return new Problem('not_open', { retryAfterSeconds: Math.max(1, seconds) });
}

/** The same waiting time alone; undefined for an unknown SKU. */
export function secondsToOpening(catalogue: Catalogue, sku: string): number | undefined {
  const row = catalogue.sku(sku);
  return row && untilOpening(catalogue, row).retryAfterSeconds;
}
