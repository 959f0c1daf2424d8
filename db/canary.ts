import type { Schema } from '../contracts/names.ts';
import { DatabaseError } from './client/errors.ts';
import type { Session } from './client/pool.ts';
import { forSchema } from './install/routine-files.ts';

/**
 * Runs two versions of place_orders side by side. place_orders itself passes a share of its calls, and
 * all calls for some SKUs, to place_orders_canary. This holds for every caller from the next call on.
 */

const CREATES = /CREATE OR REPLACE FUNCTION :schema\.place_orders\s*\(/;

export interface CanaryOptions {
  readonly schema: Schema;
  /** SQL text, in the form of db/procedures/place_orders.sql. */
  readonly source: string;
  /** Share of the calls, 0 to 1. */
  readonly share: number;
  /** SKUs whose calls all go to the canary. */
  readonly skus: readonly string[];
}

export interface Canary {
  readonly schema: Schema;
  readonly share: number;
  readonly skus: readonly string[];
  readonly startedAt: Date;
  readonly startedBy: string;
}

async function asOwner<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return session.transaction(async () => {
    await session.run('SET LOCAL ROLE flashsale_owner');
    // Each call of place_orders reads this table. The lock keeps calls out for a few milliseconds, so
    // that none of them finds a canary that is only partly installed.
    await session.run('LOCK TABLE catalog.sku_terms IN ACCESS EXCLUSIVE MODE');
    return work();
  });
}

/** Whether both versions have the same parameters, result, owner and rights, as callers expect. */
const SAME_SIGNATURE = `
  SELECT count(DISTINCT (pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                         p.prosecdef, p.proowner, p.proacl::text)) = 1
         AND count(*) = 2
         -- The canary may have settings of its own, but not another search_path.
         AND bool_and('search_path=' || $1 || ', pg_temp' = ANY (p.proconfig)) AS same
  FROM pg_proc p
  WHERE p.pronamespace = $1::regnamespace
    AND p.proname IN ('place_orders', 'place_orders_canary')`;

/**
 * Installs a canary and starts to pass calls to it.
 *
 * @throws {DatabaseError} `refused` if a canary already runs in the schema, or if the file does not
 *   create a place_orders with the same parameters, result and rights as the present one
 */
export async function startCanary(session: Session, options: CanaryOptions): Promise<void> {
  const { schema, source, share, skus } = options;
  if (!CREATES.test(source)) {
    throw new DatabaseError('refused', 'the file does not create :schema.place_orders');
  }
  await asOwner(session, async () => {
    const running = await session.query({
      text: 'SELECT FROM catalog.canary WHERE schema = $1',
      values: [schema],
    });
    if (running.length > 0) {
      const message = `a canary of ${schema}.place_orders is already running: stop or promote it first`;
      throw new DatabaseError('refused', message);
    }
    const renamed = source.replaceAll(/\bplace_orders\b/g, 'place_orders_canary');
    await session.run(forSchema(renamed, schema));
    const [signature] = await session.query<{ same: boolean }>({
      text: SAME_SIGNATURE,
      values: [schema],
    });
    if (signature?.same !== true) {
      const message =
        'the parameters, result, owner, rights or search_path differ from those of place_orders';
      throw new DatabaseError('refused', message);
    }
    await session.query({
      text: `INSERT INTO catalog.canary (schema, routine, share, skus, source)
             VALUES ($1, 'place_orders_canary', $2, $3, $4)`,
      values: [schema, share, skus, source],
    });
  });
}

async function end(session: Session, schema: Schema): Promise<string> {
  const [row] = await session.query<{ source: string }>({
    text: 'DELETE FROM catalog.canary WHERE schema = $1 RETURNING source',
    values: [schema],
  });
  if (row === undefined) throw new DatabaseError('refused', `no canary runs in ${schema}`);
  await session.run(`DROP FUNCTION IF EXISTS ${schema}.place_orders_canary`);
  return row.source;
}

/** Removes the canary; place_orders decides every call again. @throws {DatabaseError} */
export async function stopCanary(session: Session, schema: Schema): Promise<void> {
  await asOwner(session, () => end(session, schema));
}

/**
 * Replaces place_orders by the canary's version. Until its file is in db/procedures, it counts as
 * changed by hand, and the installer does not overwrite it.
 *
 * @throws {DatabaseError}
 */
export async function promoteCanary(session: Session, schema: Schema): Promise<void> {
  await asOwner(session, async () => {
    await session.run(forSchema(await end(session, schema), schema));
  });
}

export async function canaries(session: Session): Promise<Canary[]> {
  return session.transaction(async () => {
    await session.run('SET LOCAL ROLE flashsale_owner');
    return session.query<Canary & Record<string, unknown>>({
      text: `SELECT schema, share, skus, started_at AS "startedAt", started_by AS "startedBy"
             FROM catalog.canary ORDER BY schema`,
    });
  });
}

/** Figures of one version of place_orders. */
export interface VersionFigures {
  readonly schema: Schema;
  readonly routine: string;
  readonly calls: number;
  readonly requests: number;
  readonly ordered: number;
  readonly passedOverRate: number;
  readonly retryRate: number;
  readonly falseEmpty: number;
  readonly lockMs: number;
  readonly lockMsMax: number;
}

/** Figures of each version, over the calls that are still in place_call. */
export async function versionFigures(session: Session, schema: Schema): Promise<VersionFigures[]> {
  return session.query<VersionFigures & Record<string, unknown>>({
    text: `SELECT $1 AS schema, r.routine, sum(r.calls)::int AS calls,
                  sum(r.requests)::int AS requests, sum(r.ordered)::int AS ordered,
                  round(sum(r.passed_over_rate * r.calls) / sum(r.calls), 4)::float8
                    AS "passedOverRate",
                  round(sum(r.retry_rate * r.calls) / sum(r.calls), 4)::float8 AS "retryRate",
                  sum(r.false_empty)::int AS "falseEmpty",
                  round(sum(r.lock_ms_p50 * r.calls) / sum(r.calls), 3)::float8 AS "lockMs",
                  max(r.lock_ms_p99)::float8 AS "lockMsMax"
           FROM ${schema}.place_rates r GROUP BY r.routine ORDER BY r.routine`,
    values: [schema],
  });
}
