import type { UnitFinder } from '../../contracts/seats.ts';
import type { SkuOnSale } from '../catalogue/catalogue.ts';
import type { Refusal } from '../http/problems.ts';
import type { Claim } from './press.ts';

/**
 * Finds the units that a purchase names in the section of the SKU, and adds their positions to the purchase.
 * @param finderOf undefined: the SKU has no section
 */
export async function findUnits(
  claim: Claim,
  finderOf: (row: SkuOnSale) => Promise<UnitFinder | undefined>,
): Promise<Refusal | undefined> {
  const { row, purchase } = claim;
  const find = row.numbered ? await finderOf(row) : undefined;
  if (find === undefined) return bad('this SKU has no seats to choose');
  const positions = new Set<number>();
  for (const unit of purchase.seats ?? []) {
    const name = unit.row === undefined ? unit.seat : `${unit.seat} in row ${unit.row}`;
    const position = find(unit);
    if (position === undefined) return bad(`there is no seat ${name}`);
    if (positions.has(position)) return bad(`seats has seat ${name} twice`);
    positions.add(position);
  }
  claim.purchase = { ...purchase, positions: [...positions] };
  return undefined;
}

function bad(detail: string): Refusal {
  return { verdict: 'bad_request', detail };
}
