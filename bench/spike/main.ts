import { parseArgs } from 'node:util';
import { audit } from '../../db/operations.ts';
import { median, percentile, rounded } from '../figures.ts';
import { machine } from '../machine.ts';
import { figuresOf, openShop } from '../whole-way/shop.ts';

/**
 * `npm run bench -- spike [--json]`: from nobody to full arrival at once. Everybody takes the whole way from the ticket to the
 * outcome. The rate is a share of what the capacity model says that this machine takes, by the costs that it has now.
 */

const USAGE = `npm run bench -- spike [options]
  --json       print only the figures on stdout
  --rounds N   spikes                                 (3)
  --seconds N  length of each                         (10)
  --rate N     shoppers a second; otherwise 70 % of what the capacity model allows`;
const SHARE = 0.7;
const MUST_STAY_BELOW = 200;
const WARM_UP_SECONDS = 5;

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    rounds: text('3'),
    seconds: text('10'),
    rate: text(''),
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const startedMs = performance.now();
const write = (line: string) => (values.json ? console.error(line) : console.log(line));
let perSecond = Number(values.rate);
const stage = await openShop(write);
const p95s: number[] = [];
const rounds: ReturnType<typeof figuresOf>[] = [];
try {
  if (values.rate === '') perSecond = (await stage.fullRate()) * SHARE;
  await stage.come(perSecond / 2, WARM_UP_SECONDS);
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const came = await stage.come(perSecond, Number(values.seconds));
    const figures = figuresOf(came);
    p95s.push(percentile(came.orderedMs, 0.95));
    rounds.push(figures);
    write(`spike ${round}: ${JSON.stringify(figures)}`);
  }
  const auditRows = (await audit(stage.shop.databases)).length;
  if (auditRows > 0) throw new Error(`the audit found ${auditRows} broken promises`);
} finally {
  await stage.close();
}
const p95 = rounded(median(p95s));
write(
  `spike_p95_ms: ${p95} at ${Math.round(perSecond)} shoppers/s (must stay below ${MUST_STAY_BELOW})${p95 < MUST_STAY_BELOW ? '' : ' NOT REACHED'}`,
);
console.log(
  JSON.stringify({
    bench: 'spike',
    spike_p95_ms: p95,
    shoppers_per_s: Math.round(perSecond),
    rounds,
    machine,
    took_s: Math.round((performance.now() - startedMs) / 1_000),
  }),
);
