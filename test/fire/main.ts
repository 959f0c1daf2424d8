import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from '../../fire/run.ts';
import { scheduleOf } from '../../fire/schedule.ts';
import { type Shop, startShop } from '../../fire/shop/shop.ts';
import { copyTree, plant } from '../mutants/tree.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';

/**
 * `npm run planted [-- --minutes M --seeds N words]` checks that runs under fire find bugs. It plants one bug after
 * the other in a copy of the tree, and plays seeds until a promise is broken. It ends with 1 if a bug is
 * not found.
 */

/** Beside a benchmark or other runs, a recovery may take long; it is no bug that is looked for here. */
const RECOVERY_MAX_MS = 45_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '0.35' },
    seeds: { type: 'string', default: '20' },
  },
});
const wanted = PLANTED_BUGS.filter(({ name }) => positionals.every((word) => name.includes(word)));
const folder = copyTree();
let shop: Shop | undefined;

async function end(code: number): Promise<void> {
  await shop?.stop();
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end(130));

/** The seed that finds the bug in this folder, and the promise that it breaks. */
async function find(): Promise<string | undefined> {
  shop = await startShop({ environment: process.env, root: folder, say: () => {} });
  try {
    for (let seed = 1; seed <= Number(values.seeds); seed += 1) {
      const schedule = scheduleOf(seed, Number(values.minutes));
      const options = { seed, schedule, recoveryMaxMs: RECOVERY_MAX_MS };
      const { violations } = await run(shop, options);
      const promises = new Set(violations.map(({ promise }) => promise));
      if (promises.size > 0) return `seed ${seed}: ${[...promises].join(', ')}`;
    }
    return undefined;
  } finally {
    await shop.stop();
    shop = undefined;
  }
}

async function tryOne(bug: (typeof wanted)[number]): Promise<boolean> {
  const before = plant(folder, bug);
  if (before === undefined) {
    console.log(`DOES NOT APPLY  ${bug.name}`);
    return false;
  }
  const found = await find().catch(
    (error: Error) => `does not run: ${error.message.split('\n')[0]}`,
  );
  writeFileSync(join(folder, bug.file), before);
  console.log(`${found === undefined ? 'NOT FOUND' : 'found'}  ${bug.file}: ${bug.name}: ${found}`);
  return found !== undefined;
}

let missed = 0;
for (const bug of wanted) if (!(await tryOne(bug))) missed += 1;
console.log(`${wanted.length - missed} of ${wanted.length} planted bugs were found`);
await end(missed === 0 ? 0 : 1);
