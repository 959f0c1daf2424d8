import { Draws } from '../plan/draws.ts';
import type { Plan } from '../plan/read.ts';
import type { Behaviour, Wait } from '../plan/schema.ts';

/** What a shopper is, drawn once from the seed. */
export interface Person {
  readonly behaviour: Behaviour;
  readonly wait: Wait;
  readonly address: string | undefined;
  /** Where among the SKUs, by their weights, the wanted one is: 0 to 1. */
  readonly skuShare: number;
}

/** @param addressOf the address at a place of the list, 0 to 1 */
export function personOf(
  plan: Pick<Plan, 'seed' | 'behaviours' | 'waits'>,
  index: number,
  addressOf: (share: number) => string | undefined,
): Person {
  const draws = new Draws(plan.seed, index, 'person');
  const behaviour = draws.pick(plan.behaviours);
  const wait = draws.pick(plan.waits);
  return { behaviour, wait, address: addressOf(draws.next()), skuShare: draws.next() };
}

/**
 * @param there the SKUs of the sale
 * @param weights undefined: all alike
 * @returns undefined if the sale has none that the plan names
 */
export function wantedSku(
  { skuShare }: Person,
  there: readonly string[],
  weights: ReadonlyMap<string, number> | undefined,
): string | undefined {
  const wanted = there.map((sku) => ({ sku, weight: weights ? (weights.get(sku) ?? 0) : 1 }));
  let left = skuShare * wanted.reduce((all, { weight }) => all + weight, 0);
  for (const { sku, weight } of wanted) {
    left -= weight;
    if (left < 0) return sku;
  }
  return undefined;
}
