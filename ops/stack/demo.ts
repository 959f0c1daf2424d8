import { readFileSync } from 'node:fs';
import { type Home, REGULAR } from '../../contracts/homes.ts';
import { type BoardSale, saleBoard } from '../../db/calls.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import type { Protection } from '../../zk/client/protection.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { applySale } from '../sale/apply.ts';
import type { DesiredSale } from '../sale/desired.ts';
import { parseSaleFile } from '../sale/file.ts';
import type { SalePlace } from '../sale/place.ts';
import type { Servers } from './servers.ts';
import { homeUrls } from './servers.ts';

/**
 * The sale of `npm start`. The first start creates it; later starts leave it unchanged. Its hot SKUs are dealt
 * out over the hot homes.
 */

const FILE = new URL('../../sales/demo.yaml', import.meta.url);
const STATEMENT_TIMEOUT_MS = 30_000;
const ZOOKEEPER_TIMEOUT_MS = 15_000;
const SESSION_TIMEOUT_MS = 6_000;
const ACTOR = { by: 'npm start', reason: 'the sale of the demo' };

/** Gives each hot home a SKU, as long as there are any. */
function dealtOut(desired: DesiredSale, homes: readonly Home[]): DesiredSale {
  const hot = homes.filter((home) => home !== REGULAR);
  let dealt = 0;
  const skus = desired.skus.map((sku) => {
    if (sku.schema === REGULAR) return sku;
    const schema = hot[dealt % hot.length] ?? sku.schema;
    dealt += 1;
    return { ...sku, schema };
  });
  return { ...desired, skus };
}

/** What merchants and operators have changed since the first start is kept. */
async function ensureSale(place: SalePlace): Promise<BoardSale> {
  const ofFile = parseSaleFile(readFileSync(FILE, 'utf8'), 'sales/demo.yaml', []);
  const desired = dealtOut(ofFile, place.databases.homes);
  await applySale(place, desired, { actor: ACTOR, onlyMissing: true });
  const { sales } = await saleBoard(place.databases);
  const sale = sales.find((one) => one.sale === desired.sale);
  if (sale === undefined) throw new Error(`the sale ${desired.sale} is not on the board`);
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
  const databases = Databases.open(homeUrls(servers), (url) =>
    createPool({
      url,
      role: 'ops',
      // One holds the lock of the apply.
      max: 2,
      applicationName: 'flashsale-start',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    }),
  );
  const session = new ZkSession({
    servers: servers.zookeeper,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    protection,
  });
  session.start();
  try {
    await session.connected(ZOOKEEPER_TIMEOUT_MS);
    return await ensureSale({ databases, session, root: zkRoot });
  } finally {
    await session.close();
    await databases.close();
  }
}
