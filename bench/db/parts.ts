import { openSession } from '../../db/client/pool.ts';
import { median } from '../figures.ts';
import { type BatchLoad, drive, driveBatches, type Target } from './drive.ts';
import type { BenchOptions } from './options.ts';
import { type Disk, type Stage, setDisk } from './stage.ts';
import { RATIOS, type Rates, WAYS, type Way } from './ways.ts';

/** The parts of the benchmark. Each gives its figures, all of the runs. */

export type Say = (line: string) => void;
const DISKS: readonly Disk[] = ['own', 'slow'];
const LOAD: BatchLoad = { call: 'place_orders', size: 200, clients: 2 };

/** A rate from too few calls is missing, and nothing is computed from it. */
const told = (rate = Number.NaN) =>
  Number.isNaN(rate) ? 'too few calls' : `${Math.round(rate)} orders/s`;

async function once(target: Target, way: Way, seconds: number): Promise<number> {
  await target.admin.run(`CALL bench.reset(${way.slots})`);
  await target.admin.run('VACUUM hot.stock_slot');
  await target.admin.run('CALL bench.forget_orders()');
  return (await drive(target, way, seconds)).ordersPerSecond;
}

export interface WaysResult {
  /** Orders/s, median of the rounds, by disk and way. */
  readonly rates: Readonly<Record<Disk, Rates>>;
  readonly ratios: Readonly<Record<string, number>>;
}

/** Runs every way once per round, so that changes of the machine's speed affect all of them. */
export async function compareWays(
  target: Target,
  { rounds, seconds }: BenchOptions,
  say: Say,
): Promise<WaysResult> {
  const runs: Record<Disk, Record<string, number>[]> = { own: [], slow: [] };
  for (let round = 1; round <= rounds; round += 1) {
    for (const disk of DISKS) {
      await setDisk(target.admin, disk);
      const rates: Record<string, number> = {};
      for (const way of WAYS) {
        rates[way.key] = await once(target, way, seconds);
        say(`round ${round} ${disk} ${way.key}: ${told(rates[way.key])}`);
      }
      runs[disk].push(rates);
    }
  }
  await setDisk(target.admin, 'own');
  const rates = (disk: Disk) =>
    Object.fromEntries(
      WAYS.map(({ key }) => [key, Math.round(median(runs[disk].map((run) => run[key] ?? 0)))]),
    );
  const ratios: Record<string, number> = {};
  for (const [name, ratio] of Object.entries(RATIOS)) {
    // This one is about the slow disk; of the others, the own disk is the harder one.
    const main: Disk = name === 'batch_vs_two_statements_c32' ? 'slow' : 'own';
    ratios[name] = median(runs[main].map(ratio));
    const other = main === 'own' ? 'slow' : 'own';
    ratios[`${name}_${other === 'slow' ? '1ms' : 'own_disk'}`] = median(runs[other].map(ratio));
  }
  return { rates: { own: rates('own'), slow: rates('slow') }, ratios };
}

async function rateOf(url: string, load: BatchLoad, seconds: number): Promise<number> {
  let orders = 0;
  const tookSeconds = await driveBatches(url, load, seconds, (more) => {
    orders += more;
  });
  return orders / tookSeconds;
}

/** The sale that has half of the orders: one that goes on, or one of the past. */
const closeIn = (interval: '1 day' | '-2 days') =>
  `UPDATE catalog.sale SET opens_at = now() - interval '3 days', closes_at = now() + interval '${interval}'
   WHERE sale = 'sale'`;

/**
 * The next order in empty tables, in tables with years of orders (of other sales: a sale has its own
 * partitions), and, worse than any sale is, in the very sale that has all those orders.
 */
