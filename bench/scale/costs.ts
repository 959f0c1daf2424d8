import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Home } from '../../contracts/homes.ts';
import { saleBoard } from '../../db/catalog.ts';
import type { Databases } from '../../db/client/pool.ts';
import { userOrders } from '../../db/orders.ts';
import { changeSale } from '../../db/sale-changes.ts';
import { REFRESH_MS } from '../../server/catalogue/catalogue.ts';
import { Child } from '../child.ts';
import { median } from '../figures.ts';
import { play, type Way } from '../flow/ways.ts';
import { cpuSeconds } from '../machine.ts';
import { type Costs, MEASURED_WEB_NODES, type Part } from './model.ts';
import { type Stage, saleOf, serverOf, skuOf, workerOf } from './stage.ts';

/** Measures what an order and a home cost each part of the shop, with no limit on the homes. */

const IDLE_MS = 10_000;
const CONNECTIONS = 128;
const QUESTIONS = 300;
const CHANGES = 12;

export interface CostOptions {
  readonly homes: readonly Home[];
  /** Requests that go the whole way, from HTTP on. */
  readonly requests: number;
}

type Cores = ReadonlyMap<string, number>;

/** The processes of each shared part. */
const PROCESSES: Readonly<Record<Part, readonly string[]>> = {
  'web nodes': ['web-1', 'web-2'],
  broker: ['rabbitmq'],
  keepers: ['keeper-1', 'keeper-2'],
  ZooKeeper: ['zookeeper'],
  'server of regular': ['postgres'],
};

const sum = (values: readonly number[]) => values.reduce((one, other) => one + other, 0);
const sumOf = (of: Cores, names: readonly string[]) => sum(names.map((name) => of.get(name) ?? 0));

/** Cores that each process uses while nobody orders. */
async function idle({ pids }: Stage): Promise<Cores> {
  const [before, startMs] = [cpuSeconds(pids), performance.now()];
  await delay(IDLE_MS);
  const seconds = (performance.now() - startMs) / 1_000;
  const used = [...cpuSeconds(pids)].map(
    ([name, cpu]) => [name, (cpu - (before.get(name) ?? 0)) / seconds] as const,
  );
  return new Map(used);
}

/** Orders that go the whole way, to one home. Returns CPU µs an order beyond what idle processes use. */
async function wholeWay(stage: Stage, home: Home, requests: number, atRest: Cores) {
  const { shop, keys, pids } = stage;
  const one = async (text: string) => {
    const [row] = await shop.databases.home(home).query<{ n: string }>({ text });
    return Number(row?.n ?? 0);
  };
  const way: Way = {
    keys: {
      ...{ jwtSecret: shop.jwtSecret, sale: saleOf(home), sku: skuOf(home) },
      ticketKey: keys.get(home)?.toString('base64') ?? '',
    },
    place: shop,
    pids,
    committed: () => one('SELECT count(*) AS n FROM hot.orders'),
    sold: async () => -(await one('SELECT sum(remaining) AS n FROM hot.stock_slot')),
    stop: async () => {},
  };
  const generator = new Child(join(import.meta.dirname, '..', 'flow', 'generator.ts'));
  stage.add(generator.pid);
  try {
    await generator.ask({ prepare: { ...way.keys, count: requests } });
    const press = { count: requests, connections: CONNECTIONS };
    // The first time is the warm-up.
    await play(way, generator, { ...press, count: requests / 2 });
    await generator.ask({ prepare: { ...way.keys, count: requests } });
    const { accepted, committed, refused, seconds, cpuUs } = await play(way, generator, press);
    if (committed !== accepted) throw new Error(`${accepted} accepted, ${committed} committed`);
    if (refused > requests / 10) throw new Error(`${refused} of ${requests} were refused`);
    const orderUs = Object.entries(cpuUs).map(([name, us]) => {
      const resting = ((atRest.get(name) ?? 0) * seconds * 1e6) / committed;
      return [name, Math.max(0, us - resting)] as const;
    });
    return new Map(orderUs);
  } finally {
    generator.end();
  }
}

