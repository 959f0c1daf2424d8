import { unitsOf } from '../../contracts/seats.ts';
import { median } from '../figures.ts';
import type { Target } from './drive.ts';
import type { BenchOptions } from './options.ts';
import { rateOf, type Say } from './parts.ts';

/** How much of the rate of counted goods numbered ones reach, in batches of 100 single orders. */

const LOAD = { call: 'place_orders', size: 100, clients: 4 } as const;
/** More seats than are sold in one run, so that the whole run sells. */
const ROWS = 2_500;
const SEATS = 40;
const SECONDS_MAX = 3;

async function makeSection(target: Target, sku: string): Promise<void> {
  const seats = Array.from({ length: ROWS }, (_, at) => ({ row: `${at + 1}`, from: 1, to: SEATS }));
  const units = unitsOf(seats);
  await target.admin.query({
    text: `SELECT catalog.create_sku($1, 'sale', 'hot', $1, 9.95, 'EUR', 1, $3, 16),
                  catalog.make_units($1, $2, $3, 'avoid', $4, $5, $6)`,
    values: [
      ...[sku, JSON.stringify(seats), units.length],
      units.map(({ position }) => position),
      units.map(({ row }) => row),
      units.map(({ seat }) => seat),
    ],
  });
  await target.admin.run('VACUUM ANALYZE hot.unit');
}

export async function compareNumbered(
  target: Target,
  { rounds, seconds }: BenchOptions,
  say: Say,
): Promise<Record<string, number>> {
  const length = Math.min(seconds, SECONDS_MAX);
  const runs: { counted: number; numbered: number }[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const sku = `SEATS${round}`;
    await target.admin.run('CALL bench.reset(16)');
    await makeSection(target, sku);
    const counted = await rateOf(target.url, LOAD, length);
    const numbered = await rateOf(target.url, { ...LOAD, sku }, length);
    say(
      `numbered, round ${round}: ${Math.round(counted)} counted, ${Math.round(numbered)} numbered`,
    );
    runs.push({ counted, numbered });
  }
  return {
    numbered_vs_counted: median(runs.map(({ counted, numbered }) => numbered / counted)),
    counted_orders_per_s: Math.round(median(runs.map(({ counted }) => counted))),
    numbered_orders_per_s: Math.round(median(runs.map(({ numbered }) => numbered))),
  };
}
