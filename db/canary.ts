import type { Schema } from '../contracts/names.ts';
import { DatabaseError } from './client/errors.ts';
import type { Session } from './client/pool.ts';
import { forSchema } from './install/routine-files.ts';

/**
 * Two versions of place_orders side by side. place_orders itself hands a share of its calls, or those
 * of some SKUs, to place_orders_canary; every caller gets it, from the next call on.
 */

const CREATES = /CREATE OR REPLACE FUNCTION :schema\.place_orders\s*\(/;

export interface CanaryOptions {
  readonly schema: Schema;
  /** Text of a file like db/procedures/place_orders.sql. */
  readonly source: string;
  /** Share of the calls, 0 to 1. */
  readonly share: number;
  /** SKUs whose calls it takes in any case. */
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
    // Each call of place_orders reads this table: with the lock none is under way, so none meets a
    // canary that is half there. Calls wait for the milliseconds that this takes.
    await session.run('LOCK TABLE catalog.sku_terms IN ACCESS EXCLUSIVE MODE');
    return work();
  });
}

/** Whether both have the same parameters, result and rights: a caller must not see a difference. */
const SAME_FACE = `
  SELECT count(DISTINCT (pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                         p.prosecdef, p.proowner, p.proacl::text)) = 1
         AND count(*) = 2
         -- It may have settings of its own, but not another search_path.
         AND bool_and('search_path=' || $1 || ', pg_temp' = ANY (p.proconfig)) AS same
  FROM pg_proc p
  WHERE p.pronamespace = $1::regnamespace
    AND p.proname IN ('place_orders', 'place_orders_canary')`;

/**
 * @throws {DatabaseError} `refused` if one runs already, or if the file is not a place_orders that
 *   callers could use as they use the present one
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
      const message = `a canary of ${schema}.place_orders runs already: stop or promote it first`;
      throw new DatabaseError('refused', message);
    }
    const renamed = source.replaceAll(/\bplace_orders\b/g, 'place_orders_canary');
    await session.run(forSchema(renamed, schema));
    const [face] = await session.query<{ same: boolean }>({ text: SAME_FACE, values: [schema] });
    if (face?.same !== true) {
      const message =
        'its parameters, result, owner, rights or search_path are not those of place_orders';
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

/** From the next call on place_orders decides alone. @throws {DatabaseError} */
export async function stopCanary(session: Session, schema: Schema): Promise<void> {
  await asOwner(session, () => end(session, schema));
}

/**
 * The canary's version becomes place_orders. Until its file is in db/procedures, it counts as changed by
 * hand, and the installer leaves it alone.
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

/** What one version met in the last minutes. */
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

/** Figures of each version, over what place_call still has. */
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
