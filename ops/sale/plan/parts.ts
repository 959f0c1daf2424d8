import type { Home } from '../../../contracts/homes.ts';
import type { NewSale } from '../../../db/new-sales.ts';
import type { SaleChange, SkuChange } from '../../../db/sale-changes.ts';
import type { DesiredSku } from '../desired.ts';
import type { Difference } from './differences.ts';

/** The parts of a plan. */

/** A value that is to change. */
export interface Change extends Difference {
  /** The sale or the SKU. */
  readonly target: string;
}

/** A value that cannot change. */
export interface Refusal extends Change {
  readonly reason: string;
}

/** One step of an apply. Each can be repeated, and an apply can end between any two of them. */
export type Step =
  | { readonly do: 'create_sale'; readonly sale: NewSale }
  | { readonly do: 'change_sale'; readonly sale: string; readonly change: SaleChange }
  | { readonly do: 'create_sku'; readonly sku: DesiredSku }
  | {
      readonly do: 'change_sku';
      readonly sku: string;
      readonly schema: Home;
      readonly change: SkuChange;
    }
  | {
      readonly do: 'restock';
      readonly sku: string;
      readonly schema: Home;
      readonly units: number;
    }
  | { readonly do: 'common_settings' }
  | {
      readonly do: 'set';
      readonly sku: string;
      readonly name: 'quota' | 'state' | 'keep' | 'shed';
      readonly text: string;
    };

export interface Plan {
  readonly sale: string;
  readonly changes: readonly Change[];
  readonly refused: readonly Refusal[];
  /** Facts that a person should know although nothing changes. */
  readonly notes: readonly string[];
  /** Empty if something is refused. */
  readonly steps: readonly Step[];
}

export interface PlanOptions {
  /** Creates what is missing and changes nothing that exists. */
  readonly onlyMissing?: boolean;
  /** Times of a new sale such as `in 15m` count from then. Without it, from now. */
  readonly countFrom?: Date | undefined;
}

/** The work for one part of a sale. */
export interface Part {
  readonly changes?: readonly Change[];
  readonly refused?: readonly Refusal[];
  readonly notes?: readonly string[];
  readonly steps?: Partial<Record<Phase, readonly Step[]>>;
}

/**
 * The phases of an apply, in their order, which makes every beginning of it safe:
 *
 * - A sale opens later before everything else, and earlier after everything else.
 * - A quota rises before the units exist. That admits nobody, since the keeper grants no more units
 *   than exist; the other way round, an apply that ends in between would leave units unsold.
 * - A new SKU is opened when its stock, its quota and its other switches stand.
 */
export const PHASES = ['sale', 'skus', 'switches', 'terms', 'stock', 'states', 'opening'] as const;
type Phase = (typeof PHASES)[number];
