import type { NewSale, NewSku } from '../../db/new-sales.ts';
import type { ShedWay } from '../../zk/tree/values.ts';

/** A sale as somebody wants it: from a sale file, or from the code of a test or benchmark. */

/** A time, or a time after the sale is created. A sale that exists keeps what it has then. */
export type Moment = { readonly at: Date } | { readonly afterMs: number };

export interface DesiredSku extends Omit<NewSku, 'sale'> {
  /** Units that may be admitted. Without it: all units of a new SKU, what is set of an old one. */
  readonly quota?: number | undefined;
  /** Kept share of this SKU only, 0 to 1. Without it, what is set stays. */
  readonly keep?: number | 'auto' | undefined;
}

export interface DesiredSale extends Omit<NewSale, 'opensAt' | 'closesAt'> {
  readonly opens: Moment;
  readonly closes: Moment;
  /** How presses are shed. Without it, what is set stays. */
  readonly launch?: ShedWay | undefined;
  readonly skus: readonly DesiredSku[];
}

/** @param now by the database's clock */
export function timeOf(moment: Moment, now: Date): Date {
  return 'at' in moment ? moment.at : new Date(now.getTime() + moment.afterMs);
}
