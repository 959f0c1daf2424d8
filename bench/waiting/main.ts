import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { audit } from '../../db/operations.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import type { Servers } from '../../ops/stack/servers.ts';
import { Child } from '../child.ts';
import { percentile, rounded } from '../figures.ts';
import { cpuSeconds, machine, residentMegabytes } from '../machine.ts';
import { startServers, startShop } from '../shop.ts';
import type { Gather, Told } from './shoppers.ts';

/**
 * `npm run bench -- waiting [--json]`: one web node with 50,000 shoppers who wait for their outcome,
 * half by long-poll, half by event stream. It measures their memory, and the time from the COMMIT of
 * an outcome until it is on the shopper's socket when all requests are decided at once.
 *
 * Every shopper has its own socket. If the limit on open files (`ulimit -n`) is too low, only as many
 * shoppers wait as it allows, and the memory of 50,000 is computed from what the second half of them
 * added to the first.
 */

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    shoppers: { type: 'string', default: '50000' },
    processes: { type: 'string', default: '4' },
    profile: { type: 'string', default: '' },
  },
});
const SALE = 'waiting';
const SKU = 'TV';
/** Open files of a web node, without the sockets of its shoppers. */
const OTHER_FILES = 200;
/** Pause before memory is read, so that the garbage collector can run. */
const SETTLED_MS = 10_000;
const TOLD_SECONDS_MAX = 120;
const MUST_STAY_BELOW = { waiting_rss_mb_50k: 700, verdict_ms_p99: 500 } as const;

const startedMs = performance.now();
const write = (line: string) => (values.json ? console.error(line) : console.log(line));
const say = (line: string) =>
  write(`${Math.round((performance.now() - startedMs) / 1_000)} s: ${line}`);
const shoppers = Number(values.shoppers);
const processes = Number(values.processes);
const children: Child[] = [];
const bench = await startServers(
  ['postgres', 'rabbitmq', 'zookeeper'],
  process.env,
  createProgress(write),
);

/** Returns the hard limit. Node raises the soft limit to it when it starts. */
function openFilesMax(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/Max open files\s+\d+\s+(\d+)/.exec(limits)?.[1] ?? 1_024);
}

/** Milliseconds from the commit to the shopper's socket. */
function delaysOf(told: Told, committed: Told): number[] {
  return Object.entries(told).map(([id, atMs]) => atMs - (committed[id] ?? Number.NaN));
}

async function measure(): Promise<Record<string, unknown>> {
  const shop = await startShop(bench, {
    processes: ['keeper-1', 'web-1'],
    environment: {
      RATE_LIMIT_IP_PER_SECOND: '1000000',
      ...(values.profile && { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${values.profile}` }),
    },
  });
  const webPid = shop.pids.get('web-1') ?? 0;
  const ticketKey = (await shop.openSale(SALE, SKU, shoppers * 2)).toString('base64');
  const filesMax = openFilesMax();
  const sockets = Math.min(shoppers, filesMax - OTHER_FILES);
  for (let index = 0; index < processes; index += 1) {
    children.push(new Child(join(import.meta.dirname, 'shoppers.ts')));
  }
  const keys = { jwtSecret: shop.jwtSecret, ticketKey, sale: SALE, sku: SKU };
  const emptyMb = residentMegabytes(webPid);
  /** Lets `more` shoppers buy and wait. Returns the node's memory after that. */
  async function wait(more: number): Promise<number> {
    const common = { host: shop.host, port: shop.port, ...keys };
    await Promise.all(
      children.map((child, index) => {
        const place = {
          localAddress: `127.0.0.${2 + index}`,
          sockets: Math.ceil(more / processes),
        };
        return child.ask({ gather: { ...common, ...place } satisfies Gather });
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    const waiting = await shop.metric('flashsale_waiting_shoppers');
    const megabytes = residentMegabytes(webPid);
    say(`${waiting} shoppers wait: ${Math.round(megabytes)} MB`);
    return megabytes;
  }
  const halfMb = await wait(sockets / 2);
  const waitingMb = await wait(sockets / 2);
  const waiting = await shop.metric('flashsale_waiting_shoppers');

  const worker = new Child(join(import.meta.dirname, 'worker.ts'));
  children.push(worker);
  const { amqpUrl, databaseUrl } = bench.servers as Servers;
  const pids = new Map([['web-1', webPid]]);
  const cpuBefore = cpuSeconds(pids).get('web-1') ?? 0;
  const burstMs = performance.now();
  await worker.ask({ decideAll: { amqpUrl, databaseUrl } });
  const told = await Promise.all(
    children.slice(0, processes).map((child) => child.ask<Told>({ untilTold: TOLD_SECONDS_MAX })),
  );
  const burstSeconds = (performance.now() - burstMs) / 1_000;
  const cpu = (cpuSeconds(pids).get('web-1') ?? 0) - cpuBefore;
  const peakMb = residentMegabytes(webPid);
  const committed = await worker.ask<Told>({ committed: true });
  const delays = delaysOf(Object.assign({}, ...told), committed);
  const auditRows = (await audit(shop.databases)).length;
  await shop.close();
  const megabytesAShopper = (waitingMb - halfMb) / (waiting / 2);
  return {
    waiting_rss_mb_50k: rounded(waitingMb + megabytesAShopper * Math.max(0, 50_000 - waiting)),
    verdict_ms_p99: rounded(percentile(delays, 0.99)),
    verdict_ms_p50: rounded(percentile(delays, 0.5)),
    verdict_ms_max: rounded(percentile(delays, 1)),
    waiting,
    open_files_max: filesMax,
    rss_mb: {
      empty: rounded(emptyMb),
      half: rounded(halfMb),
      waiting: rounded(waitingMb),
      after: rounded(peakMb),
    },
    kb_a_shopper: rounded(megabytesAShopper * 1_024),
    told: delays.length,
    not_told: waiting - delays.length,
    burst_s: rounded(burstSeconds),
    web_cpu_us_a_verdict: rounded((cpu * 1e6) / waiting),
    audit_rows: auditRows,
  };
}

let figures: Record<string, unknown> = {};
try {
  figures = await measure();
} finally {
  for (const child of children) child.end();
  await bench.stop();
}
for (const [name, most] of Object.entries(MUST_STAY_BELOW)) {
  const value = Number(figures[name]);
  write(`${name}: ${value} (must stay below ${most})${value < most ? '' : ' NOT REACHED'}`);
}
console.log(
  JSON.stringify({
    bench: 'waiting',
    ...figures,
    machine,
    took_s: Math.round((performance.now() - startedMs) / 1_000),
  }),
);
