import { parseArgs } from 'node:util';
import { explain, simulate } from './simulate.ts';

/**
 * Runs schedules of the quota simulator by hand:
 * `node test/zk/sim/main.ts --from 1 --count 10000`, `node test/zk/sim/main.ts --seed 42 --trace`.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    trace: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.count) : 1;
const startedAt = performance.now();
let events = 0;
let failed = 0;
const edits: number[] = [];
const sales: number[] = [];
for (let seed = first; seed < first + count; seed++) {
  const outcome = await simulate(seed);
  events += outcome.events;
  if (outcome.editMs !== undefined) edits.push(outcome.editMs);
  if (outcome.sellMs !== undefined) sales.push(outcome.sellMs);
  if (values.trace) console.log((await simulate(seed, { isTraced: true })).trace.join('\n'));
  if (!outcome.violation) continue;
  failed++;
  console.log(await explain(seed));
  if (failed === 5) break;
}
const seconds = (performance.now() - startedAt) / 1_000;
const max = (values: number[]) => Math.round(Math.max(0, ...values));
console.log(
  `${count} schedules, ${failed} failed, ${events} events, ${seconds.toFixed(1)} s; ` +
    `longest edit ${max(edits)} ms, longest sell-out ${max(sales)} ms (virtual)`,
);
process.exitCode = failed === 0 ? 0 : 1;
