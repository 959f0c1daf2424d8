import { writeFileSync } from 'node:fs';
import { createProgress } from '../../ops/stack/progress.ts';
import { rounded } from '../figures.ts';
import { machine } from '../machine.ts';
import { compareGoods } from './goods.ts';
import { fillHistory } from './history.ts';
import { parseOptions, USAGE, UsageError } from './options.ts';
import { compareFull, compareSnapshot, compareWays, measureCurves } from './parts.ts';
import { plot } from './plot.ts';
import { startServer } from './server.ts';
import { createStage, setDisk } from './stage.ts';
import { WAYS } from './ways.ts';
import { compareWide } from './wide.ts';

/** Measures the committed orders per second of place_orders and of the alternatives, in one run. */

const MUST_REACH: Readonly<Record<string, number>> = {
  batch_vs_two_statements_c32: 100,
  batch_vs_insert_only: 0.85,
  batch100_vs_batch1: 10,
  single_vs_insert_only_c32: 0.6,
  slots_vs_for_update_c32: 3,
  full_table_vs_empty: 0.85,
  full_sale_vs_empty: 0.85,
  held_snapshot_vs_free: 0.9,
  held_single_vs_free: 0.9,
  numbered_vs_counted: 0.4,
  wide_vs_narrow: 0.9,
};

function options() {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

const TOO_FEW = 'too few calls';
/** Rates and ratios from too few calls are left out. */
const tellRate = (rate: number | undefined, digits = 6) =>
  rate === undefined || Number.isNaN(rate) ? TOO_FEW : rounded(rate, digits);

const chosen = options();
const startedMs = performance.now();
const write = (line: string) => (chosen.json ? console.error(line) : console.log(line));
const say = (line: string) =>
  write(`${Math.round((performance.now() - startedMs) / 1_000)} s: ${line}`);
const server = await startServer(process.env, createProgress(write));
const has = (part: (typeof chosen.parts)[number]) => chosen.parts.includes(part);
const figures: Record<string, unknown> = {};
try {
  const stage = await createStage(server.url, 'bench');
  const target = { ...stage, pgbench: server.pgbench, folder: server.folder };
  if (has('ways')) {
    const { rates, ratios } = await compareWays(target, chosen, say);
    Object.assign(figures, ratios, { orders_per_s: rates.own, orders_per_s_1ms: rates.slow });
    for (const { key, title, clients } of WAYS) {
      const told = [rates.own[key], rates.slow[key]].map((rate) => tellRate(rate));
      write(`${title}, ${clients} clients: ${told.join(' | 1 ms: ')}`);
    }
  }
  if (has('full')) {
    const full = await createStage(server.url, 'bench_full');
    const fillStartMs = performance.now();
    await fillHistory(full, chosen.history);
    const fillSeconds = Math.round((performance.now() - fillStartMs) / 1_000);
    say(`${chosen.history} old orders in ${fillSeconds} s`);
    const result = await compareFull(target, full, chosen, say);
    Object.assign(figures, result, { history_orders: chosen.history, fill_s: fillSeconds });
    await full.admin.close();
  }
  if (has('snapshot')) Object.assign(figures, await compareSnapshot(target, chosen, say));
  if (has('goods')) Object.assign(figures, await compareGoods(target, chosen, say));
  if (has('wide')) {
    const wide = await createStage(server.url, 'bench_wide');
    Object.assign(figures, await compareWide(wide, chosen, say));
    await wide.admin.close();
  }
  if (has('plots')) {
    const curves = await measureCurves(target, chosen, say);
    if (chosen.plot !== undefined) writeFileSync(chosen.plot, plot(curves));
    figures['curves'] = curves;
  }
  await setDisk(stage.admin, 'own');
  await stage.admin.close();
} finally {
  await server.stop();
}

for (const [name, least] of Object.entries(MUST_REACH)) {
  const value = figures[name];
  if (typeof value !== 'number') continue;
  if (Number.isNaN(value)) {
    figures[name] = TOO_FEW;
    write(`${name}: ${TOO_FEW} (--seconds, --rounds)`);
    continue;
  }
  figures[name] = rounded(value);
  write(`${name}: ${figures[name]} (must reach ${least})${value < least ? ' NOT REACHED' : ''}`);
}
const seconds = Math.round((performance.now() - startedMs) / 1_000);
const round = (_: string, value: unknown) =>
  typeof value === 'number' ? tellRate(value, 4) : value;
console.log(JSON.stringify({ bench: 'db', ...figures, machine, took_s: seconds }, round));
