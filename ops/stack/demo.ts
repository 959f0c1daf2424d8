import type { Schema } from '../../contracts/names.ts';
import { type BoardSale, createSale, createSku, saleBoard } from '../../db/calls.ts';
import { DatabaseError } from '../../db/errors.ts';
import { createPool, type Databases } from '../../db/pool.ts';
import { pathsBelow } from '../../zk/paths.ts';
import { ZkSession } from '../../zk/session.ts';
import type { Servers } from './servers.ts';

/** The sale of `npm start`: made once; later starts find it and leave it as it is. */

export const DEMO_SALE = 'demo';

/** Time for a first look at the countdown. */
const OPENS_AFTER_MS = 15_000;
/** Long enough that whoever starts the demo again weeks later still finds it open. */
const CLOSES_AFTER_MS = 365 * 24 * 3_600_000;
/** Short, so that one can watch unpaid units go to the next shopper. */
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

async function ensureSale(databases: Databases): Promise<BoardSale> {
  const now = Date.now();
  try {
    await createSale(databases, {
      sale: DEMO_SALE,
      title: 'Flash sale: three products at a tenth of their price',
      opensAt: new Date(now + OPENS_AFTER_MS),
      closesAt: new Date(now + CLOSES_AFTER_MS),
      payWindowSeconds: PAY_WINDOW_SECONDS,
    });
  } catch (error) {
    // It is there from an earlier start, with another opening time.
    if (!(error instanceof DatabaseError && error.sqlstate === 'FS003')) throw error;
  }
  for (const sku of SKUS) {
    try {
      const terms = { sale: DEMO_SALE, currency: 'EUR', userLimit: 1, units: UNITS };
      await createSku(databases, { ...sku, ...terms });
    } catch (error) {
      // Somebody has changed its price or limit since: theirs stays.
      if (!(error instanceof DatabaseError && error.sqlstate === 'FS003')) throw error;
    }
  }
  const board = await saleBoard(databases);
  const sale = board.sales.find((candidate) => candidate.sale === DEMO_SALE);
  if (sale === undefined) throw new Error(`the sale ${DEMO_SALE} is not on the board`);
  return sale;
}

async function ensureNodes(session: ZkSession, root: string, sale: BoardSale): Promise<void> {
  const paths = pathsBelow(root);
  const wanted: [path: string, text: string][] = [
    [paths.keep, '1'],
    [paths.shed, 'random'],
    ...sale.skus.flatMap(({ sku, unitsTotal }): [string, string][] => [
      [paths.sku(sku).quota, String(unitsTotal)],
      [paths.sku(sku).state, 'open'],
      [paths.sku(sku).pins, ''],
    ]),
  ];
  for (const [path, text] of wanted) {
    const made = await session.ensure(path, text);
    if (!made.ok) throw new Error(`ZooKeeper: ${path} could not be made: ${made.error}`);
  }
}

/**
 * Makes the demo sale in the database and its nodes in ZooKeeper where they are missing.
 *
 * @returns the sale as it is now
 * @throws {DatabaseError | Error}
 */
export async function ensureDemo(servers: Servers, zkRoot: string): Promise<BoardSale> {
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
  });
  session.start();
  try {
    const [sale] = await Promise.all([
      ensureSale({ regular, hot }),
      session.connected(ZOOKEEPER_TIMEOUT_MS),
    ]);
    await ensureNodes(session, zkRoot, sale);
    return sale;
  } finally {
    await session.close();
    await regular.close();
    if (hot !== regular) await hot.close();
  }
}
