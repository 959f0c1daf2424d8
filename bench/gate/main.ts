import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../child.ts';
import { type Pressed, press } from '../crowd/press.ts';
import { median } from '../figures.ts';
import { limiterMegabytes } from './limiter.ts';

/**
 * `npm run bench -- gate [--json] [--rounds n]`: the cost of a refusal and of an admission, compared
 * with a bare node:http server that sends the same answers. Both run in one process and are called by
 * turns from one generator. Ratios are medians over the rounds. Figures with `_cpu` compare the CPU
 * time of the process per answer.
 */

const ROUNDS_DEFAULT = 11;
const ROUND_SECONDS = 0.5;
const CONNECTIONS = 48;
/** Prepared purchases per round, each of another user. On a faster machine a round ends early. */
const ADMISSIONS_PER_ROUND = 15_000;

interface Ports {
  readonly node: number;
  readonly bareRefusal: number;
  readonly bareAccepted: number;
}

interface Measured extends Pressed {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

const asJson = process.argv.includes('--json');
const rounds = Number(process.argv[process.argv.indexOf('--rounds') + 1]) || ROUNDS_DEFAULT;
const say = (text: string) => asJson || console.log(text);

const folder = mkdtempSync(join(tmpdir(), 'flashsale-bench-'));
const child = new Child(join(import.meta.dirname, 'server.ts'));
interface Answer {
  readonly ports: Ports;
  /** CPU time that the process has used so far. */
  readonly cpuMs: number;
}
const order = (what: object) => child.ask<Answer>(what);

async function requests(count: number): Promise<Buffer[]> {
  const file = join(folder, 'requests');
  await order({ prepare: { file, count } });
  const lines = readFileSync(file, 'latin1').trimEnd().split('\n');
  return lines.map((line) => Buffer.from(line, 'base64'));
}

async function measure(port: number, next: () => Buffer | undefined): Promise<Measured> {
  const { cpuMs: beforeMs } = await order({});
  const untilMs = performance.now() + ROUND_SECONDS * 1_000;
  const inTime = () => (performance.now() < untilMs ? next() : undefined);
  const pressed = await press({ host: '127.0.0.1', port }, CONNECTIONS, inTime);
  const cpuMs = (await order({})).cpuMs - beforeMs;
  return {
    ...pressed,
    perSecond: pressed.answers / pressed.seconds,
    cpuMicroseconds: (cpuMs * 1_000) / pressed.answers,
  };
}

const round = (value: number, digits = 3) => Number(value.toFixed(digits));

function compare(name: string, ours: Measured[], bare: Measured[]) {
  const each = (of: (ours: Measured, bare: Measured) => number) =>
    round(median(ours.map((one, index) => of(one, bare[index] as Measured))));
  const figures = {
    ratio: each((one, other) => one.perSecond / other.perSecond),
    cpu: each((one, other) => other.cpuMicroseconds / one.cpuMicroseconds),
    perSecond: round(median(ours.map(({ perSecond }) => perSecond)), 0),
    barePerSecond: round(median(bare.map(({ perSecond }) => perSecond)), 0),
    cpuUs: round(median(ours.map(({ cpuMicroseconds }) => cpuMicroseconds)), 1),
    bareCpuUs: round(median(bare.map(({ cpuMicroseconds }) => cpuMicroseconds)), 1),
  };
  say(
    `${name}: ${figures.perSecond}/s, bare node:http ${figures.barePerSecond}/s: ${figures.ratio}`,
  );
  say(`  CPU of the process per answer: ${figures.cpuUs} µs, bare ${figures.bareCpuUs} µs`);
  return figures;
}

function expectOnly(status: string, { statuses }: Pressed): void {
  const strange = Object.keys(statuses).filter((seen) => seen !== status);
  if (strange.length > 0) throw new Error(`${strange.join(', ')} where ${status} was expected`);
}

try {
  const { ports } = await order({});
  const taken = { shed: [] as Measured[], bareShed: [] as Measured[] };
  const admitted = { node: [] as Measured[], bare: [] as Measured[] };
  const [any] = await requests(1);
  const again = () => any;
  for (let index = -1; index < rounds; index += 1) {
    await order({ keep: 0 });
    const shed = await measure(ports.node, again);
    const bareShed = await measure(ports.bareRefusal, again);
    await order({ keep: 1 });
    const prepared = await requests(ADMISSIONS_PER_ROUND);
    const onceEach = () => {
      let at = 0;
      return () => prepared[at++];
    };
    const bare = await measure(ports.bareAccepted, onceEach());
    const node = await measure(ports.node, onceEach());
    for (const one of [shed, bareShed]) expectOnly('429', one);
    for (const one of [node, bare]) expectOnly('202', one);
    // The first round warms the code up.
    if (index < 0) continue;
    taken.shed.push(shed);
    taken.bareShed.push(bareShed);
    admitted.node.push(node);
    admitted.bare.push(bare);
  }
  const shed = compare('refusals (shed)', taken.shed, taken.bareShed);
  const admit = compare('admissions (to the hand-over)', admitted.node, admitted.bare);
  const limiterMb = limiterMegabytes();
  say(`limits of a million users: ${limiterMb} MB`);
  const figures = {
    shed_vs_bare_http: shed.ratio,
    shed_vs_bare_http_cpu: shed.cpu,
    admit_vs_bare_http: admit.ratio,
    admit_vs_bare_http_cpu: admit.cpu,
    shed_per_second: shed.perSecond,
    admit_per_second: admit.perSecond,
    limiter_rss_mb_1m_users: limiterMb,
    rounds,
    prepared:
      'tickets and tokens are signed before the clock starts; every token is new to the node',
  };
  console.log(JSON.stringify(figures));
} finally {
  child.end();
  rmSync(folder, { recursive: true });
}
