import { isRehearsal } from '../../contracts/rehearsal.ts';
import type { BoardSale } from '../../db/catalog.ts';
import { arrivalsEndMs } from '../load/plan/arrivals.ts';
import type { Plan } from '../load/plan/read.ts';

/** Tells which real sales a rehearsal would disturb. Pure. */

/** For the last looks of the crowd and the removal, whose locks other sales wait for. */
const REMOVED_WITHIN_MS = 60_000;

/** How long the shop has the load of a rehearsal, from its beginning on. */
export function lastsMs(
  { stages, patienceMs }: Pick<Plan, 'stages' | 'patienceMs'>,
  opensInMs: number,
): number {
  return opensInMs + arrivalsEndMs(stages) + patienceMs + REMOVED_WITHIN_MS;
}

/** @returns a sentence about the sales that are open, or open while the rehearsal lasts */
export function disturbed(
  sales: readonly Pick<BoardSale, 'sale' | 'opensAt' | 'closesAt' | 'isCalledOff'>[],
  now: Date,
  rehearsalMs: number,
): string | undefined {
  const end = new Date(now.getTime() + rehearsalMs);
  const real = sales.filter(
    ({ sale, opensAt, closesAt, isCalledOff }) =>
      !isRehearsal(sale) && !isCalledOff && opensAt <= end && closesAt > now,
  );
  if (real.length === 0) return undefined;
  const texts = real.map(({ sale, opensAt }) =>
    opensAt <= now ? `${sale} is open` : `${sale} opens at ${opensAt.toISOString()}`,
  );
  return `${texts.join(', ')}, and its shoppers would feel the crowd`;
}
