import { setTimeout as sleep } from 'node:timers/promises';
import type { Readiness } from '../../process/readiness.ts';
import { areApart } from './both-homes.ts';
import type { Databases, Pool } from './pool.ts';

/** A database that answered within this time is not asked. */
const PROBE_AFTER_MS = 1_000;
/** Longer than the statement timeout: a pool whose every connection waits for a lock is no outage. */
const DOWN_AFTER_MS = 6_000;

/**
 * Follows whether a database answers, stopped and frozen alike: by the queries that the process makes
 * anyway, and where it makes none by one that asks for nothing.
 *
 * @returns what is wrong, from memory; undefined while it answers
 */
function watchDatabase(pool: Pool, stopping: AbortSignal): () => string | undefined {
  const probe = async () => {
    while (!stopping.aborted) {
      // Bounded by the timeouts of the pool. A failure needs no handling: the silence tells it.
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

/** Makes every database server that the process uses one of those it needs. */
export function needDatabases(
  readiness: Readiness,
  databases: Databases,
  stopping: AbortSignal,
): void {
  readiness.needs('postgres', watchDatabase(databases.regular, stopping));
  if (areApart(databases)) readiness.needs('postgres-hot', watchDatabase(databases.hot, stopping));
}