export async function compareFull(
  empty: Target,
  full: Stage,
  { rounds, seconds }: BenchOptions,
  say: Say,
): Promise<Record<string, number>> {
  const same: number[] = [];
  const next: number[] = [];
  const rates: Record<string, number[]> = { empty: [], full: [], next: [] };
  for (let round = 0; round <= rounds; round += 1) {
    await empty.admin.run('CALL bench.reset(16)');
    const one = await rateOf(empty.url, LOAD, seconds);
    await full.admin.run(closeIn('1 day'));
    const two = await rateOf(full.url, LOAD, seconds);
    await full.admin.run(closeIn('-2 days'));
    // As empty as the other one's, each round.
    await full.admin.run('TRUNCATE hot."orders_next", hot."outcome_next", hot."buyer_next"');
    const three = await rateOf(full.url, { ...LOAD, sku: 'NEW' }, seconds);
    say(`full table, round ${round}: ${[one, two, three].map(Math.round).join(' / ')} orders/s`);
    // The first round warms up: pages of the full table that nobody has asked for yet.
    if (round === 0) continue;
    same.push(two / one);
    next.push(three / one);
    rates['empty']?.push(one);
    rates['full']?.push(two);
    rates['next']?.push(three);
  }
  return {
    full_table_vs_empty: median(next),
    full_sale_vs_empty: median(same),
    ...Object.fromEntries(
      Object.entries(rates).map(([name, all]) => [`${name}_orders_per_s`, Math.round(median(all))]),
    ),
  };
}

/** Orders/s while a forgotten transaction holds a snapshot during a sale. */
export async function compareSnapshot(
  target: Target,
  { holdSeconds }: BenchOptions,
  say: Say,
): Promise<Record<string, number>> {
  const lastSeconds = Math.min(60, Math.max(1, Math.floor(holdSeconds / 4)));
  await target.admin.run('CALL bench.reset(16)');
  const before = await rateOf(target.url, LOAD, lastSeconds);
  const holder = await openSession(target.url, {
    applicationName: 'bench holder',
    statementTimeoutMs: 60_000,
    lockTimeoutMs: 60_000,
  });
  await holder.run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM catalog.sku');
  say(`snapshot: ${Math.round(before)} orders/s free; held for ${holdSeconds} s …`);
  await rateOf(target.url, LOAD, Math.max(1, holdSeconds - lastSeconds));
  // Each of the three minutes begins with as many orders: none. What stays are the slots' dead rows.
  await target.admin.run('CALL bench.forget_orders()');
  const held = await rateOf(target.url, LOAD, lastSeconds);
  await holder.run('ROLLBACK');
  await holder.close();
  await target.admin.run('VACUUM hot.stock_slot');
  await target.admin.run('CALL bench.forget_orders()');
  const after = await rateOf(target.url, LOAD, lastSeconds);
  say(`snapshot: ${Math.round(held)} orders/s held, ${Math.round(after)} free again`);
  return {
    held_snapshot_vs_free: held / ((before + after) / 2),
    held_orders_per_s: Math.round(held),
    free_orders_per_s: Math.round((before + after) / 2),
    hold_s: holdSeconds,
  };
}

export interface Curve {
  readonly title: string;
  readonly points: readonly (readonly [x: number, ordersPerSecond: number])[];
}

const BATCH_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 400];
const SLOT_COUNTS = [1, 2, 4, 8, 16, 32, 64, 128];

/** Orders/s over the size of the batch (4 clients), and over the slots (one order a call, 32). */
export async function measureCurves(
  target: Target,
  { seconds }: BenchOptions,
  say: Say,
): Promise<{ batch: Curve[]; slots: Curve[] }> {
  const curves = { batch: [] as Curve[], slots: [] as Curve[] };
  const single = WAYS.find(({ key }) => key === 'slots64_c32');
  if (single === undefined) throw new Error('no way for the slots');
  for (const disk of DISKS) {
    await setDisk(target.admin, disk);
    const title = disk === 'own' ? 'own disk' : '1 ms a commit';
    const batch: [number, number][] = [];
    for (const size of BATCH_SIZES) {
      await target.admin.run('CALL bench.reset(16)');
      batch.push([size, await rateOf(target.url, { ...LOAD, size, clients: 4 }, seconds)]);
    }
    const slots: [number, number][] = [];
    for (const count of SLOT_COUNTS) {
      slots.push([count, await once(target, { ...single, slots: count }, seconds)]);
    }
    say(`curves, ${title}: done`);
    curves.batch.push({ title, points: batch });
    curves.slots.push({ title, points: slots });
  }
  await setDisk(target.admin, 'own');
  return curves;
}
