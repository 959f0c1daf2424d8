import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool } from '../../db/client/pool.ts';
import { APPLICATION_NAMES } from '../../ops/stack/application.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { createProgress, type Progress } from '../../ops/stack/progress.ts';
import type { Servers } from '../../ops/stack/servers.ts';
import { startBare } from '../bare/start.ts';
import { Child } from '../child.ts';
import type { Pressed } from '../crowd/press.ts';
import type { Keys } from '../crowd/purchase.ts';
import { type BenchServers, type Shop, startServers, startShop } from '../shop.ts';
import type { Press } from './generator.ts';
import { type ByProcess, meter } from './meter.ts';
import { openRedis } from './redis/client.ts';
import { startRedis } from './redis/server.ts';

/** The compared ways. Each gets the same requests from the same generator. */

const HERE = import.meta.dirname;
const FRONTS = 2;
const COMMIT_POLL_MS = 10;
const COMMIT_TIMEOUT_MS = 120_000;

export interface Round {
  /** Answered `202`. */
  readonly accepted: number;
  /** Answered with another status. These requests count only in the time. */
  readonly refused: number;
  /** Rows of orders; 0 if the way commits none. */
  readonly committed: number;
  /** From the first press to the last answer. */
  readonly answeredSeconds: number;
  /** From the first press until all accepted requests are committed. */
  readonly seconds: number;
  /** CPU µs per accepted request, by process. */
  readonly cpuUs: ByProcess;
  /** Counts of this round, from the shop's own metrics. */
  readonly counts?: Readonly<Record<string, number>>;
}

