import { join } from 'node:path';
import { freePort } from '../../ops/stack/ports.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import type { Servers } from '../../ops/stack/servers.ts';
import { Child } from '../child.ts';
import { median, rounded } from '../figures.ts';
import { type ByProcess, meter } from '../flow/meter.ts';
import { machine } from '../machine.ts';
import { startServers } from '../shop.ts';
import type { FrontOrder } from './front.ts';
import type { Drive, Driven } from './generator.ts';
import { parseOptions, USAGE, UsageError } from './options.ts';
import { createStage, type Stage } from './stage.ts';
import type { WorkerOrder } from './worker.ts';

/**
 * Transfers between two accounts, from HTTP to COMMIT, by two ways in one run: a call of a procedure for
 * each request, and envelopes with a batch procedure. The settings are those of the public benchmark
 * "keynote-2" of SpacetimeDB.
 */

const MUST_REACH = { keynote_envelopes_vs_call_zipf15: 8, keynote_zipf15_vs_zipf0: 0.9 } as const;
const EXPONENTS = [0, 1.5] as const;
type Exponent = (typeof EXPONENTS)[number];
const WAYS = ['call', 'envelopes'] as const;
type WayName = (typeof WAYS)[number];
/** Choices of the search: transfers under way on a connection, and connections to the database. */
const DEPTHS = [1, 4, 16, 32];
const POOLS = [4, 8, 16, 32, 64];
const FIRST = { depth: 4, pool: 16 };
const TRIAL_SECONDS = 1;

