import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { audit } from '../../db/operations.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import type { Servers } from '../../ops/stack/servers.ts';
import { Child } from '../child.ts';
import { cpuSeconds, machine, percentile, residentMegabytes, rounded } from '../machine.ts';
import { startServers, startShop } from '../shop.ts';
import type { Gather, Told } from './shoppers.ts';

/**
 * `npm run bench -- waiting [--json]`: one web node with 50,000 shoppers who wait for their outcome,
 * half by long-poll, half by event stream; what they cost in memory, and how long after its COMMIT an
 * outcome is on the shopper's socket when those of all of them are decided at once.
 *
 * Every shopper has a socket of its own where the limit on open files allows it (`ulimit -n`). Where
 * it does not, several share one and pipeline their questions; the node then still holds an open
 * answer for each, and memory is reckoned up from as many shoppers as have a socket each.
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
/** Files that a web node has open beside its shoppers' sockets. */
const OTHER_FILES = 500;
const SETTLED_MS = 3_000;
const TOLD_SECONDS_MAX = 120;
const MUST_STAY_BELOW = { waiting_rss_mb_50k: 1_000, verdict_ms_p99: 500 } as const;

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

/** The hard limit: Node raises the soft one to it at its start. */
function openFilesMax(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/Max open files\s+\d+\s+(\d+)/.exec(limits)?.[1] ?? 1_024);
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
  const socketsMax = openFilesMax() - OTHER_FILES;
  const shoppersPerSocket = Math.ceil(shoppers / Math.min(shoppers, socketsMax));
  const sockets = Math.ceil(shoppers / shoppersPerSocket / processes);
  for (let index = 0; index < processes; index += 1) {
    children.push(new Child(join(import.meta.dirname, 'shoppers.ts')));
  }
  const keys = { jwtSecret: shop.jwtSecret, ticketKey, sale: SALE, sku: SKU };
  const emptyMb = residentMegabytes(webPid);
  await Promise.all(
    children.map((child, index) => {
      const localAddress = `127.0.0.${2 + index}`;
      const gather: Gather = {
        host: shop.host,
        port: shop.port,
        localAddress,
        sockets,
        shoppersPerSocket,
        ...keys,
      };
      return child.ask({ gather });
    }),
  );
  const boughtMb = residentMegabytes(webPid);
  const total = sockets * processes * shoppersPerSocket;
  say(
    `${total} requests are queued, on ${sockets * processes} sockets; ${Math.round(boughtMb)} MB`,
  );
  await Promise.all(children.map((child) => child.ask({ wait: true })));
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
  const waiting = await shop.metric('flashsale_waiting_shoppers');
  const waitingMb = residentMegabytes(webPid);
  say(`${waiting} shoppers wait; ${Math.round(waitingMb)} MB`);

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
  const all = Object.assign({}, ...told) as Told;
  const delays = Object.entries(all).map(([id, atMs]) => atMs - (committed[id] ?? Number.NaN));
  const auditRows = (await audit(shop.databases)).length;
  await shop.close();
  const perShopperKb = ((waitingMb - emptyMb) * 1_024) / waiting;
  return {
    waiting_rss_mb_50k: rounded(emptyMb + (perShopperKb * 50_000) / 1_024),
    verdict_ms_p99: rounded(percentile(delays, 0.99)),
    verdict_ms_p50: rounded(percentile(delays, 0.5)),
    verdict_ms_max: rounded(Math.max(...delays.slice(0, 1)) && percentile(delays, 1)),
    waiting,
    sockets: sockets * processes,
    shoppers_per_socket: shoppersPerSocket,
    open_files_max: socketsMax + OTHER_FILES,
    rss_mb: {
      empty: rounded(emptyMb),
      queued: rounded(boughtMb),
      waiting: rounded(waitingMb),
      after: rounded(peakMb),
    },
    kb_a_shopper: rounded(perShopperKb),
    told: delays.length,
    not_told: total - delays.length,
    burst_s: rounded(burstSeconds),
    web_cpu_us_a_verdict: rounded((cpu * 1e6) / total),
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
