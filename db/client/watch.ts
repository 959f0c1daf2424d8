import { setTimeout as sleep } from 'node:timers/promises';
import type { Readiness } from '../../process/readiness.ts';
import { areApart } from './both-homes.ts';
import type { Databases, Pool } from './pool.ts';

/** A database is probed when no query has succeeded for this long. */
const PROBE_AFTER_MS = 1_000;
/** Longer than the statement timeout, because it is no outage if all connections wait for locks. */
const DOWN_AFTER_MS = 6_000;

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

/** Makes the readiness of the process depend on every database server that it uses. */
export function needDatabases(
  readiness: Readiness,
  databases: Databases,
  stopping: AbortSignal,
): void {
  readiness.needs('postgres', watchDatabase(databases.regular, stopping));
  if (areApart(databases)) readiness.needs('postgres-hot', watchDatabase(databases.hot, stopping));
}