export interface Way {
  /** What the generator signs tickets with. */
  readonly keys: Keys & { readonly sku: string };
  readonly place: { host: string; port: number };
  readonly pids: ReadonlyMap<string, number>;
  /** Orders in the database. */
  committed(): Promise<number>;
  /** Units sold, read cheaply, to stop the clock. */
  sold(): Promise<number>;
  /** Counts so far; a round reports the difference. */
  counts?(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

export async function play(
  way: Way,
  generator: Child,
  press: Omit<Press, 'host' | 'port'>,
): Promise<Round> {
  const pids = new Map([...way.pids, ['generator', generator.pid]]);
  const [committedBefore, soldBefore] = [await way.committed(), await way.sold()];
  const countsBefore = await way.counts?.();
  const metered = meter(pids);
  const startMs = performance.now();
  const pressed = await generator.ask<Pressed>({ press: { ...way.place, ...press } });
  const accepted = pressed.statuses['202'] ?? 0;
  if (accepted === 0) throw new Error(`nothing taken: ${JSON.stringify(pressed.statuses)}`);
  const deadlineMs = performance.now() + COMMIT_TIMEOUT_MS;
  while ((await way.sold()) - soldBefore < accepted && performance.now() < deadlineMs) {
    await delay(COMMIT_POLL_MS);
  }
  const endMs = performance.now();
  const { cpuUs } = metered(accepted);
  const counts = Object.entries((await way.counts?.()) ?? {});
  return {
    accepted,
    refused: press.count - accepted,
    committed: (await way.committed()) - committedBefore,
    answeredSeconds: pressed.seconds,
    // The time between the command and the first request is not the shop's.
    seconds: (endMs - startMs) / 1_000,
    cpuUs,
    ...(countsBefore && {
      counts: Object.fromEntries(counts.map(([k, n]) => [k, n - (countsBefore[k] ?? 0)])),
    }),
  };
}

/** As many bare processes as there are web nodes. `sold` and `committed` are always 0. */
export async function bareWay(keys: Way['keys']): Promise<Way> {
  const { place, pids, end } = await startBare('accept', FRONTS);
  return {
    keys,
    place,
    pids,
    committed: async () => 0,
    sold: async () => Number.POSITIVE_INFINITY,
    stop: async () => end(),
  };
}

const SALE = 'flow';
const SKU = 'TV';

export async function shopWay(shop: Shop, units: number): Promise<Way> {
  const key = await shop.openSale(SALE, SKU, units);
  const one = async (text: string) => {
    const [row] = await shop.databases.home('hot').query<{ n: string }>({ text, values: [SKU] });
    return Number(row?.n ?? 0);
  };
  return {
    keys: { jwtSecret: shop.jwtSecret, ticketKey: key.toString('base64'), sale: SALE, sku: SKU },
    place: shop,
    pids: shop.pids,
    committed: () => one('SELECT count(*) AS n FROM hot.orders WHERE sku = $1'),
    sold: async () =>
      units - (await one('SELECT sum(remaining) AS n FROM hot.stock_slot WHERE sku = $1')),
    counts: async () => ({
      envelopes: await shop.metric('flashsale_envelope_requests_count'),
      batches: await shop.metric('flashsale_worker_batch_requests_count'),
      events: await shop.metric('flashsale_worker_relayed_events_total'),
    }),
    stop: async () => {},
  };
}

/** A private shop with all its servers and processes, and stock enough. `close` ends everything. */
export async function openShopWay(write: (line: string) => void, units: number) {
  const progress = createProgress(write);
  const bench = await startServers(['postgres', 'rabbitmq', 'zookeeper'], process.env, progress);
  try {
    const environment = { RATE_LIMIT_IP_PER_SECOND: '1000000' };
    const shop = await startShop(bench, { processes: APPLICATION_NAMES, environment });
    const close = async () => {
      await shop.close();
      await bench.stop();
    };
    return { shop, way: await shopWay(shop, units), close };
  } catch (error) {
    await bench.stop();
    throw error;
  }
}

const REDIS_TABLE = `CREATE TABLE seckill_order (
  id bigserial PRIMARY KEY,
  order_no varchar(64) NOT NULL UNIQUE,
  user_id varchar(64) NOT NULL,
  sku_id varchar(40) NOT NULL,
  amount numeric(10, 2),
  status smallint NOT NULL DEFAULT 0,
  created_at timestamptz DEFAULT now(),
  UNIQUE (user_id, sku_id))`;

/** Creates a separate database on the same server, so that the ways do not share tables. */
async function redisDatabase(servers: Servers): Promise<{ url: string; pool: Pool }> {
  const admin = createPool({ url: servers.databaseUrl, max: 1, applicationName: 'bench' });
  await admin.query({ text: 'CREATE DATABASE redis_way' });
  await admin.close();
  const url = new URL(servers.databaseUrl);
  url.pathname = '/redis_way';
  const pool = createPool({ url: url.href, max: 1, applicationName: 'bench' });
  await pool.query({ text: REDIS_TABLE });
  return { url: url.href, pool };
}

/** @param connections of its worker to PostgreSQL */
export async function redisWay(
  bench: BenchServers,
  progress: Progress,
  { units, connections }: { units: number; connections: number },
): Promise<Way> {
  const servers = bench.servers as Servers;
  const redisPort = await startRedis(bench, progress);
  const database = await redisDatabase(servers);
  const redis = await openRedis(redisPort);
  await redis.load(SKU, units);
  const worker = new Child(join(HERE, 'redis', 'worker.ts'));
  const { amqpUrl } = servers;
  await worker.ask({ redisPort, amqpUrl, databaseUrl: database.url, sku: SKU, connections });
  const keys = {
    jwtSecret: randomBytes(32).toString('base64url'),
    ticketKey: randomBytes(32).toString('base64'),
    sale: 'demo',
    sku: SKU,
  };
  const port = await freePort();
  const fronts = Array.from({ length: FRONTS }, () => new Child(join(HERE, 'redis', 'front.ts')));
  await Promise.all(fronts.map((front) => front.ask({ listen: port, redisPort, ...keys })));
  const committed = async () => {
    const [row] = await database.pool.query<{ n: string }>({
      text: 'SELECT count(*) AS n FROM seckill_order',
    });
    return Number(row?.n ?? 0);
  };
  const shared = bench.supervisor.records().map(({ name, pid }) => [name, pid] as const);
  const servers4 = ['redis', 'rabbitmq', 'postgres'];
  return {
    keys,
    place: { host: '127.0.0.1', port },
    pids: new Map([
      ...shared.filter(([name]) => servers4.includes(name)),
      ...fronts.map(({ pid }, index) => [`web-${index + 1}`, pid] as const),
      ['worker', worker.pid],
    ]),
    committed,
    // The sequence of the key counts the tried inserts. To read it is as cheap as an index lookup.
    async sold() {
      const [row] = await database.pool.query<{ n: string }>({
        text: `SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS n FROM seckill_order_id_seq`,
      });
      return Number(row?.n ?? 0);
    },
    async stop() {
      for (const child of [worker, ...fronts]) child.end();
      await redis.close();
      await database.pool.close();
    },
  };
}
