import { createSale, createSku, type NewSale, type NewSku } from '../db/catalog.ts';
import type { Databases } from '../db/client/pool.ts';
import type { ZkSession } from '../zk/client/session.ts';
import { pathsBelow } from '../zk/tree/paths.ts';

/**
 * A sale is stored in two places: stock and sale window in the database, quota and switches in
 * ZooKeeper. The demo, the million and the tests all create it in both with this file.
 */

export interface SkuPlan extends Omit<NewSku, 'sale'> {
  /** Units that may be admitted; default: all. */
  readonly quota?: number;
  /** Kept share of this SKU only, 0 to 1. */
  readonly keep?: number;
}

export interface SalePlan extends NewSale {
  readonly skus: readonly SkuPlan[];
}

export interface SalePlace {
  readonly databases: Databases;
  readonly session: ZkSession;
  /** `ZK_ROOT` */
  readonly root: string;
}

/**
 * Creates the sale. Existing rows with the same values, and operators' edits in ZooKeeper, are left
 * untouched.
 *
 * @throws {DatabaseError} FS003 when the sale or a SKU exists with other values
 * @throws {Error} when ZooKeeper refuses
 */
export async function putOnSale(place: SalePlace, plan: SalePlan): Promise<void> {
  const { databases, session, root } = place;
  const paths = pathsBelow(root);
  const { skus, ...sale } = plan;
  await createSale(databases, sale);
  await ensure(session, paths.keep, '1');
  await ensure(session, paths.shed, 'random');
  for (const { quota, keep, ...sku } of skus) {
    await createSku(databases, { ...sku, sale: sale.sale });
    const { quota: quotaPath, state, keep: keepPath } = paths.sku(sku.sku);
    if (keep !== undefined) await ensure(session, keepPath, String(keep));
    await ensure(session, quotaPath, String(quota ?? sku.units));
    await ensure(session, state, 'open');
  }
}

async function ensure(session: ZkSession, path: string, text: string): Promise<void> {
  const result = await session.ensure(path, text);
  if (!result.ok) throw new Error(`ZooKeeper did not accept ${path}: ${result.error}`);
}
