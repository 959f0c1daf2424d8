import { setTimeout as sleep } from 'node:timers/promises';
import { REGULAR } from '../../contracts/homes.ts';
import type { Metrics } from '../../process/metrics.ts';
import type { Dependency, Readiness } from '../../process/readiness.ts';
import type { Databases, Pool } from './pool.ts';

/** A database is probed when no query has succeeded for this long. */
const PROBE_AFTER_MS = 1_000;
/** Longer than the statement timeout, because it is no outage if all connections wait for locks. */
const DOWN_AFTER_MS = 6_000;
const CLOCK_INTERVAL_MS = 5_000;
/** A later answer says too little about the moment at which the server read its clock. */
const CLOCK_ANSWER_MS_MAX = 500;

/**
 * Watches whether a database answers, and so detects a stopped and a frozen server alike. The queries
 * that the process makes show this. If there are none, an empty query is made.
 *
 * @returns a function that returns what is wrong, without a query; undefined while the database answers
 */
function watchDatabase(pool: Pool, stopping: AbortSignal): () => string | undefined {
  const probe = async () => {
    while (!stopping.aborted) {
      // The pool's timeouts limit the query. A failure needs no handling: silentMs() then grows.
      if (pool.silentMs() >= PROBE_AFTER_MS) await pool.query({ text: 'SELECT' }).catch(() => []);
      await sleep(PROBE_AFTER_MS, undefined, { signal: stopping }).catch(() => {});
    }
  };
  void probe();
  return () => {
    const silentMs = pool.silentMs();
    return silentMs > DOWN_AFTER_MS ? `no answer for ${Math.round(silentMs / 1_000)} s` : undefined;
  };
}

/**
 * Asks the server for its time now and then.
 *
 * @returns a function that returns how many seconds this machine's clock is ahead of the server's;
 *   undefined until that is known
 */
function watchClock(pool: Pool, stopping: AbortSignal): () => number | undefined {
  let aheadMs: number | undefined;
  const ask = async () => {
    while (!stopping.aborted) {
      const startedAtMs = Date.now();
      const text = 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms';
      const [row] = await pool.query<{ ms: number }>({ name: 'clock', text }).catch(() => []);
      const tookMs = Date.now() - startedAtMs;
      // The server read its clock at some moment in between.
      if (row !== undefined && tookMs < CLOCK_ANSWER_MS_MAX) {
        aheadMs = startedAtMs + tookMs / 2 - row.ms;
      }
      await sleep(CLOCK_INTERVAL_MS, undefined, { signal: stopping }).catch(() => {});
    }
  };
  void ask();
  return () => (aheadMs === undefined ? undefined : aheadMs / 1_000);
}

/** Every database server that a process uses, with its pool. */
function poolsOf(databases: Databases): ReadonlyMap<Dependency, Pool> {
  if (!databases.areApart) return new Map([['postgres', databases.regular]]);
  return new Map(
    databases.servers.map((server) => {
      const home = databases.homeOf(server);
      return [home === REGULAR ? 'postgres' : (`postgres-${home}` as const), server];
    }),
  );
}

/** Makes the readiness of the process depend on every database server that it uses. */
export function needDatabases(
  readiness: Readiness,
  databases: Databases,
  stopping: AbortSignal,
): void {
  for (const [dependency, pool] of poolsOf(databases)) {
    readiness.needs(dependency, watchDatabase(pool, stopping));
  }
}

/** Shows the pools of the process, and its clock beside those of the servers. */
export function showDatabases(metrics: Metrics, databases: Databases, stopping: AbortSignal): void {
  const pools = poolsOf(databases);
  metrics.gauge(
    'flashsale_database_sessions',
    'Sessions of the pool of this process by state: busy, idle; kept: as many as it keeps open; max: as many as it may open',
    ['dependency', 'state'],
    (gauge) => {
      for (const [dependency, pool] of pools) {
        const { open, idle } = pool.figures();
        gauge.set({ dependency, state: 'busy' }, open - idle);
        gauge.set({ dependency, state: 'idle' }, idle);
        gauge.set({ dependency, state: 'kept' }, pool.min);
        gauge.set({ dependency, state: 'max' }, pool.max);
      }
    },
  );
  metrics.gauge(
    'flashsale_database_waiting_queries',
    'Queries of this process that wait for a session of the pool',
    ['dependency'],
    (gauge) => {
      for (const [dependency, pool] of pools) gauge.set({ dependency }, pool.figures().waiting);
    },
  );
  const clocks = [...pools].map(
    ([dependency, pool]) => [dependency, watchClock(pool, stopping)] as const,
  );
  metrics.gauge(
    'flashsale_clock_ahead_seconds',
    "How far this machine's clock is ahead of the clock of the database server; below 0: behind",
    ['dependency'],
    (gauge) => {
      for (const [dependency, ahead] of clocks) {
        const seconds = ahead();
        if (seconds !== undefined) gauge.set({ dependency }, seconds);
      }
    },
  );
}
