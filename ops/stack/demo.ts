import type { Schema } from '../../contracts/names.ts';
import { type BoardSale, saleBoard } from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { createPool, type Databases } from '../../db/client/pool.ts';
import type { Protection } from '../../zk/client/protection.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { putOnSale, type SalePlace, type SalePlan } from '../sale.ts';
import type { Servers } from './servers.ts';

/** The sale of `npm start`. The first start creates it; later starts leave it unchanged. */

const DEMO_SALE = 'demo';

/** Time for a first look at the countdown. */
const OPENS_AFTER_MS = 15_000;
/** Long enough that the sale is still open when the demo is started again weeks later. */
const CLOSES_AFTER_MS = 365 * 24 * 3_600_000;
/** Short, so that one can watch unpaid units become available to the next shopper. */
const PAY_WINDOW_SECONDS = 60;
const UNITS = 1_000;

interface DemoSku {
  readonly sku: string;
  readonly schema: Schema;
  readonly title: string;
  readonly price: string;
}

const SKUS: readonly DemoSku[] = [
  { sku: 'TV', schema: 'hot', title: 'Television, 65 inches', price: '99.00' },
  { sku: 'Phone', schema: 'hot', title: 'Phone, 256 GB', price: '49.00' },
  { sku: 'Clothes', schema: 'regular', title: 'Winter coat', price: '9.90' },
];

const STATEMENT_TIMEOUT_MS = 30_000;
const ZOOKEEPER_TIMEOUT_MS = 15_000;
const SESSION_TIMEOUT_MS = 6_000;

/** The plan of the demo sale; an existing sale keeps its values. */
function planOf(known: BoardSale | undefined): SalePlan {
  const now = Date.now();
  const {
    title = 'Flash sale: three products at a tenth of their price',
    opensAt = new Date(now + OPENS_AFTER_MS),
    closesAt = new Date(now + CLOSES_AFTER_MS),
    payWindowSeconds = PAY_WINDOW_SECONDS,
  } = known ?? {};
  const skus = SKUS.map((usual) => {
    const there = known?.skus.find(({ sku }) => sku === usual.sku);
    const terms = { currency: 'EUR', userLimit: 1, units: UNITS };
    if (there === undefined) return { ...usual, ...terms };
    const { sku, schema, price, currency, userLimit, unitsTotal } = there;
    const quota = unitsTotal;
    return { sku, schema, title: there.title, price, currency, userLimit, units: UNITS, quota };
  });
  return { sale: DEMO_SALE, title, opensAt, closesAt, payWindowSeconds, skus };
}

async function findDemo(databases: Databases): Promise<BoardSale | undefined> {
  const { sales } = await saleBoard(databases);
  return sales.find(({ sale }) => sale === DEMO_SALE);
}

async function ensureSale(place: SalePlace): Promise<BoardSale> {
  try {
    await putOnSale(place, planOf(await findDemo(place.databases)));
  } catch (error) {
    // An operator has changed the sale, or has set a time finer than milliseconds: these values are kept.
    if (!(error instanceof DatabaseError && error.sqlstate === 'FS003')) throw error;
  }
  const sale = await findDemo(place.databases);
  if (sale === undefined) throw new Error(`the sale ${DEMO_SALE} is not on the board`);
  return sale;
}

/**
 * Creates the demo sale in the database and its nodes in ZooKeeper if they are missing.
 * `protection`: the protection of an operator, if credentials are configured.
 *
 * @returns the present sale
 * @throws {DatabaseError | Error}
 */
export async function ensureDemo(
  servers: Servers,
  zkRoot: string,
  protection?: Protection,
): Promise<BoardSale> {
  const pool = (url: string) =>
    createPool({
      url,
      role: 'ops',
      max: 1,
      applicationName: 'flashsale-start',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
  const regular = pool(servers.databaseUrl);
  const hot = servers.hotDatabaseUrl === undefined ? regular : pool(servers.hotDatabaseUrl);
  const session = new ZkSession({
    servers: servers.zookeeper,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    protection,
  });
  session.start();
  try {
    await session.connected(ZOOKEEPER_TIMEOUT_MS);
    return await ensureSale({ databases: { regular, hot }, session, root: zkRoot });
  } finally {
    await session.close();
    await regular.close();
    if (hot !== regular) await hot.close();
  }
}
