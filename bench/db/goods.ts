import { DAILY_UNITS } from '../../contracts/goods.ts';
import { createSku } from '../../db/calls.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import type { NewSku } from '../../db/new-sales.ts';
import { median } from '../figures.ts';
import type { Target } from './drive.ts';
import type { BenchOptions } from './options.ts';
import { rateOf, type Say } from './parts.ts';

/** How much of the rate of counted goods the other kinds reach, in batches of 100 single orders. */

const LOAD = { call: 'place_orders', size: 100, clients: 4 } as const;
/** More units than are sold in one run, so that the whole run sells. */
const UNITS = 100_000;
const SEATS_OF_A_ROW = 40;
const SECONDS_MAX = 1.5;

const FREE = { price: '0', userLimit: 1 };
const section = {
  seats: Array.from({ length: UNITS / SEATS_OF_A_ROW }, (_, at) => ({
    ...{ row: `${at + 1}`, from: 1, to: SEATS_OF_A_ROW },
  })),
  singles: 'avoid',
} as const;
const pot = { amount: `${UNITS}.00`, packets: UNITS, division: 'random' } as const;

/** Free goods have two events an order, and no payment. */
const KINDS: Readonly<Record<string, Partial<NewSku> & { readonly units: number }>> = {
  numbered: { units: UNITS, section },
  amounts: { ...FREE, units: UNITS, pot },
  daily: { ...FREE, units: DAILY_UNITS, zone: 'Europe/Berlin' },
};

export async function compareGoods(
  target: Target,
  { rounds, seconds }: BenchOptions,
  say: Say,
): Promise<Record<string, number>> {
  const length = Math.min(seconds, SECONDS_MAX);
  const pool = createPool({ url: target.url, max: 1, applicationName: 'bench' });
  const rates: Record<string, number[]> = {};
  for (let round = 1; round <= rounds; round += 1) {
    await target.admin.run('CALL bench.reset(16)');
    const skus = new Map([['counted', 'TV']]);
    for (const [kind, terms] of Object.entries(KINDS)) {
      const sku = `${kind}-${round}`;
      const common = { sku, sale: 'sale', schema: 'hot', title: sku, currency: 'EUR', slots: 16 };
      await createSku(Databases.ofOne(pool), { ...common, price: '9.95', userLimit: 1, ...terms });
      skus.set(kind, sku);
    }
    await target.admin.run('VACUUM ANALYZE hot.unit');
    for (const [kind, sku] of skus) {
      const rate = await rateOf(target.url, { ...LOAD, sku }, length);
      say(`goods, round ${round}: ${kind} ${Math.round(rate)} orders/s`);
      rates[kind] = [...(rates[kind] ?? []), rate];
    }
  }
  await pool.close();
  const { counted = [] } = rates;
  const ratio = (kind: string) => median(counted.map((one, at) => (rates[kind]?.[at] ?? 0) / one));
  return {
    numbered_vs_counted: ratio('numbered'),
    amounts_vs_counted: ratio('amounts'),
    daily_vs_counted: ratio('daily'),
    ...Object.fromEntries(
      Object.entries(rates).map(([kind, all]) => [`${kind}_orders_per_s`, Math.round(median(all))]),
    ),
  };
}
