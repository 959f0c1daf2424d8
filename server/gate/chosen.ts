import type { NumberedUnit } from '../../contracts/seats.ts';
import type { Refusal } from '../http/problems.ts';
import type { Claim } from './press.ts';
import type { GateParts, SlowStep } from './steps.ts';

/** Finds the units that the shopper has chosen. Most purchases name none. */
export function chosen(claim: Claim, parts: GateParts): ReturnType<SlowStep<Claim>> {
  const { seats } = claim.purchase;
  return seats === undefined ? undefined : findUnits(claim, seats, parts);
}

async function findUnits(
  claim: Claim,
  seats: readonly NumberedUnit[],
  { finderOf }: GateParts,
): Promise<Refusal | undefined> {
  const bad = (detail: string) => ({ verdict: 'bad_request', detail }) as const;
  const find = claim.row.numbered ? await finderOf(claim.row) : undefined;
  if (find === undefined) return bad('this SKU has no seats to choose');
  const positions = new Set<number>();
  for (const unit of seats) {
    const name = unit.row === undefined ? unit.seat : `${unit.seat} in row ${unit.row}`;
    const position = find(unit);
    if (position === undefined) return bad(`there is no seat ${name}`);
    if (positions.has(position)) return bad(`seats has seat ${name} twice`);
    positions.add(position);
  }
  claim.purchase = { ...claim.purchase, positions: [...positions] };
  return undefined;
}