function options() {
  try {
    const chosen = parseOptions(process.argv.slice(2));
    if (!chosen.help) return chosen;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

const chosen = options();
const startedMs = performance.now();
const write = (line: string) => (chosen.json ? console.error(line) : console.log(line));
const say = (line: string) =>
  write(`${Math.round((performance.now() - startedMs) / 1_000)} s: ${line}`);

const program = (name: string) => new Child(join(import.meta.dirname, `${name}.ts`));
const children = {
  front: program('front'),
  worker: program('worker'),
  generator: program('generator'),
};
const bench = await startServers(['postgres', 'rabbitmq'], process.env, createProgress(write));

interface Setting {
  /** Transfers under way on each connection of the clients. */
  readonly depth: number;
  /** Connections to the database, of the way of calls. */
  readonly pool: number;
}

interface Round extends Driven {
  readonly perSecond: number;
  readonly cpuUs: ByProcess;
}

type Run = (way: WayName, exponent: Exponent, setting: Setting, seconds: number) => Promise<Round>;

/** Starts the front and the worker. Returns a function that runs one way with empty books, and checks them. */
async function openRuns(stage: Stage, amqpUrl: string): Promise<Run> {
  const { front, worker, generator } = children;
  const { accounts, connections, batchRequestsMax, batchWaitMs } = chosen;
  const port = await freePort();
  const databaseUrl = stage.url;
  await front.ask({ open: { port, databaseUrl, amqpUrl } } satisfies FrontOrder);
  const start = { amqpUrl, databaseUrl, batchRequestsMax, batchWaitMs };
  await worker.ask({ start } satisfies { start: WorkerOrder });
  const pids = new Map([
    ...Object.entries(children).map(([name, { pid }]) => [name, pid] as const),
    ...bench.supervisor.records().map(({ name, pid }) => [name, pid] as const),
  ]);
  let connected = 0;
  return async (way, exponent, { depth, pool }, seconds) => {
    await stage.reset(accounts);
    if (way === 'call' && pool !== connected) {
      await front.ask({ connect: pool } satisfies FrontOrder);
      connected = pool;
    }
    const metered = meter(pids);
    const order = { port, path: `/${way}`, connections, depth, seconds, accounts, exponent };
    const driven = await generator.ask<Driven>(order satisfies Drive);
    const answers = driven.made + driven.refused;
    const { cpuUs } = metered(answers);
    await stage.check(driven, accounts);
    return { ...driven, perSecond: answers / driven.seconds, cpuUs };
  };
}

/** The fastest of some settings, each tried for a second. */
async function best(run: Run, way: WayName, exponent: Exponent, settings: readonly Setting[]) {
  const rates: number[] = [];
  for (const setting of settings) {
    rates.push((await run(way, exponent, setting, TRIAL_SECONDS)).perSecond);
  }
  const name = ({ depth, pool }: Setting) => (way === 'call' ? `${depth} × ${pool}` : `${depth}`);
  const told = settings.map((one, index) => `${name(one)}: ${Math.round(rates[index] ?? 0)}/s`);
  say(`${way}, Zipf ${exponent}, trials: ${told.join(', ')}`);
  const setting = settings[rates.indexOf(Math.max(...rates))] ?? FIRST;
  return { setting, perSecond: rates.map((rate) => rounded(rate)) };
}

interface Chosen {
  readonly setting: Setting;
  /** Transfers a second in the trials, by the depth. */
  readonly byDepth: Readonly<Record<number, number>>;
}

async function choose(run: Run, way: WayName, exponent: Exponent): Promise<Chosen> {
  const pools = POOLS.map((pool) => ({ depth: 1, pool }));
  const { pool } = way === 'call' ? (await best(run, way, exponent, pools)).setting : FIRST;
  const depths = DEPTHS.map((depth) => ({ depth, pool }));
  const { setting, perSecond } = await best(run, way, exponent, depths);
  const byDepth = Object.fromEntries(DEPTHS.map((depth, at) => [depth, perSecond[at] ?? 0]));
  return { setting, byDepth };
}

async function measure(run: Run): Promise<Record<string, unknown>> {
  // The first seconds compile the programs and fill the caches.
  for (const way of WAYS) await run(way, 0, FIRST, TRIAL_SECONDS * 2);
  const pairs = EXPONENTS.flatMap((exponent) => WAYS.map((way) => ({ way, exponent })));
  const choices = new Map<string, Chosen>();
  const rounds = new Map<string, Round[]>();
  const keyOf = (way: WayName, exponent: Exponent) => `${way}_zipf${exponent * 10}`;
  for (const { way, exponent } of pairs) {
    choices.set(keyOf(way, exponent), await choose(run, way, exponent));
    rounds.set(keyOf(way, exponent), []);
  }
  for (let index = 0; index < chosen.rounds; index += 1) {
    for (const { way, exponent } of pairs) {
      const key = keyOf(way, exponent);
      const round = await run(way, exponent, choices.get(key)?.setting ?? FIRST, chosen.seconds);
      rounds.get(key)?.push(round);
      const { perSecond, p50Ms, p99Ms, cpuUs } = round;
      const times = `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
      say(`${key}: ${Math.round(perSecond)}/s, ${times}, CPU µs ${JSON.stringify(cpuUs)}`);
    }
  }
  return figuresOf(rounds, choices);
}

function figuresOf(
  rounds: ReadonlyMap<string, readonly Round[]>,
  choices: ReadonlyMap<string, Chosen>,
): Record<string, unknown> {
  const rate = (key: string) => (rounds.get(key) ?? []).map(({ perSecond }) => perSecond);
  /** A ratio is computed within a round. */
  const ratio = (one: string, other: string) => {
    const others = rate(other);
    return rounded(median(rate(one).map((each, index) => each / (others[index] ?? 0))));
  };
  const told = [...rounds].flatMap(([key, those]) => {
    const mid = (of: (one: Round) => number) => rounded(median(those.map(of)));
    const { setting = FIRST, byDepth } = choices.get(key) ?? {};
    const { depth, pool } = setting;
    const how = { depth, ...(key.startsWith('call') && { pool }), trials_by_depth: byDepth };
    const times = { p50_ms: mid(({ p50Ms }) => p50Ms), p99_ms: mid(({ p99Ms }) => p99Ms) };
    const perSecond = mid((one) => one.perSecond);
    return [[key, { per_s: perSecond, ...times, ...how, cpu_us: those.at(-1)?.cpuUs }]];
  });
  const cpuOf = ({ cpuUs }: Round) => Object.values(cpuUs).reduce((sum, us) => sum + us, 0);
  const cpu = (key: string) => median((rounds.get(key) ?? []).map(cpuOf));
  /** One transfer under way on each connection; from the trials. */
  const unpipelined = (key: string) => choices.get(key)?.byDepth[1] ?? 0;
  return {
    keynote_envelopes_vs_call_zipf15: ratio('envelopes_zipf15', 'call_zipf15'),
    keynote_envelopes_vs_call_zipf0: ratio('envelopes_zipf0', 'call_zipf0'),
    keynote_zipf15_vs_zipf0: ratio('envelopes_zipf15', 'envelopes_zipf0'),
    // CPU time varies less than wall time on a machine with other work.
    envelopes_vs_call_cpu_zipf15: rounded(cpu('call_zipf15') / cpu('envelopes_zipf15')),
    envelopes_vs_call_cpu_zipf0: rounded(cpu('call_zipf0') / cpu('envelopes_zipf0')),
    unpipelined_vs_call_zipf15: rounded(
      unpipelined('envelopes_zipf15') / unpipelined('call_zipf15'),
    ),
    ...Object.fromEntries(told),
  };
}

let figures: Record<string, unknown> = {};
try {
  const { amqpUrl, databaseUrl } = bench.servers as Servers;
  const stage = await createStage(databaseUrl);
  figures = await measure(await openRuns(stage, amqpUrl));
  for (const child of Object.values(children)) child.end();
  await stage.close();
} finally {
  for (const child of Object.values(children)) child.end();
  await bench.stop();
}
for (const [name, least] of Object.entries(MUST_REACH)) {
  const value = Number(figures[name]);
  write(`${name}: ${value} (must reach ${least})${value < least ? ' NOT REACHED' : ''}`);
}
const { rounds, seconds, accounts, connections, batchRequestsMax, batchWaitMs } = chosen;
console.log(
  JSON.stringify({
    bench: 'keynote',
    ...figures,
    ...{ rounds, seconds, accounts, connections },
    ...{ batch_requests_max: batchRequestsMax, batch_wait_ms: batchWaitMs },
    machine,
    took_s: Math.round((performance.now() - startedMs) / 1_000),
  }),
);
