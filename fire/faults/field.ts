import type { GoodsName } from '../kinds.ts';
import type { Shop } from '../shop/shop.ts';

/** What faults act on: the system, and the sale of the run. */
export interface Field {
  readonly shop: Shop;
  /** Name of the SKU of these goods. */
  sku(goods: GoodsName): string;
  /** Units that were loaded and restocked: the quota while nobody lowers it. */
  readonly quotas: Map<string, number>;
  /** Tells the history of units that a fault brings. */
  brought(sku: string, units: number): void;
}

/** A fault. What `begin` returns ends it; without that it is over at once. `end` is repeated until it works. */
export type Begin = (
  field: Field,
  target: string,
) => Promise<(() => Promise<void>) | undefined> | ((() => Promise<void>) | undefined);