/** CPU µs of a question to all homes, for each home: of the process that asks, and of the home. */
async function questionUs(
  stage: Stage,
  homes: readonly Home[],
  atRest: Cores,
  ask: (databases: Databases) => Promise<unknown>,
): Promise<Costs['list']> {
  const pids = new Map([...stage.pids, ['asking', process.pid]]);
  const { databases } = stage.shop;
  await ask(databases);
  const [before, startMs] = [cpuSeconds(pids), performance.now()];
  for (let n = 0; n < QUESTIONS; n += 1) await ask(databases);
  const seconds = (performance.now() - startMs) / 1_000;
  const after = cpuSeconds(pids);
  const usOf = (name: string) =>
    (((after.get(name) ?? 0) - (before.get(name) ?? 0) - (atRest.get(name) ?? 0) * seconds) * 1e6) /
    QUESTIONS;
  return {
    askingUs: usOf('asking') / (homes.length + 1),
    homeUs: Math.max(0, sum(homes.map(serverOf).map(usOf)) / homes.length),
  };
}

/** The time of a change of a sale for each server; all servers have it. */
async function changeOfSale({ shop }: Stage, homes: readonly Home[]): Promise<number> {
  const times: number[] = [];
  const [home = ''] = homes;
  for (let n = 0; n < CHANGES; n += 1) {
    const startMs = performance.now();
    await changeSale(shop.databases, saleOf(home), { title: `Change ${n}` });
    times.push((performance.now() - startMs) / (homes.length + 1));
  }
  return median(times);
}

async function sessionsAt({ shop }: Stage, home: Home): Promise<Costs['sessions']> {
  const text = `SELECT (application_name ~ '^flashsale-web') AS web, count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND application_name <> 'bench' GROUP BY 1`;
  const rows = await shop.databases.home(home).query<{ web: boolean; count: string }>({ text });
  const of = (web: boolean) => Number(rows.find((row) => row.web === web)?.count ?? 0);
  const setting = { text: `SELECT current_setting('max_connections')::int AS most` };
  const [row] = await shop.databases.home(home).query<{ most: number }>(setting);
  return { webNode: of(true) / MEASURED_WEB_NODES, others: of(false), most: row?.most ?? 0 };
}

/** @param throttledUs CPU µs of a home's PostgreSQL an order, under its limit, and the limit */
export async function measureCosts(
  stage: Stage,
  { homes, requests }: CostOptions,
  { share, homeUs }: { readonly share: number; readonly homeUs: (idleCores: number) => number },
): Promise<Costs> {
  const [home = ''] = homes;
  const atRest = await idle(stage);
  const ask = (one: (databases: Databases) => Promise<unknown>) =>
    questionUs(stage, homes, atRest, one);
  const list = await ask((databases) => userOrders(databases, 'nobody'));
  // Each web node asks all homes for the board.
  const board = await ask(saleBoard);
  const idleCoresOfWebNode = (board.homeUs * 1e-6 * 1_000) / REFRESH_MS;
  const changeMs = await changeOfSale(stage, homes);
  const orderUs = await wholeWay(stage, home, requests, atRest);
  const sessions = await sessionsAt(stage, home);
  const all = homes.length + 1;
  const idleHome = sumOf(atRest, homes.map(serverOf)) / homes.length;
  const parts = Object.entries(PROCESSES).map(([part, names]) => {
    const nodes = part === 'web nodes' ? MEASURED_WEB_NODES : 1;
    const cost = { orderUs: sumOf(orderUs, names), idleCores: sumOf(atRest, names) / all / nodes };
    return [part, cost] as const;
  });
  return {
    share,
    home: { orderUs: homeUs(idleHome), idleCores: idleHome, idleCoresOfWebNode },
    worker: {
      orderUs: orderUs.get(workerOf(home)) ?? 0,
      idleCores: sumOf(atRest, homes.map(workerOf)) / homes.length,
    },
    parts: Object.fromEntries(parts) as Record<Part, (typeof parts)[number][1]>,
    ...{ sessions, list, changeMs },
  };
}
