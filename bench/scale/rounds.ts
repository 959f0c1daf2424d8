import type { Home } from '../../contracts/homes.ts';
import { median, rounded } from '../figures.ts';
import type { ByProcess } from '../flow/meter.ts';
import type { Load } from './load.ts';
import { type Stage, serverOf } from './stage.ts';

/** Orders a second with one, two and four homes, by turns in each round. */

const COUNTS = [1, 2, 4] as const;
type Count = (typeof COUNTS)[number];

export interface Run {
  readonly count: Count;
  readonly ordersPerSecond: number;
  /** Of its share, the least that a home used: less than nearly all means that something else held it up. */
  readonly shareUsed: number;
  readonly cpuUs: ByProcess;
}

/**
 * By turns, so that a load of other programs that grows or falls meets all alike. Each home is used as often as any
 * other, alone, with another one, and with all.
 */
function turnsOf(round: number, homes: readonly Home[]): (readonly Home[])[] {
  const at = (...numbers: number[]) =>
    numbers.map((number) => homes[(number + round) % homes.length] ?? '');
  return [at(0), at(0, 1), homes, at(1), at(2), homes, at(2, 3), at(3)];
}

export async function measureRounds(
  stage: Pick<Stage, 'limit'>,
  load: Load,
  homes: readonly Home[],
  options: { readonly rounds: number; readonly requests: number; readonly share: number },
  say: (line: string) => void,
): Promise<Run[][]> {
  const rounds: Run[][] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const runs: Run[] = [];
    for (const chosen of turnsOf(round, homes)) {
      stage.limit(options.share);
      const { orders, seconds, cpuUs } = await load.decide(chosen, options.requests);
      const used = chosen.map((home) => ((cpuUs[serverOf(home)] ?? 0) * orders) / 1e6 / seconds);
      const shareUsed = Math.min(...used) / options.share;
      const ordersPerSecond = orders / seconds;
      runs.push({ count: chosen.length as Count, ordersPerSecond, shareUsed, cpuUs });
    }
    rounds.push(runs);
    const told = COUNTS.map((count) => {
      const used = runs.flatMap((run) => (run.count === count ? rounded(run.shareUsed, 2) : []));
      return `${count}: ${Math.round(rateOf(runs, count))} orders/s (share used ${used.join(' and ')})`;
    });
    say(`round ${round + 1}: ${told.join(', ')}`);
  }
  return rounds;
}

/** The mean of a round's runs with as many homes. */
function rateOf(runs: readonly Run[], count: Count): number {
  const rates = runs.flatMap((run) => (run.count === count ? run.ordersPerSecond : []));
  return rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
}

export interface Measured {
  readonly homes: Count;
  readonly ordersPerSecond: Spread;
  /** Orders of this round ÷ (homes × orders of one home in the same round). */
  readonly ofLinear: Spread;
  readonly shareUsed: number;
}
export interface Spread {
  readonly least: number;
  readonly median: number;
  readonly most: number;
}

function spreadOf(values: readonly number[]): Spread {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return { least: rounded(least), median: rounded(median(values)), most: rounded(most) };
}

export function summarise(rounds: readonly (readonly Run[])[]): Measured[] {
  return COUNTS.map((homes) => {
    const runs = rounds.flat().filter(({ count }) => count === homes);
    const ratios = rounds.map((round) => rateOf(round, homes) / (homes * rateOf(round, 1)));
    return {
      homes,
      ordersPerSecond: spreadOf(rounds.map((round) => rateOf(round, homes))),
      ofLinear: spreadOf(ratios),
      shareUsed: rounded(median(runs.map(({ shareUsed }) => shareUsed))),
    };
  });
}
