import { setTimeout as delay } from 'node:timers/promises';
import { AUDIT_TIMEOUT_MS } from '../../db/audit.ts';
import { saleBoard } from '../../db/catalog.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import { ticketKey } from '../../db/ticket-keys.ts';
import { applySale } from '../../ops/sale/apply.ts';
import { readPresent } from '../../ops/sale/present.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { type MillionOptions, UsageError } from './options.ts';
import type { Shop } from './shop.ts';

/** The sale that the crowd comes to: one of its own, or one that is there and stays as it is. */

const TITLES = ['TV', 'Phone', 'Clothes'];
const OPENS_IN_MS = 2_000;
const OPEN_FOR_MS = 24 * 3_600_000;
const PAY_WINDOW_SECONDS = 900;
/** Longest wait until the shop knows the sale and the keeper has divided its quota. */
const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 100;
const ZK_SESSION_TIMEOUT_MS = 10_000;

interface Place {
  readonly databases: Databases;
  readonly session: ZkSession;
  readonly root: string;
}

interface SaleOnStage {
  readonly sale: string;
  /** Units that may be sold, by SKU. */
  readonly units: Readonly<Record<string, number>>;
  /** Returns the key that signs its tickets, once the crowd may come. */
  untilOpen(): Promise<Buffer>;
}

export interface Stage extends SaleOnStage {
  readonly databases: Databases;
  end(): Promise<void>;
}

/** @throws {UsageError} if the sale that the options name is not open */
export async function setStage(shop: Shop, options: MillionOptions): Promise<Stage> {
  const applicationName = 'flashsale-million';
  const databases = Databases.open(shop.databaseUrls, (url) =>
    createPool({ url, max: 2, applicationName, statementTimeoutMs: AUDIT_TIMEOUT_MS }),
  );
  const session = new ZkSession({
    servers: shop.zookeeper,
    sessionTimeoutMs: ZK_SESSION_TIMEOUT_MS,
  });
  const leave = async () => {
    await session.close();
    await databases.close();
  };
  const place = { databases, session, root: shop.zkRoot };
  try {
    session.start();
    await session.connected(READY_TIMEOUT_MS);
    const { sale } = options;
    const onStage = await (sale === undefined ? newSale(place, options) : saleOf(place, sale));
    const end = async () => {
      // Later visitors of the shop must not see the crowd's own sale as open.
      if (sale === undefined) await closeSkus(place, Object.keys(onStage.units));
      await leave();
    };
    return { ...onStage, databases: place.databases, end };
  } catch (error) {
    await leave();
    throw error;
  }
}

async function closeSkus({ session, root }: Place, skus: readonly string[]): Promise<void> {
  const { sku } = pathsBelow(root);
  await Promise.all(skus.map((name) => session.set(sku(name).state, 'closed', -1)));
}

async function saleOf(place: Place, sale: string): Promise<SaleOnStage> {
  const { sales, serverTime } = await saleBoard(place.databases);
  const found = sales.find((one) => one.sale === sale);
  if (found === undefined) throw new UsageError(`there is no sale ${sale}: flashsale sale list`);
  const key = await ticketKey(place.databases, sale);
  if (key === undefined || found.closesAt <= serverTime) {
    throw new UsageError(`${sale} is not open: npx flashsale sale show ${sale}`);
  }
  const { switches } = await readPresent(place, sale, []);
  const units = found.skus.map(({ sku, unitsTotal }) => {
    const quota = switches.get(sku)?.quota ?? null;
    return [sku, quota === null ? unitsTotal : Math.min(unitsTotal, Number(quota))] as const;
  });
  return { sale, units: Object.fromEntries(units), untilOpen: async () => key };
}

async function newSale(place: Place, options: MillionOptions): Promise<SaleOnStage> {
  const sale = `million-${Date.now().toString(36)}`;
  const opensAt = new Date(Date.now() + OPENS_IN_MS);
  const skus = Array.from({ length: options.products }, (_, index) => {
    const title = TITLES[index] ?? `Product ${index + 1}`;
    return { sku: `${title.replace(' ', '')}-${sale.slice('million-'.length)}`, title, index };
  });
  await applySale(
    place,
    {
      sale,
      title: 'The million',
      opens: { at: opensAt },
      closes: { at: new Date(opensAt.getTime() + OPEN_FOR_MS) },
      payWindowSeconds: PAY_WINDOW_SECONDS,
      skus: skus.map(({ sku, title, index }) => ({
        sku,
        title,
        // Every third product lives in the home `regular`, so that both homes are used.
        schema: index % 3 === 2 ? 'regular' : 'hot',
        price: '1.00',
        currency: 'EUR',
        userLimit: 1,
        units: options.units,
        keep: options.keep,
      })),
    },
    { actor: { by: 'npm run million' } },
  );
  const units = Object.fromEntries(skus.map(({ sku }) => [sku, options.units]));
  return { sale, units, untilOpen: () => untilGranted(place, sale, units) };
}

/** Returns the ticket key once the sale is open and the whole quota of each SKU is granted. */
async function untilGranted(
  place: Place,
  sale: string,
  units: Readonly<Record<string, number>>,
): Promise<Buffer> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const key = await ticketKey(place.databases, sale);
    const granted = await Promise.all(
      Object.entries(units).map(async ([sku, all]) => [await grantedUnits(place, sku), all]),
    );
    if (key !== undefined && granted.every(([sum = 0, all = 0]) => sum >= all)) return key;
    if (performance.now() > deadlineMs) {
      const state = granted.map(([sum, all]) => `${sum} of ${all}`).join(', ');
      throw new Error(`the sale is not ready: granted units ${state}. Is the keeper running?`);
    }
    await delay(POLL_MS);
  }
}

async function grantedUnits({ session, root }: Place, sku: string): Promise<number> {
  const paths = pathsBelow(root).sku(sku);
  const nodes = await session.children(paths.grants);
  if (!nodes.ok) return 0;
  const grants = await Promise.all(nodes.value.map((node) => session.get(paths.grant(node))));
  return grants.reduce((sum, grant) => sum + (grant.ok ? Number(grant.value.text) : 0), 0);
}
