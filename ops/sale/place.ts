import type { Databases } from '../../db/client/pool.ts';
import type { ZkSession } from '../../zk/client/session.ts';

/** Where a sale is kept: stock and times in the database, quota and switches in ZooKeeper. */
export interface SalePlace {
  readonly databases: Databases;
  readonly session: ZkSession;
  /** `ZK_ROOT` */
  readonly root: string;
}

/** Advisory lock of everything that changes sales, on the server of `regular`. */
export const SALES_LOCK = 7_300_103;
