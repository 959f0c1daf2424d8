import { parse, stringify } from 'yaml';
import type { Plan } from '../load/plan/read.ts';
import type { Behaviour, PlanFile } from '../load/plan/schema.ts';
import { personOf, wantedSku } from '../load/shopper/person.ts';
import { type Shadow, unitsFor } from './shadow.ts';

/** The crowd of a rehearsal: who comes to the shadow, and how much of it they want. Pure. */

/** More than the units, so that the last unit is wanted by somebody. */
const VISITORS_FOR_EACH_UNIT = 1.2;
const VISITORS_MORE = 20;
/** Of a crowd that nobody has given a size: more is a decision about CPU and money. */
const USUAL_VISITORS_MAX = 10_000;
/** Of daily goods, whose units do not end. */
const VISITORS_OF_DAILY = 500;
const ALIVE_MAX = 200_000;
const ADDRESSES = 20;
/** Shoppers wait for the opening, as they will on the day. */
const BEFORE_OPENING = '5s before the opening';
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

export interface UsualCrowd {
  readonly visitors?: number | undefined;
  readonly withinMs: number;
  /** A file with the key that signs the tokens of shoppers; without it they are guests of the demo. */
  readonly keyFile?: string | undefined;
  readonly shop: string;
}

/** The text of the usual plan: everybody buys, and the SKUs are wanted as much as they have units. */
export function usualPlan({ desired }: Shadow, crowd: UsualCrowd): string {
  const weights = desired.skus.map((sku) => [sku.sku, unitsFor(sku) ?? VISITORS_OF_DAILY] as const);
  const units = weights.reduce((sum, [, many]) => sum + many, 0);
  const usual = Math.ceil(units * VISITORS_FOR_EACH_UNIT) + VISITORS_MORE * weights.length;
  const visitors = crowd.visitors ?? Math.min(usual, USUAL_VISITORS_MAX);
  const isHere = LOOPBACK.test(new URL(crowd.shop).hostname);
  const rate = visitors / (crowd.withinMs / 1_000);
  const plan: PlanFile = {
    sale: desired.sale,
    seed: 'rehearsal',
    begin: BEFORE_OPENING,
    arrivals: [{ for: `${crowd.withinMs}ms`, rate }],
    behaviours: { buys: 1 },
    skus: Object.fromEntries(weights.filter(([, many]) => many > 0)),
    patience: '60s',
    pauses: { press: '500ms', pay: '2s' },
    ...(isHere && { network: { addresses: ADDRESSES } }),
    ...(crowd.keyFile !== undefined && {
      identities: { key: crowd.keyFile, users: 'rehearsal' },
    }),
    limits: { shoppers: Math.min(ALIVE_MAX, Math.max(1, Math.ceil(visitors))) },
  };
  return stringify(plan);
}

/**
 * The text of a plan that was written for the sale, for its shadow.
 *
 * @param text a plan that can be read
 * @throws {Error} the plan is for another sale, or names a SKU that the sale does not have
 */
export function planOfShadow(text: string, sale: string, { desired, names }: Shadow): string {
  const plan = parse(text) as PlanFile;
  if (plan.sale !== sale) throw new Error(`the plan is for the sale ${plan.sale}, not for ${sale}`);
  const skus = Object.entries(plan.skus ?? {}).map(([sku, weight]) => {
    const name = names.get(sku);
    if (name === undefined) throw new Error(`the plan names ${sku}, and ${sale} has no such SKU`);
    return [name, weight] as const;
  });
  return stringify({
    ...plan,
    sale: desired.sale,
    ...(plan.skus && { skus: Object.fromEntries(skus) }),
  });
}

/** Those who press until the press is decided, and keep the order. */
const STAYING: ReadonlySet<Behaviour> = new Set(['buys', 'keeps', 'comes-back', 'presses-twice']);

/** How many shoppers of the plan want a unit of each SKU of the shadow, and stay until they have it. */
export function demandOf(plan: Plan, { desired }: Shadow): ReadonlyMap<string, number> {
  // In the order of the shop, because a shopper picks a place in it.
  const there = desired.skus.map(({ sku }) => sku).toSorted((a, b) => (a < b ? -1 : 1));
  const demand = new Map(there.map((sku) => [sku, 0]));
  for (let index = 0; index < plan.shoppers; index += 1) {
    const person = personOf(plan, index, () => undefined);
    const sku = wantedSku(person, there, plan.skus);
    if (sku === undefined || !STAYING.has(person.behaviour)) continue;
    demand.set(sku, (demand.get(sku) ?? 0) + 1);
  }
  return demand;
}
