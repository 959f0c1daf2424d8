import { openSession } from '../../db/client/pool.ts';
import { CALLS_BETWEEN, DEAD_ROWS_MIN } from '../../worker/renew.ts';
import type { Curve } from '../chart.ts';
import { median } from '../figures.ts';
import { type Batches, type BatchLoad, drive, openBatches, type Target } from './drive.ts';
import type { BenchOptions } from './options.ts';
import { type Disk, type Stage, setDisk } from './stage.ts';
import { RATIOS, type Rates, WAYS, type Way } from './ways.ts';

/** The parts of the benchmark. Each returns the figures of all its runs. */

export type Say = (line: string) => void;
const DISKS: readonly Disk[] = ['own', 'slow'];
const LOAD: BatchLoad = { call: 'place_orders', size: 200, clients: 2 };

/** The text of a rate. A rate from too few calls is NaN. */
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
    // This ratio is about the slow disk. For the other ratios the own disk is the harder case.
    const main: Disk = name === 'batch_vs_two_statements_c32' ? 'slow' : 'own';
    ratios[name] = median(runs[main].map(ratio));
    const other = main === 'own' ? 'slow' : 'own';
    ratios[`${name}_${other === 'slow' ? '1ms' : 'own_disk'}`] = median(runs[other].map(ratio));
  }
  return { rates: { own: rates('own'), slow: rates('slow') }, ratios };
}

async function rateOfRun(batches: Batches, seconds: number): Promise<number> {
  let orders = 0;
  const tookSeconds = await batches.run(seconds, (more) => {
    orders += more;
  });
  return orders / tookSeconds;
}

export async function rateOf(url: string, load: BatchLoad, seconds: number): Promise<number> {
  const batches = await openBatches(url, load);
  const rate = await rateOfRun(batches, seconds);
  await batches.close();
  return rate;
}

/** Sets the end of the sale that has two thirds of the orders, so that it is open or past. */
const closeIn = (interval: '1 day' | '-2 days') =>
  `UPDATE catalog.sale SET opens_at = now() - interval '3 days', closes_at = now() + interval '${interval}'
   WHERE sale = 'sale'`;

/**
 * Compares the rate of orders in three cases: in empty tables; in a new sale beside years of orders of
 * other sales, as each sale has its own partitions; and in the sale that has two thirds of those orders,
 * which is worse than any real sale.
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
  // The sessions stay, as those of workers do: each has to map every page of the buffers that it uses for the first time.
  const sessions = {
    empty: await openBatches(empty.url, LOAD),
    same: await openBatches(full.url, LOAD),
    next: await openBatches(full.url, { ...LOAD, sku: 'NEW' }),
  };
  for (let round = 0; round <= rounds; round += 1) {
    await empty.admin.run('CALL bench.reset(16)');
    const one = await rateOfRun(sessions.empty, seconds);
    await full.admin.run(closeIn('1 day'));
    const two = await rateOfRun(sessions.same, seconds);
    await full.admin.run(closeIn('-2 days'));
    // In each round, the tables of the new sale begin empty, as those of the empty database.
    await full.admin.run('TRUNCATE hot."orders(next)", hot."outcome(next)", hot."buyer(next)"');
    const three = await rateOfRun(sessions.next, seconds);
    say(`full table, round ${round}: ${[one, two, three].map(Math.round).join(' / ')} orders/s`);
    // The first round is a warm-up: it reads pages of the full table for the first time.
    if (round === 0) continue;
    same.push(two / one);
    next.push(three / one);
    rates['empty']?.push(one);
    rates['full']?.push(two);
    rates['next']?.push(three);
  }
  for (const batches of Object.values(sessions)) await batches.close();
  return {
    full_table_vs_empty: median(next),
    full_sale_vs_empty: median(same),
    ...Object.fromEntries(
      Object.entries(rates).map(([name, all]) => [`${name}_orders_per_s`, Math.round(median(all))]),
    ),
  };
}

const SINGLE: BatchLoad = { call: 'place_orders', size: 1, clients: 4 };
/** Orders of so many seconds are kept at most. */
const FORGET_SECONDS = 60;

