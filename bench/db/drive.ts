import { execFile } from 'node:child_process';
import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createPool, type Session } from '../../db/client/pool.ts';
import type { Way } from './ways.ts';

/**
 * Drives one way for some seconds and counts the committed orders in the database.
 *
 * There are two drivers, because driver and server share the same cores:
 *
 * | driver | used for | reason |
 * |---|---|---|
 * | pgbench | one order per call | a C loop: 10 us per call, a Node client takes 45 us |
 * | Node client | batches | it makes the ids in the client, as a worker does |
 *
 * pgbench can make arrays only in SQL, so the server would do that work: gen_random_uuid for 200
 * requests takes 0.4 ms of a batch of 4 ms. This would happen in both ways of a pair and push their
 * ratio towards 1.
 */

const run = promisify(execFile);
const NODE = 'node-1';
const WARM_UP_SECONDS = 1;

export interface Target {
  readonly url: string;
  readonly pgbench: string;
  /** The folder for pgbench scripts. */
  readonly folder: string;
  /** A superuser's session on the same database. */
  readonly admin: Session;
}

export interface Run {
  /** NaN after too few calls. */
  readonly ordersPerSecond: number;
  /** Share of one core that the driver itself used; undefined for pgbench. */
  readonly driverCpu: number | undefined;
}

async function countOrders(target: Target, way: Way): Promise<number> {
  const table = way.counted === 'plain_order' ? 'bench.plain_order' : 'hot.orders';
  const text = `SELECT count(*) AS orders FROM ${table}`;
  const [row] = await target.admin.query<{ orders: string }>({ text });
  return Number(row?.orders ?? 0);
}

/**
 * Runs pgbench. Its sessions compile and plan in the first second, which is not counted.
 *
 * @returns the seconds that all committed orders would have taken at the rate after the first second
 */
async function pgbench(target: Target, way: Way, seconds: number): Promise<number> {
  const file = join(target.folder, `${way.key}.sql`);
  writeFileSync(file, `\\set u random(1, 1000000000000000)\n${way.script}\n`, { mode: 0o644 });
  const flags = ['-n', '-M', 'prepared', '-j', '2', '-c', String(way.clients), '-P', '1'];
  const time = ['-T', String(seconds + WARM_UP_SECONDS)];
  const { stdout, stderr } = await run(target.pgbench, [...flags, ...time, '-f', file], {
    env: connection(target.url),
  });
  const done = /actually processed: (\d+)/.exec(stdout)?.[1];
  if (done === undefined) throw new Error(`pgbench said: ${stdout}`);
  const told = [...stderr.matchAll(/progress: ([\d.]+) s, ([\d.]+) tps/g)];
  const rates = told.flatMap(([, at, rate]) =>
    Number(at) > WARM_UP_SECONDS + 0.5 ? Number(rate) : [],
  );
  const rate = rates.reduce((sum, one) => sum + one, 0) / rates.length;
  // On a very busy machine there may be no transaction, and so no rate.
  return Number(done) / rate || Number.POSITIVE_INFINITY;
}

function connection(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: pathname.slice(1),
  };
}

const fill = (text: string, size: number) => `{${Array(size).fill(text).join(',')}}`;

/** Sessions that send batches, as long-lived as those of a worker. */
export interface Batches {
  /** Calls until the deadline on all sessions. `onOrders` is called after each commit. Returns the seconds that it took. */
  run(seconds: number, onOrders?: (orders: number) => void): Promise<number>;
  close(): Promise<void>;
}

/** Opens the sessions. They have compiled and planned the routine before the clock of a run starts. */
export async function openBatches(
  url: string,
  { call, size, clients, sku = 'TV' }: BatchLoad,
): Promise<Batches> {
  const pool = createPool({
    url,
    max: clients,
    min: clients,
    applicationName: 'bench',
    warmUp: (session) => session.query({ text: 'SELECT hot.warm_session(true)' }),
    waitTimeoutMs: 60_000,
  });
  const [units, fewer, nodes] = [fill('1', size), fill('f', size), fill(NODE, size)];
  const text =
    call === 'place_orders'
      ? 'SELECT request_id, status FROM hot.place_orders($1, $2, $3, $4, $5, $6)'
      : `SELECT bench.insert_only('sale', $1, $2, $3, $4, $6), $5::boolean[] IS NULL`;
  await pool.fill();
  const place = async () => {
    // As the shop makes the ids of tickets and keys: in the order of time. Users come in any order.
    const ids = Array.from({ length: size }, () => randomUUIDv7());
    const users = Array.from({ length: size }, () => randomUUID());
    const values = [sku, `{${ids.join(',')}}`, `{user-${users.join(',user-')}}`];
    const rows = await pool.query<{ status?: string }>({
      name: `bench_${call}`,
      text,
      values: [...values, units, fewer, nodes],
    });
    if (call === 'insert_only') return size;
    return rows.filter(({ status }) => status === 'ordered').length;
  };
  return {
    async run(seconds, onOrders = () => {}) {
      const startMs = performance.now();
      const client = async () => {
        while (performance.now() - startMs < seconds * 1_000) onOrders(await place());
      };
      await Promise.all(Array.from({ length: clients }, client));
      return (performance.now() - startMs) / 1_000;
    },
    close: () => pool.close(),
  };
}

/** Opens sessions, calls until the deadline and closes the sessions. */
export async function driveBatches(
  url: string,
  load: BatchLoad,
  seconds: number,
  onOrders?: (orders: number) => void,
): Promise<number> {
  const batches = await openBatches(url, load);
  const tookSeconds = await batches.run(seconds, onOrders);
  await batches.close();
  return tookSeconds;
}

export interface BatchLoad {
  readonly call: 'place_orders' | 'insert_only';
  readonly size: number;
  readonly clients: number;
  readonly sku?: string;
}

/** With fewer calls, the rate would depend too much on the first of them. */
const CALLS_MIN = 100;

export async function drive(target: Target, way: Way, seconds: number): Promise<Run> {
  const { batchCall } = way;
  const before = process.cpuUsage();
  const tookSeconds =
    batchCall === undefined
      ? await pgbench(target, way, seconds)
      : await driveBatches(
          target.url,
          { call: batchCall, size: way.batch, clients: way.clients },
          seconds,
        );
  const { user, system } = process.cpuUsage(before);
  const orders = await countOrders(target, way);
  const isEnough = orders / way.batch >= CALLS_MIN;
  return {
    ordersPerSecond: isEnough ? orders / tookSeconds : Number.NaN,
    driverCpu: batchCall && (user + system) / 1e6 / tookSeconds,
  };
}
