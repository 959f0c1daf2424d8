import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createProgress } from '../../ops/stack/progress.ts';
import { rounded } from '../figures.ts';
import { machine } from '../machine.ts';
import { measureCosts } from './costs.ts';
import { openLoad } from './load.ts';
import { type Costs, homesOfOneCore, PARTS, predict, webNodesMax } from './model.ts';
import { plot } from './plot.ts';
import { measureRounds, summarise } from './rounds.ts';
import { assertShares, SharesUnavailable } from './share.ts';
import { type Stage, startStage } from './stage.ts';

/**
 * `npm run bench -- scale [--json]`: committed orders a second with one, two and four homes, each held to the same
 * share of a core. Requests go through the queues and the shop's own workers. Then it measures what an order and a home
 * cost each part, and reckons 16 and 64 homes from that.
 */

const USAGE = `npm run bench -- scale [options]
  --json             print only the figures on stdout
  --share N          share of a core that each home's PostgreSQL gets       (0.1)
  --rounds N         rounds; in each, every home runs alone, in two and four (3)
  --requests N       requests to each home in a run                         (4000)
  --whole-way N      requests that go the whole way, for the costs          (10000)
  --plot FILE        write an SVG of what is measured and what is modelled`;

const HOMES = ['hot-1', 'hot-2', 'hot-3', 'hot-4'];
const MODELLED = [1, 2, 4, 16, 64];
const LEAST_OF_LINEAR = 0.9;
/** Below it the homes were not what limited the orders. */
const LEAST_SHARE_USED = 0.85;
const WARM_UP_REQUESTS = 2_000;
const WHOLE_CORE = 1;

const text = (value: string) => ({ type: 'string', default: value }) as const;
const flag = { type: 'boolean', default: false } as const;
const { values } = parseArgs({
  options: {
    ...{ json: flag, help: flag, share: text('0.1'), rounds: text('3') },
    ...{ requests: text('4000'), 'whole-way': text('10000'), plot: text('') },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const share = Number(values.share);
const write = (line: string) => (values.json ? console.error(line) : console.log(line));
const progress = createProgress(write);

async function measure(stage: Stage) {
  const load = await openLoad(stage);
  await load.decide(HOMES, WARM_UP_REQUESTS);
  await load.decide(HOMES, WARM_UP_REQUESTS);
  const requests = Number(values.requests);
  const options = { rounds: Number(values.rounds), requests, share };
  const rounds = await measureRounds(stage, load, HOMES, options, progress.say);
  const measured = summarise(rounds);
  await load.close();
  progress.say('measuring what an order and a home cost each part');
  const [{ ordersPerSecond: { median: ofOne = 0 } = {} } = {}] = measured;
  const costs = await measureCosts(
    stage,
    { homes: HOMES, requests: Number(values['whole-way']) },
    { share, homeUs: (idleCores) => ((share - idleCores) * 1e6) / ofOne },
  );
  return { measured, costs };
}

function tell({ measured, costs }: { measured: ReturnType<typeof summarise>; costs: Costs }) {
  for (const { homes, ordersPerSecond: rate, ofLinear, shareUsed } of measured) {
    write(
      `${homes} homes: ${rate.median} orders/s (${rate.least} to ${rate.most}); ` +
        `of linear ${ofLinear.median} (${ofLinear.least} to ${ofLinear.most}); ` +
        `share used ${shareUsed}`,
    );
  }
  for (const cores of [share, WHOLE_CORE]) {
    write(`model, homes of ${cores} core:`);
    for (const homes of MODELLED) {
      const one = predict(costs, homes, cores);
      const of = Object.entries(one.cores).map(([part, many]) => `${part} ${rounded(many, 2)}`);
      write(
        `  ${homes} homes: ${rounded(one.ordersPerSecond)} orders/s; cores: ${of.join(', ')}; ` +
          `${one.webNodes} web nodes; sessions: ${one.sessionsAtHome} at a home, ` +
          `${one.sessionsOfWebNode} of a web node; order list ${rounded(one.listMs)} ms CPU; ` +
          `change of a sale ${rounded(one.changeMs)} ms`,
      );
    }
    const full = PARTS.map((part) => `${part} ${rounded(homesOfOneCore(costs, part, cores), 2)}`);
    write(`  homes that fill one core: ${full.join(', ')}`);
  }
  write(`${webNodesMax(costs)} web nodes use up the sessions of a home (${costs.sessions.most})`);
}

async function run(): Promise<number> {
  await assertShares();
  const stage = await startStage(HOMES, progress);
  let result: Awaited<ReturnType<typeof measure>>;
  try {
    result = await measure(stage);
  } finally {
    await stage.stop();
  }
  const { measured, costs } = result;
  tell(result);
  const modelled = MODELLED.map((homes) => predict(costs, homes));
  const whole = MODELLED.map((homes) => predict(costs, homes, WHOLE_CORE));
  if (values.plot !== '') writeFileSync(values.plot, plot(measured, modelled, whole));
  const isLimited = measured.every(({ shareUsed }) => shareUsed >= LEAST_SHARE_USED);
  if (!isLimited)
    write('something other than the homes limited the orders: the ratios say nothing');
  for (const { homes, ofLinear } of measured.slice(1)) {
    const isReached = ofLinear.median >= LEAST_OF_LINEAR;
    const said = `of_linear_${homes}: ${ofLinear.median} (must reach ${LEAST_OF_LINEAR})`;
    write(`${said}${isReached ? '' : ' NOT REACHED'}`);
  }
  console.log(
    JSON.stringify({
      ...{ bench: 'scale', share, measured, costs, modelled, modelled_whole_core: whole },
      machine,
    }),
  );
  return 0;
}

try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof SharesUnavailable)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
