import { parseArgs } from 'node:util';
import { explain, simulate } from './simulate.ts';
import type { Tally } from './spread.ts';

/**
 * Runs schedules of the quota simulator by hand:
 * `node test/keeper/sim/main.ts --from 1 --count 10000`,
 * `node test/keeper/sim/main.ts --seed 42 --trace`.
 */

/** Further failures add no information. */
const FAILURES_MAX = 5;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.count) : 1;
const startedAt = performance.now();
const failures: string[] = [];
let [schedules, events, draws, editMs, sellMs] = [0, 0, 0, 0, 0];
for (let seed = first; seed < first + count && failures.length < FAILURES_MAX; seed++) {
  const outcome = await simulate(seed);
  schedules++;
  events += outcome.events;
  draws += outcome.drawn;
  editMs = Math.max(editMs, outcome.editMs ?? 0);
  sellMs = Math.max(sellMs, outcome.sellMs ?? 0);
  if (values.trace) console.log((await simulate(seed, { isTraced: true })).trace.join('\n'));
  if (!outcome.violation) continue;
  failures.push(await explain(seed));
  if (!values.json) console.log(failures.at(-1));
}
const tally: Tally = { schedules, events, draws, editMs, sellMs, failures };
if (values.json) console.log(JSON.stringify(tally));
else {
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(
    `${schedules} schedules, ${failures.length} failed, ${events} events, ${seconds} s; ` +
      `longest edit ${Math.round(editMs)} ms, longest sell-out ${Math.round(sellMs)} ms (virtual)`,
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
}
