import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { audit } from '../../db/operations.ts';
import { APPLICATION_NAMES } from '../../ops/stack/application.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { Child } from '../child.ts';
import { median, percentile, rounded } from '../figures.ts';
import { machine as thisMachine } from '../machine.ts';
import { startServers, startShop } from '../shop.ts';
import { budgetOf, drawFlame, monotonicUs, type Span } from './flame.ts';
import type { Paced } from './generator.ts';
import { type ByProcess, meter } from './meter.ts';
import { bareWay, play, type Round, redisWay, shopWay, type Way } from './ways.ts';

/**
 * `npm run bench -- flow [--json]`: committed orders per second, from HTTP to COMMIT, with all
 * processes and the crowd on this machine. For comparison it measures bare node:http with as many
 * processes, and the Redis way of the main text behind the same gate. At the end it measures the
 * shoppers' times at 70 % of the reached rate.
 */

const USAGE = `npm run bench -- flow [options]
  --json             print only the figures on stdout
  --rounds N         rounds, in each of which every way runs once          (3)
  --requests N       requests per round to the shop                        (80000)
  --redis-requests N requests per round to the Redis way, 0: without it    (25000)
  --connections N    connections of the crowd                              (256)
  --paced-seconds N  length of the part at 70 % of the rate, 0: without it (15)
  --root FOLDER      run the programs of another checkout, to compare it with this one
  --profile FOLDER   write CPU profiles of the shop's processes
  --node-options T   NODE_OPTIONS of the shop's processes, to compare them
  --flame FILE       draw the CPU of one order as a flame graph, from these profiles (SVG)`;

const MUST_REACH = { orders_vs_bare_http: 0.35, flow_vs_redis: 2 } as const;
const MUST_STAY_BELOW = { accepted_ms_p95: 50, ordered_ms_p95: 300 } as const;
const UNITS = 20_000_000;
const REDIS_CONNECTIONS = 16;
const PACED_SHARE = 0.7;
/** Every n-th paced shopper waits for the outcome by long-poll. */
const WATCH_EVERY = 10;

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    rounds: text('3'),
    requests: text('80000'),
    'redis-requests': text('25000'),
    connections: text('256'),
    'paced-seconds': text('15'),
    root: text(join(import.meta.dirname, '..', '..')),
    profile: text(''),
    flame: text(''),
    'node-options': text(''),
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const startedMs = performance.now();
const write = (line: string) => (values.json ? console.error(line) : console.log(line));
const say = (line: string) =>
  write(`${Math.round((performance.now() - startedMs) / 1_000)} s: ${line}`);
const connections = Number(values.connections);
const scratch = values.flame === '' ? undefined : mkdtempSync(join(tmpdir(), 'flashsale-flame-'));
const profileFolder = values.profile === '' ? scratch : values.profile;

const bench = await startServers(
  ['postgres', 'rabbitmq', 'zookeeper'],
  process.env,
  createProgress(write),
);
const generator = new Child(join(import.meta.dirname, 'generator.ts'));
const ways: Way[] = [];
/** The rounds of the shop: what is in the flame graph. */
const spans: Span[] = [];

async function round(way: Way, count: number, prepared = count): Promise<Round> {
  if (prepared > 0) await generator.ask({ prepare: { ...way.keys, count: prepared } });
  return play(way, generator, { count, connections });
}

const cpuSum = ({ cpuUs }: Round) => Object.values(cpuUs).reduce((sum, us) => sum + us, 0);
const cpuOf = (round: Round) =>
  Object.entries({ ...round.cpuUs, together: Math.round(cpuSum(round)) })
    .map(([name, us]) => `${name} ${us}`)
    .join(', ');

function expectNoLoss(name: string, { accepted, committed }: Round): void {
  if (committed !== accepted) {
    throw new Error(`${name}: ${accepted} requests were accepted, ${committed} orders committed`);
  }
}

async function pace(way: Way, perSecond: number) {
  const seconds = Number(values['paced-seconds']);
  // The number of Poisson arrivals may exceed the mean.
  const count = Math.ceil(perSecond * seconds * 1.05) + 1_000;
  await generator.ask({ prepare: { ...way.keys, count } });
  const paced = { ...way.place, perSecond, seconds, watchEvery: WATCH_EVERY };
  const before = await way.committed();
  const countsBefore = await way.counts?.();
  const metered = meter(new Map([...way.pids, ['generator', generator.pid]]));
  const report = await generator.ask<Paced>({ pace: paced });
  const accepted = report.statuses['202'] ?? 0;
  const { cpuUs, waitUs } = metered(accepted);
  const counts = Object.entries((await way.counts?.()) ?? {});
  while ((await way.committed()) - before < accepted) {
    if (performance.now() - startedMs > 600_000) throw new Error('orders are missing');
  }
  const of = (name: string, ms: readonly number[]) => ({
    [`${name}_ms_p50`]: rounded(percentile(ms, 0.5)),
    [`${name}_ms_p95`]: rounded(percentile(ms, 0.95)),
    [`${name}_ms_p99`]: rounded(percentile(ms, 0.99)),
  });
  return {
    ...of('accepted', report.acceptedMs),
    ...of('ordered', report.orderedMs),
    // From the due time to the write: the generator's part of these times. It is not subtracted.
    ...of('paced_sent_late', report.lateMs),
    paced_cpu_us_an_order: cpuUs,
    paced_wait_us_an_order: waitUs,
    paced_counts: Object.fromEntries(counts.map(([k, n]) => [k, n - (countsBefore?.[k] ?? 0)])),
    paced_per_s: rounded(perSecond),
    paced_due: report.due,
    paced_not_sent: report.notSent,
    paced_unanswered: report.unanswered,
    paced_statuses: report.statuses,
    paced_watched: report.watched,
    paced_watched_otherwise: report.otherwise,
  };
}

