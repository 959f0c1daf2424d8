import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { sweepTestFolders } from '../ops/stack/test-folder.ts';
import { readArguments, USAGE, type Wanted } from './arguments.ts';
import { NOT_YET } from './kinds.ts';
import { HEAD, keepFailure, rowOf, scheduleText, violationsOf } from './report.ts';
import { type RunResult, run } from './run.ts';
import { type Planned, SOAK_PAUSE_MS, scheduleOf } from './schedule.ts';
import { unmountLeft } from './shop/disk.ts';
import { goApart, isApart, whyNotApart } from './shop/namespaces.ts';
import { installPrograms } from './shop/servers.ts';
import { type Shop, startShop } from './shop/shop.ts';
import { shrink } from './shrink.ts';
import { drawUses, growthText } from './soak.ts';
import { Uses } from './uses.ts';

/** `npm run fire`: the real system under a schedule of faults from a seed, one run for each seed. */

let shop: Shop | undefined;

async function running({ root, hasStandbys, hasNamespaces, soak }: Wanted): Promise<Shop> {
  if (shop !== undefined) return shop;
  shop = await startShop({
    ...{ environment: process.env, root, hasStandbys, hasNamespaces },
    say: () => {},
    // A disk of 700 MB is full after an hour, without a fault.
    hasBigDisk: soak !== undefined,
  });
  if (!shop.clocks.areThere) console.log('Left out: clock jumps: libfaketime is not installed');
  if (!hasNamespaces) console.log('Left out: lost and doubled packets: they need --namespaces');
  if (hasStandbys) console.log('Left out: full disk: PostgreSQL has three of them');
  else {
    console.log('Left out: failover: it needs --standbys');
    if (soak !== undefined) console.log('Left out: full disk: a soak needs a big one');
    else if (shop.disk === undefined)
      console.log('Left out: full disk: it needs a mount, thus root');
  }
  return shop;
}

async function stop(): Promise<void> {
  const stopping = shop;
  shop = undefined;
  await stopping?.stop();
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stop().finally(() => process.exit(130)));
}

/** What a failed run has broken must not fail the next one, so that one gets a new system. */
async function play(
  wanted: Wanted,
  seed: number,
  schedule: readonly Planned[],
): Promise<RunResult> {
  const { recoveryMaxMs, soak } = wanted;
  const system = await running(wanted);
  const uses = soak === undefined ? undefined : new Uses(system);
  const result = await run(system, { seed, schedule, recoveryMaxMs });
  if (uses !== undefined && soak !== undefined) {
    const used = await uses.end();
    drawUses(soak, `What the parts use in ${wanted.minutes} minutes, seed ${seed}`, used);
    console.log(growthText(used));
  }
  if (result.violations.length > 0) {
    const folder = keepFailure(wanted.out, schedule, result);
    if (shop) cpSync(join(shop.folder, 'logs'), join(folder, 'logs'), { recursive: true });
    await stop();
  }
  return result;
}

async function shortest(wanted: Wanted, first: RunResult, schedule: readonly Planned[]) {
  const promises = new Set(first.violations.map(({ promise }) => promise));
  const out = join(wanted.out, `seed-${first.seed}`, 'shrinking');
  const found = await shrink(schedule, async (shorter) => {
    const { violations } = await play({ ...wanted, out }, first.seed, shorter);
    const fails = violations.some(({ promise }) => promises.has(promise));
    console.log(`  ${shorter.length} faults: ${fails ? 'fails' : 'passes'}`);
    return fails;
  });
  console.log(`The shortest schedule that still fails:\n${scheduleText(found)}`);
}

async function main(): Promise<number> {
  const wanted = readArguments(process.argv.slice(2));
  // What a killed run has left.
  unmountLeft();
  await sweepTestFolders();
  if (wanted.hasNamespaces && !isApart()) {
    const why = whyNotApart();
    if (why !== undefined)
      throw new Error(`--namespaces needs root on Linux, with iptables: ${why}`);
    const { hasStandbys } = wanted;
    await installPrograms({ environment: process.env, hasStandbys, say: () => {} });
    goApart(process.env);
  }
  for (const [fault, why] of Object.entries(NOT_YET)) console.log(`Left out: ${fault}: ${why}`);
  console.log(HEAD);
  let failed = 0;
  for (const seed of wanted.seeds) {
    const { minutes, soak } = wanted;
    const pauseMs = soak === undefined ? undefined : SOAK_PAUSE_MS;
    const schedule = wanted.replay ?? scheduleOf(seed, minutes, wanted, pauseMs);
    const result = await play(wanted, seed, schedule);
    console.log(rowOf(result));
    if (result.violations.length === 0) continue;
    failed += 1;
    const folder = join(wanted.out, `seed-${seed}`);
    const standbys = wanted.hasStandbys ? ' --standbys' : '';
    const namespaces = wanted.hasNamespaces ? ' --namespaces' : '';
    console.log(
      `${violationsOf(result)}\n  Replay: npm run fire -- --seed ${seed}${standbys}${namespaces} --replay ${folder}/schedule.json`,
    );
    if (wanted.isShrinking) await shortest(wanted, result, schedule);
  }
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 2;
} finally {
  await stop();
}
