import { DAILY_UNITS } from '../../contracts/goods.ts';
import { newRehearsal, skuOfRehearsal } from '../../contracts/rehearsal.ts';
import type { DesiredSale, DesiredSku } from '../sale/desired.ts';
import { type PresentSale, type PresentSku, presentPot } from '../sale/present.ts';

/** Makes the shadow of a sale: the same sale with other names and other times. Pure. */

const TITLE_LENGTH_MAX = 200;

export interface Shadow {
  readonly desired: DesiredSale;
  /** The name of each SKU in the shadow, by its name in the sale. */
  readonly names: ReadonlyMap<string, string>;
}

/** What the shop has of a sale. */
export type Known = PresentSale & { readonly sale: NonNullable<PresentSale['sale']> };

export interface Times {
  readonly opensInMs: number;
  readonly closesInMs: number;
}

/** @param slots of each SKU with counted goods */
export function shadowOf(
  name: string,
  { sale, skus, switches }: Known,
  slots: ReadonlyMap<string, number>,
  { opensInMs, closesInMs }: Times,
): Shadow {
  const shadow = newRehearsal(name);
  const own = [...skus.values()].filter((sku) => sku.sale === name);
  const names = new Map(own.map(({ sku }, at) => [sku, skuOfRehearsal(shadow, at + 1)]));
  const { title, payWindowSeconds, presentation } = sale;
  return {
    names,
    desired: {
      sale: shadow,
      // Operators see it in the live view and in lists.
      title: `Rehearsal: ${title}`.slice(0, TITLE_LENGTH_MAX),
      opens: { afterMs: opensInMs },
      closes: { afterMs: closesInMs },
      ...{ payWindowSeconds, presentation },
      skus: own.map((sku): DesiredSku => {
        const quota = switches.get(sku.sku)?.quota ?? null;
        return {
          ...skuOf(sku, slots.get(sku.sku)),
          sku: names.get(sku.sku) ?? '',
          ...(quota !== null && sku.zone === null && { quota: Number(quota) }),
        };
      }),
    },
  };
}

function skuOf(known: PresentSku, slots: number | undefined): Omit<DesiredSku, 'sku'> {
  const { schema, title, price, currency, userLimit, presentation, unitsTotal } = known;
  const terms = { schema, title, price, currency, userLimit, presentation };
  const { zone, section } = known;
  if (zone !== null) return { ...terms, zone, units: DAILY_UNITS };
  const pot = presentPot(known);
  if (pot !== null) return { ...terms, pot, units: pot.packets };
  if (section !== null) return { ...terms, section, units: unitsTotal };
  return { ...terms, units: unitsTotal, ...(slots !== undefined && { slots }) };
}

/** The units that may be sold. Undefined for daily goods, which have one for everybody. */
export function unitsFor({ zone, units, quota }: DesiredSku): number | undefined {
  return zone === undefined || zone === null ? Math.min(units, quota ?? units) : undefined;
}
