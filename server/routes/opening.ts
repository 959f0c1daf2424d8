import type { SaleBoardRow } from '../../db/calls.ts';
import type { Catalogue } from '../catalogue.ts';
import { Problem } from '../problems.ts';

/** `not_open`, with the time until the opening (whole seconds, at least one) in Retry-After. */
export function untilOpening(catalogue: Catalogue, row: SaleBoardRow): Problem {
  const seconds = Math.ceil((row.opensAt.getTime() - catalogue.nowMs()) / 1_000);
  return new Problem('not_open', { retryAfterSeconds: Math.max(1, seconds) });
}
