import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROCESSES } from '../../fire/kinds.ts';
import { rowOf } from '../../fire/report.ts';
import { run } from '../../fire/run.ts';
import { scheduleOf } from '../../fire/schedule.ts';
import { type Shop, startShop } from '../../fire/shop/shop.ts';
import { copyTree, plant } from '../mutants/tree.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';

/**
 * `npm run planted [-- --minutes M --first N --seeds N 'part of a name' …]` checks that runs under fire find bugs. It
 * plants one bug after the other in a copy of the tree, and plays seeds until a promise is broken. It ends
 * with 1 if a bug is not found.
 */

/** What these promises have found is found in each later run, too. */
const LASTING = ['the audit is empty', 'no lawful request is put aside'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '0.35' },
    seeds: { type: 'string', default: '20' },
    first: { type: 'string', default: '1' },
  },
});
const wanted = PLANTED_BUGS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((words) => name.includes(words)),
);
const folder = copyTree();
let shop: Shop | undefined;

async function stop(): Promise<void> {
  const stopping = shop;
  shop = undefined;
  await stopping?.stop();
}

async function end(code: number): Promise<void> {
  await stop();
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end(130));

/** A bug in a program needs new processes only; one in a routine, or what a bug has left, a new system. */
async function running(isRoutine: boolean): Promise<Shop> {
  if (isRoutine) await stop();
  if (shop === undefined) {
    shop = await startShop({ environment: process.env, root: folder, say: () => {} });
    return shop;
  }
  const { parts } = shop;
  for (const name of PROCESSES) await parts.kill(name);
  await Promise.all(PROCESSES.map((name) => parts.start(name)));
  return shop;
}

/** The seed that finds the bug in this folder, and the promise that it breaks. */
async function find(isRoutine: boolean): Promise<string | undefined> {
  const system = await running(isRoutine);
  for (let seed = Number(values.first); seed <= Number(values.seeds); seed += 1) {
    const schedule = scheduleOf(seed, Number(values.minutes));
    // A recovery may take long beside a benchmark or other runs, and is no bug that is looked for here.
    const options = { seed, schedule, recoveryMaxMs: Number.POSITIVE_INFINITY, lines: 6 };
    const result = await run(system, options);
    const { violations } = result;
    const promises = new Set(violations.map(({ promise }) => promise));
    if (violations.some(({ promise }) => LASTING.includes(promise))) await stop();
    console.log(rowOf(result));
    if (promises.size > 0) {
      const firsts = [...promises].map((promise) => {
        const [first] = violations.filter((one) => one.promise === promise);
        return `\n    ${promise}: ${first?.evidence}`;
      });
      return `seed ${seed}${firsts.join('')}`;
    }
  }
  return undefined;
}

async function tryOne(bug: (typeof wanted)[number]): Promise<boolean> {
  const before = plant(folder, bug);
  if (before === undefined) {
    console.log(`DOES NOT APPLY  ${bug.name}`);
    return false;
  }
  const found = await find(bug.file.endsWith('.sql')).catch(async (error: Error) => {
    await stop();
    console.log(`does not run: ${error.message.split('\n')[0]}`);
  });
  writeFileSync(join(folder, bug.file), before);
  // The next system gets the routine as it should be.
  if (bug.file.endsWith('.sql')) await stop();
  console.log(`${found === undefined ? 'NOT FOUND' : 'found'}  ${bug.file}: ${bug.name}: ${found}`);
  return found !== undefined;
}

let missed = 0;
for (const bug of wanted) if (!(await tryOne(bug))) missed += 1;
console.log(`${wanted.length - missed} of ${wanted.length} planted bugs were found`);
await end(missed === 0 ? 0 : 1);
