import type { DesiredSale } from '../desired.ts';
import { type PresentSale, STAYS_CLOSED } from '../present.ts';
import { type Change, type Part, PHASES, type Plan, type PlanOptions } from './parts.ts';
import { partsOfSale } from './sale-part.ts';
import { partOfSku } from './sku-part.ts';

/** Plans how a sale becomes what somebody wants it to be. Pure: no I/O. */

/** @param present must know each SKU that `desired` names */
export function planSale(
  desired: DesiredSale,
  present: PresentSale,
  options: PlanOptions = {},
): Plan {
  const { sale: known } = present;
  const parts: Part[] = [
    partsOfSale(desired, present, options),
    ...desired.skus.map((sku) => partOfSku(desired, sku, present, options)),
  ];
  if (!present.hasCommonSettings) {
    parts.push({ steps: { switches: [{ do: 'common_settings' }] } });
  }
  if (!options.onlyMissing) parts.push({ notes: leftOut(desired, present) });
  const changes = parts.flatMap((part) => part.changes ?? []);
  const refused = parts.flatMap((part) => part.refused ?? []);
  if (known?.isCalledOff) return calledOff(desired.sale, [...changes, ...refused]);
  const steps = PHASES.flatMap((phase) => parts.flatMap((part) => part.steps?.[phase] ?? []));
  return {
    sale: desired.sale,
    changes,
    refused,
    notes: parts.flatMap((part) => part.notes ?? []),
    steps: refused.length > 0 ? [] : steps,
  };
}

/** Nothing of the file is applied. */
function calledOff(sale: string, wanted: readonly Change[]): Plan {
  const reason = `the sale was called off: ${STAYS_CLOSED}`;
  return {
    sale,
    changes: [],
    refused: wanted.map((one) => ({ ...one, reason })),
    notes: [`${sale} was called off: nothing of the file is applied`],
    steps: [],
  };
}

function leftOut(desired: DesiredSale, present: PresentSale): string[] {
  const named = new Set(desired.skus.map(({ sku }) => sku));
  return [...present.skus.values()]
    .filter(({ sku, sale }) => sale === desired.sale && !named.has(sku))
    .map(({ sku }) => `${sku} is on sale but not in the file: it stays as it is`);
}