async function measure(): Promise<Record<string, unknown>> {
  const shop = await startShop(bench, {
    processes: APPLICATION_NAMES,
    root: values.root,
    environment: {
      RATE_LIMIT_IP_PER_SECOND: '1000000',
      NODE_OPTIONS: [
        values['node-options'],
        ...(profileFolder === undefined ? [] : [`--cpu-prof --cpu-prof-dir=${profileFolder}`]),
      ].join(' '),
    },
  });
  const ours = await shopWay(shop, UNITS);
  const bare = await bareWay(ours.keys);
  ways.push(ours, bare);
  const [requests, redisRequests] = [Number(values.requests), Number(values['redis-requests'])];
  const connectionsOfWorker = { units: UNITS, connections: REDIS_CONNECTIONS };
  const redis =
    redisRequests > 0
      ? await redisWay(bench, createProgress(write), connectionsOfWorker)
      : undefined;
  if (redis !== undefined) ways.push(redis);
  say('warming up');
  await round(ours, 20_000);
  await round(bare, 20_000, 0);
  if (redis !== undefined) await round(redis, 5_000);

  const rounds: { ours: Round; bare: Round; redis?: Round }[] = [];
  for (let index = 0; index < Number(values.rounds); index += 1) {
    const fromUs = monotonicUs();
    const one = await round(ours, requests);
    spans.push({ fromUs, toUs: monotonicUs() });
    expectNoLoss('the shop', one);
    const two = await round(bare, requests * 2, 0);
    const three = redis && (await round(redis, redisRequests));
    if (three !== undefined) expectNoLoss('the Redis way', three);
    rounds.push({ ours: one, bare: two, ...(three && { redis: three }) });
    say(
      `shop ${Math.round(one.accepted / one.seconds)} orders/s, bare ${Math.round(
        two.accepted / two.answeredSeconds,
      )} answers/s, Redis way ${three ? Math.round(three.accepted / three.seconds) : '-'} orders/s`,
    );
    write(`  CPU µs per order: ${cpuOf(one)}; ${JSON.stringify(one.counts)}`);
    write(`  CPU µs per answer, bare: ${cpuOf(two)}`);
    if (three) write(`  CPU µs per order, Redis way: ${cpuOf(three)}`);
  }
  const ordersPerS = (one: Round) => one.committed / one.seconds;
  const answersPerS = (one: Round) => one.accepted / one.answeredSeconds;
  const mid = (of: (one: (typeof rounds)[number]) => number) => rounded(median(rounds.map(of)));
  const orders = mid(({ ours }) => ordersPerS(ours));
  const figures: Record<string, unknown> = {
    orders_vs_bare_http: mid(({ ours, bare }) => ordersPerS(ours) / answersPerS(bare)),
    // CPU time varies less than wall time on a machine with other work.
    orders_vs_bare_cpu: mid(({ ours, bare }) => cpuSum(bare) / cpuSum(ours)),
    ...(redis && {
      flow_vs_redis: mid(({ ours, redis }) => ordersPerS(ours) / (redis ? ordersPerS(redis) : 0)),
      redis_orders_per_s: mid(({ redis }) => (redis ? ordersPerS(redis) : 0)),
    }),
    orders_per_s: orders,
    refused: rounds.reduce((sum, { ours }) => sum + ours.refused, 0),
    accepted_per_s: mid(({ ours }) => answersPerS(ours)),
    bare_answers_per_s: mid(({ bare }) => answersPerS(bare)),
    cpu_us_an_order: rounds.at(-1)?.ours.cpuUs,
    bare_cpu_us: rounds.at(-1)?.bare.cpuUs,
    redis_cpu_us_an_order: rounds.at(-1)?.redis?.cpuUs,
    ...(Number(values['paced-seconds']) > 0 && (await pace(ours, orders * PACED_SHARE))),
  };
  const auditRows = (await audit(shop.databases)).length;
  await shop.close();
  if (auditRows > 0) throw new Error(`the audit found ${auditRows} broken promises`);
  return { ...figures, audit_rows: auditRows, lost: 0 };
}

function drawBudget(folder: string): void {
  const cpuUs = figures['cpu_us_an_order'] as ByProcess | undefined;
  const [shop] = ways;
  if (cpuUs === undefined || shop === undefined) return;
  const budget = budgetOf(cpuUs, shop.pids, folder, spans);
  const title = `CPU µs of one order, ${Math.round(budget.us)} together, while profiles are written`;
  writeFileSync(values.flame, drawFlame(budget, title));
}

let figures: Record<string, unknown> = {};
try {
  figures = await measure();
} finally {
  generator.end();
  for (const way of ways) await way.stop();
  // The processes write their profiles when they end.
  await bench.stop();
}
if (values.flame !== '' && profileFolder !== undefined) drawBudget(profileFolder);
if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
for (const [name, least] of Object.entries(MUST_REACH)) {
  const value = Number(figures[name]);
  if (figures[name] === undefined) continue;
  write(`${name}: ${value} (must reach ${least})${value < least ? ' NOT REACHED' : ''}`);
}
for (const [name, most] of Object.entries(MUST_STAY_BELOW)) {
  const value = Number(figures[name]);
  if (figures[name] === undefined) continue;
  write(`${name}: ${value} (must stay below ${most})${value < most ? '' : ' NOT REACHED'}`);
}
console.log(
  JSON.stringify({
    bench: 'flow',
    ...figures,
    prepared: 'tickets and tokens are signed before the clock starts',
    connections,
    machine: thisMachine,
    took_s: Math.round((performance.now() - startedMs) / 1_000),
  }),
);
