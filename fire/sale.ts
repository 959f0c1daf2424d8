import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DAILY_UNITS } from '../contracts/goods.ts';
import { setClaimWindow } from '../db/waitlist.ts';
import { applySale } from '../ops/sale/apply.ts';
import type { DesiredSku } from '../ops/sale/desired.ts';
import type { Goods } from './crowd/crowd.ts';
import type { History } from './crowd/history.ts';
import type { Field } from './faults/field.ts';
import { GOODS, type GoodsName, WAVES } from './kinds.ts';
import { SESSION_TIMEOUT_MS, type Shop } from './shop/shop.ts';

/** The sale of a run: goods of each kind, with little stock, and one SKU that does not sell out. */

/** Shorter than the pause of those who pay late. */
const PAY_WINDOW_S = 5;
const OPEN_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
/** So few that they are gone while faults are made: then units that come back go to shoppers who wait. */
const ROWS = 2;
const SEATS = 4;
const COUNTED = 12;
const PACKETS = 40;
/** Units of a wave that operators release, of far more that exist. */
export const WAVE_QUOTA = 8;

const terms = { schema: 'hot', currency: 'EUR', userLimit: 1, price: '0' } as const;
const wave = { ...terms, units: 1_000_000, quota: WAVE_QUOTA };
const PLANS: Readonly<Record<GoodsName, Omit<DesiredSku, 'sku' | 'title'>>> = {
  // Free orders are paid at once and never end, so a unit too many stays.
  ...(Object.fromEntries(WAVES.map((name) => [name, wave])) as Record<
    (typeof WAVES)[number],
    typeof wave
  >),
  counted: { ...terms, price: '10.00', userLimit: 2, units: COUNTED, slots: 8 },
  plenty: { ...terms, price: '5.00', userLimit: 2, units: 1_000_000 },
  daily: { ...terms, schema: 'regular', units: DAILY_UNITS, zone: 'Europe/Berlin' },
  pot: {
    ...terms,
    units: PACKETS,
    pot: { amount: '20.00', packets: PACKETS, division: 'random' },
  },
  seats: {
    ...{ ...terms, price: '40.00', userLimit: 2, units: ROWS * SEATS },
    section: {
      seats: Array.from({ length: ROWS }, (_, at) => ({ row: `${at + 1}`, from: 1, to: SEATS })),
      singles: 'avoid',
    },
  },
};

export interface OpenSale {
  readonly sale: string;
  readonly goods: readonly Goods[];
  readonly field: Field;
}

/** Opens a sale of its own for this run, and waits until every web node sells it. */
export async function openSale(shop: Shop, seed: number, history: History): Promise<OpenSale> {
  const sale = `fire-${seed}-${randomBytes(3).toString('hex')}`;
  const sku = (name: GoodsName) => `${sale}-${name}`;
  const skus = GOODS.map((name) => ({ ...PLANS[name], sku: sku(name), title: name }));
  const now = Date.now();
  await applySale(
    { databases: shop.databases, session: shop.session, root: shop.zkRoot },
    {
      ...{ sale, title: sale, payWindowSeconds: PAY_WINDOW_S, skus },
      opens: { at: new Date(now - 1_000) },
      closes: { at: new Date(now + 24 * 3_600_000) },
    },
    { actor: { by: 'fire' } },
  );
  await setClaimWindow(shop.databases, sale, PAY_WINDOW_S, {
    by: 'fire',
    reason: 'a run under fire',
  });
  const brought = (name: string, units: number) => {
    const at = history.now();
    const what = { fault: 'restock', target: name, phase: 'begin' } as const;
    history.add({ kind: 'fault', ...what, at, until: at, restocked: { sku: name, units } });
  };
  for (const one of skus) {
    brought(one.sku, one.units);
    if (one.quota !== undefined) history.add({ kind: 'quota', sku: one.sku, units: one.quota });
  }
  history.add({ kind: 'session', timeoutMs: SESSION_TIMEOUT_MS });
  await isSold(shop, sale);
  return {
    sale,
    goods: GOODS.map((name) => {
      const { price, userLimit } = PLANS[name];
      return { name, sku: sku(name), price: Number(price), limit: userLimit };
    }),
    field: { shop, sku, quotas: new Map(skus.map((one) => [one.sku, one.units])), brought },
  };
}

async function isSold({ nodes }: Shop, sale: string): Promise<void> {
  const startedMs = performance.now();
  for (const node of nodes) {
    for (;;) {
      const response = await fetch(`${node}/api/v1/sales/${sale}`).catch(() => undefined);
      const { state } = ((await response?.json().catch(() => ({}))) ?? {}) as { state?: string };
      if (state === 'open') break;
      if (performance.now() - startedMs > OPEN_TIMEOUT_MS)
        throw new Error(`${node} does not sell ${sale}`);
      await delay(POLL_MS);
    }
  }
}
