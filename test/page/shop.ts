import type { Section } from '../../contracts/seats.ts';
import { Operator } from '../../ops/quota/operator.ts';
import { Reader } from '../../ops/quota/overview.ts';
import { uniqueName } from '../servers.ts';
import { startSystem } from '../system.ts';
import { until } from '../until.ts';

/** What the browser tests need of the system. */

export interface SkuWish {
  readonly units: number;
  readonly limit?: number;
  readonly title?: string;
  /** Of numbered goods. */
  readonly section?: Section;
}

export interface SaleWish {
  /** Without it, the sale is open. */
  readonly opensInMs?: number;
  readonly payWindowSeconds?: number;
  readonly skus: readonly SkuWish[];
}

export interface Shop {
  readonly url: string;
  /** Resolves when every web node sells it. */
  createSale(wish: SaleWish): Promise<{ sale: string; skus: string[] }>;
  setState(sku: string, state: 'open' | 'paused'): Promise<void>;
  /** Moves the opening of a sale that is not open yet to then. */
  openIn(sale: string, ms: number): Promise<void>;
  /** The switch of one SKU. */
  setChallenge(sku: string, text: string): Promise<void>;
  /** Sheds by lottery. */
  setDraw(keep: string): Promise<void>;
  stop(): Promise<void>;
}

/** @param environment further variables of every process */
export async function startShop(environment: Readonly<Record<string, string>> = {}): Promise<Shop> {
  const system = await startSystem({ webNodes: 1, environment });
  return {
    url: system.url,
    async createSale({ opensInMs = -1_000, payWindowSeconds = 900, skus: wishes }) {
      const skus = wishes.map(({ units, limit = 1, title = 'Television', section }) => ({
        sku: uniqueName('tv'),
        title,
        units,
        userLimit: limit,
        ...(section && { section }),
      }));
      const opensAt = new Date(Date.now() + opensInMs);
      const sale = await system.createSale(skus, {
        title: 'Launch day',
        opensAt,
        payWindowSeconds,
      });
      return { sale, skus: skus.map(({ sku }) => sku) };
    },
    async openIn(sale, ms) {
      await system.databases.regular.query({
        text: 'UPDATE catalog.sale SET opens_at = clock_timestamp() + $2 * $3::interval WHERE sale = $1',
        values: [sale, ms, '1 ms'],
      });
    },
    setState: (sku, state) => system.set(system.paths.sku(sku).state, state),
    async setChallenge(sku, text) {
      const { session, paths } = system;
      const edit = await new Operator(session, paths, 'test').challenge(sku, text);
      const reader = new Reader(session, paths);
      await until('it is in force', async () => (await reader.notApplied(edit)).length === 0);
    },
    async setDraw(keep) {
      const { session, paths } = system;
      const operator = new Operator(session, paths, 'test');
      await operator.shed('lottery');
      const edit = await operator.keep(undefined, keep);
      const reader = new Reader(session, paths);
      await until('it is in force', async () => (await reader.notApplied(edit)).length === 0);
    },
    stop: () => system.stop(),
  };
}
