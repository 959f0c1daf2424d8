import { parseArgs } from 'node:util';
import { AUDIT_TIMEOUT_MS, auditSchema } from '../../db/audit.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { driveBatches } from '../db/drive.ts';
import { createStage, type Stage } from '../db/stage.ts';
import { median, rounded } from '../figures.ts';
import { machine } from '../machine.ts';
import { startServers } from '../shop.ts';
import { writeBooks } from './books.ts';

/**
 * `npm run bench -- audit [--json]`: the time that the audit of a million orders takes, how it grows
 * with the number of orders, and its effect on concurrent orders. For the latter, seconds with
 * continuous audits and seconds without alternate.
 */

const USAGE = `npm run bench -- audit [options]
  --json       print only the figures on stdout
  --orders N   orders in the large books; the small ones have a quarter (1000000)
  --rounds N   audits of each books, and turns with and without audits  (5)
  --seconds N  length of a turn                                         (5)`;
const MUST_STAY_BELOW = { audit_ms_per_million: 5_000, time_per_order_vs_quarter: 1.5 } as const;
const LOAD = { call: 'place_orders', size: 200, clients: 2 } as const;

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    orders: text('1000000'),
    rounds: text('5'),
    seconds: text('5'),
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const [orders, rounds, seconds] = [values.orders, values.rounds, values.seconds].map(Number) as [
  number,
  number,
  number,
];
const startedMs = performance.now();
const write = (line: string) => (values.json ? console.error(line) : console.log(line));
const say = (line: string) =>
  write(`${Math.round((performance.now() - startedMs) / 1_000)} s: ${line}`);

interface Books {
  readonly stage: Stage;
  readonly orders: number;
  audit(): Promise<number>;
  close(): Promise<void>;
}

async function open(serverUrl: string, name: string, count: number): Promise<Books> {
  const stage = await createStage(serverUrl, name);
  await writeBooks(stage, count);
  const pool = createPool({
    url: stage.url,
    max: 1,
    applicationName: 'bench audit',
    statementTimeoutMs: AUDIT_TIMEOUT_MS,
  });
  const databases = Databases.ofOne(pool);
  const [row] = await pool.query<{ orders: string }>({
    text: 'SELECT count(*) AS orders FROM hot.orders',
  });
  const written = Number(row?.orders);
  say(`${written} orders written`);
  return {
    stage,
    orders: written,
    async audit() {
      const fromMs = performance.now();
      const { rows } = await auditSchema(databases, 'hot');
      if (rows.length > 0) throw new Error(`the audit found ${JSON.stringify(rows.slice(0, 5))}`);
      return performance.now() - fromMs;
    },
    async close() {
      await pool.close();
      await stage.admin.close();
    },
  };
}

/** Returns the orders per second, and how many audits ended in that time. */
async function rate({ stage, audit }: Books, beside: boolean) {
  let [placed, audits, isOver] = [0, 0, false];
  const auditor = (async () => {
    for (; beside && !isOver; audits += 1) await audit();
  })();
  const took = await driveBatches(stage.url, LOAD, seconds, (more) => {
    placed += more;
  });
  isOver = true;
  await auditor;
  return { perSecond: placed / took, audits };
}

async function measure(serverUrl: string): Promise<Record<string, unknown>> {
  const small = await open(serverUrl, 'bench_quarter', orders / 4);
  const large = await open(serverUrl, 'bench_books', orders);
  const ms = { small: [] as number[], large: [] as number[] };
  // The first audit of each books reads the tables for the first time and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const [one, two] = [await small.audit(), await large.audit()];
    say(`round ${round}: ${Math.round(one)} and ${Math.round(two)} ms`);
    if (round === 0) continue;
    ms.small.push(one / small.orders);
    ms.large.push(two / large.orders);
  }
  await rate(large, false);
  const turns: { alone: number; beside: number }[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const alone = await rate(large, false);
    const beside = await rate(large, true);
    say(
      `turn ${round}: ${Math.round(alone.perSecond)} orders/s alone, ` +
        `${Math.round(beside.perSecond)} beside ${beside.audits} audits`,
    );
    turns.push({ alone: alone.perSecond, beside: beside.perSecond });
  }
  await small.close();
  await large.close();
  return {
    audit_ms_per_million: rounded(median(ms.large) * 1e6),
    time_per_order_vs_quarter: rounded(median(ms.large) / median(ms.small)),
    orders_beside_vs_alone: rounded(median(turns.map(({ alone, beside }) => beside / alone))),
    orders_per_s_alone: rounded(median(turns.map(({ alone }) => alone))),
    orders: large.orders,
    rounds,
  };
}

const bench = await startServers(['postgres'], process.env, createProgress(write));
let figures: Record<string, unknown> = {};
try {
  figures = await measure(bench.servers.databaseUrl ?? '');
} finally {
  await bench.stop();
}
for (const [name, most] of Object.entries(MUST_STAY_BELOW)) {
  const value = Number(figures[name]);
  write(`${name}: ${value} (must stay below ${most})${value < most ? '' : ' NOT REACHED'}`);
}
const took = Math.round((performance.now() - startedMs) / 1_000);
console.log(JSON.stringify({ bench: 'audit', ...figures, machine, took_s: took }));