/** Orders/s of sessions that have the slots renewed, as a worker has. */
async function rateOfWorker({ url, admin }: Target, load: BatchLoad, seconds: number) {
  const batches = await openBatches(url, load);
  let [orders, calls] = [0, 0];
  let renewed: Promise<void> = Promise.resolve();
  const tookSeconds = await batches.run(seconds, (more) => {
    orders += more;
    calls += 1;
    if (calls % CALLS_BETWEEN !== 0) return;
    // On one session: a further renewal waits for the one before.
    const renew = () => admin.run(`SELECT hot.renew_slots('TV', ${DEAD_ROWS_MIN})`).catch(() => {});
    renewed = renewed.then(renew);
  });
  await renewed;
  await batches.close();
  return orders / tookSeconds;
}

/** Orders/s while a forgotten transaction holds a snapshot during a sale, in batches and one by one. */
export async function compareSnapshot(
  target: Target,
  options: BenchOptions,
  say: Say,
): Promise<Record<string, number>> {
  const batches = await compareHeld(target, LOAD, options, say);
  const singles = await compareHeld(target, SINGLE, options, say);
  return {
    held_snapshot_vs_free: batches.held / batches.free,
    held_single_vs_free: singles.held / singles.free,
    held_orders_per_s: Math.round(batches.held),
    free_orders_per_s: Math.round(batches.free),
    held_singles_per_s: Math.round(singles.held),
    free_singles_per_s: Math.round(singles.free),
    hold_s: options.holdSeconds,
  };
}

/** Sells for so long, and forgets the orders of each minute: those of half an hour would fill the disk. */
async function sellFor(target: Target, load: BatchLoad, seconds: number, say: Say): Promise<void> {
  for (let left = seconds; left > 0; left -= FORGET_SECONDS) {
    const rate = await rateOfWorker(target, load, Math.min(left, FORGET_SECONDS));
    say(`snapshot: ${Math.round(rate)} orders/s, ${Math.round(left)} s before the measurement`);
    await target.admin.run('CALL bench.forget_orders()');
  }
}

async function compareHeld(
  target: Target,
  load: BatchLoad,
  { holdSeconds }: BenchOptions,
  say: Say,
) {
  const lastSeconds = Math.min(60, Math.max(1, Math.floor(holdSeconds / 4)));
  await target.admin.run('CALL bench.reset(64)');
  const before = await rateOfWorker(target, load, lastSeconds);
  const holder = await openSession(target.url, {
    applicationName: 'bench holder',
    statementTimeoutMs: 60_000,
    lockTimeoutMs: 60_000,
  });
  await holder.run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM catalog.sku');
  say(`snapshot: ${Math.round(before)} orders/s free; held for ${holdSeconds} s …`);
  await sellFor(target, load, Math.max(1, holdSeconds - lastSeconds), say);
  // Each of the three measurements begins without orders. Only the dead rows of the slots remain.
  const held = await rateOfWorker(target, load, lastSeconds);
  await holder.run('ROLLBACK');
  await holder.close();
  await target.admin.run('VACUUM hot.stock_slot');
  await target.admin.run('CALL bench.forget_orders()');
  const after = await rateOfWorker(target, load, lastSeconds);
  say(`snapshot: ${Math.round(held)} orders/s held, ${Math.round(after)} free again`);
  return { held, free: (before + after) / 2 };
}

const BATCH_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 400];
const SLOT_COUNTS = [1, 2, 4, 8, 16, 32, 64, 128];

/** Orders/s by batch size (4 clients), and by number of slots (one order per call, 32 clients). */
export async function measureCurves(
  target: Target,
  { seconds }: BenchOptions,
  say: Say,
): Promise<{ batch: Curve[]; slots: Curve[] }> {
  const curves = { batch: [] as Curve[], slots: [] as Curve[] };
  const single = WAYS.find(({ key }) => key === 'slots64_c32');
  if (single === undefined) throw new Error('there is no way slots64_c32');
  for (const disk of DISKS) {
    await setDisk(target.admin, disk);
    const title = disk === 'own' ? 'own disk' : '1 ms per commit';
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
