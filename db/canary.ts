import { setTimeout as sleep } from 'node:timers/promises';
import { RELEASE } from '../contracts/release.ts';
import { DatabaseError } from './client/errors.ts';
import { LOCK_TIMEOUT_SQLSTATE } from './client/homes.ts';
import type { Session } from './client/pool.ts';
import { dispatcher, shapeOf } from './install/dispatch.ts';
import { asInstaller } from './install/installer.ts';
import { definition, forSchema, lookUpOne } from './install/routine-files.ts';
import { canaryRuns, keepVersion } from './install/versions.ts';

/**
 * Runs two versions of a routine side by side. While a canary runs, the routine is a dispatcher with the
 * same name, arguments and rights (`install/dispatch.ts`). It hands each call to `<name>_present` or
 * `<name>_canary`. Workers call judge_canaries, which stops a canary that fails more often or is slower.
 */

const CREATES = /CREATE OR REPLACE FUNCTION (:schema|catalog)\.([a-z_]+)\s*\(/;

interface Place {
  readonly schema: string;
  readonly name: string;
}

export interface CanaryOptions {
  /** `regular` or `hot`; a routine of `catalog` is in neither. */
  readonly schema: string;
  /** SQL text, in the form of a file of db/procedures. */
  readonly source: string;
  /** Share of the calls, 0 to 1. */
  readonly share: number;
  /** SKUs whose calls all go to the canary. */
  readonly skus: readonly string[];
}

/** Where the routine belongs that a file creates. @throws {DatabaseError} `refused` if it creates none */
export function placeOf(source: string, schema: string): Place {
  const [, prefix, name] = CREATES.exec(source) ?? [];
  if (name === undefined) {
    const message = 'the file does not create a routine: CREATE OR REPLACE FUNCTION :schema.…';
    throw new DatabaseError('refused', message);
  }
  return { schema: prefix === 'catalog' ? 'catalog' : schema, name };
}

/** The text of the canary: statements on the routine get its name. */
function renamed(source: string, name: string): string {
  const text = source.replaceAll(
    new RegExp(`(FUNCTION\\s+(?::schema|catalog)\\.${name})\\b`, 'g'),
    '$1_canary',
  );
  // A routine that writes figures of its calls (place_rates) names itself there.
  return /\bplace_call\b/.test(source) ? text.replaceAll(`'${name}'`, `'${name}_canary'`) : text;
}

/** Whether both versions have the same parameters, result, owner and rights, as callers expect. */
const SAME_SIGNATURE = `
  SELECT count(DISTINCT (pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                         p.prosecdef, p.proowner, p.proacl::text)) = 1
         AND count(*) = 2
         -- The canary may have settings of its own, but not another search_path.
         AND count(DISTINCT coalesce((SELECT c FROM unnest(p.proconfig) c
                                      WHERE c LIKE 'search_path=%'), '')) = 1 AS same
  FROM pg_proc p
  WHERE p.pronamespace = $1::regnamespace AND p.proname IN ($2::text, $2::text || '_canary')`;

/**
 * Installs a canary and starts to pass calls to it.
 *
 * @throws {DatabaseError} `refused` if the routine has a canary, or if the file does not create it with
 *   the same parameters, result and rights as the present version
 */
export async function startCanary(session: Session, options: CanaryOptions): Promise<Place> {
  const { source, share, skus } = options;
  const place = placeOf(source, options.schema);
  const { schema, name } = place;
  const full = `${schema}.${name}`;
  await asInstaller(session, async () => {
    const running = await session.query({
      text: 'SELECT FROM catalog.routine_canary WHERE schema = $1 AND name = $2',
      values: [schema, name],
    });
    if (running.length > 0) throw canaryRuns(schema, name);
    const shape = await shapeOf(session, schema, name);
    if (skus.length > 0 && !shape.hasSku) {
      throw new DatabaseError(
        'refused',
        `${full} has no parameter p_sku: only --share can be used`,
      );
    }
    const known = await lookUpOne(session, place);
    const present = known.now?.text ?? '';
    if (known.now !== undefined && known.now.md5 !== known.current_md5) {
      const origin = known.now.md5 === known.definition_md5 ? 'file' : 'hand';
      await keepVersion(session, place, known.now, { origin, release: null });
    }
    // Not check_function_bodies = off: a file with an error in it must not take calls.
    await session.run('SET LOCAL check_function_bodies = on');
    await session.run(`SET LOCAL search_path = ${schema}, pg_temp`);
    await session.run(forSchema(renamed(source, name), schema));
    const [signature] = await session.query<{ same: boolean }>({
      text: SAME_SIGNATURE,
      values: [schema, name],
    });
    if (signature?.same !== true) {
      const message = `the parameters, result, owner, rights or search_path differ from those of ${name}`;
      throw new DatabaseError('refused', message);
    }
    await session.run(present.replace(`FUNCTION ${full}(`, `FUNCTION ${full}_present(`));
    await session.run(`
      REVOKE ALL ON FUNCTION ${full}_present FROM PUBLIC;
      CREATE SEQUENCE ${full}_present_failed CACHE 1;
      CREATE SEQUENCE ${full}_canary_failed CACHE 1`);
    const [row] = await session.query<{ run: string }>({
      text: `INSERT INTO catalog.routine_canary (schema, name, share, skus, source, present)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING run`,
      values: [schema, name, share, skus, source, present],
    });
    await session.run(dispatcher(shape, row?.run ?? ''));
  });
  return place;
}

/** Calls wait behind the lock of `end` while it waits for a call that is under way. */
const END_LOCK_TIMEOUT_MS = 500;
const END_ATTEMPTS_MAX = 20;
const END_PAUSE_MS = 250;

/** Ends a canary when no call of it is under way, or refuses after a limit. All other calls go on. */
async function ending(session: Session, place: Place, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await asInstaller(session, work);
    } catch (error) {
      if (!(error instanceof DatabaseError && error.sqlstate === LOCK_TIMEOUT_SQLSTATE))
        throw error;
      if (attempt === END_ATTEMPTS_MAX) {
        const message =
          `a call of ${place.schema}.${place.name} is under way all the time (pg_stat_activity shows it): ` +
          'end it and call again';
        throw new DatabaseError('refused', message, error.sqlstate, error);
      }
      await sleep(END_PAUSE_MS);
    }
  }
}

/** Restores the present version and returns the text of the canary's file. */
async function end(session: Session, { schema, name }: Place): Promise<string> {
  const full = `${schema}.${name}`;
  // Each call of the dispatcher reads this table. The lock keeps calls out for some milliseconds, so that
  // none finds a version that is gone.
  await session.run(`SET LOCAL lock_timeout = ${END_LOCK_TIMEOUT_MS}`);
  await session.run('LOCK TABLE catalog.routine_canary IN ACCESS EXCLUSIVE MODE');
  const [row] = await session.query<{ source: string; present: string; run: string }>({
    text: `DELETE FROM catalog.routine_canary WHERE schema = $1 AND name = $2
           RETURNING source, present, run`,
    values: [schema, name],
  });
  if (row === undefined) throw new DatabaseError('refused', `${full} has no canary`);
  const ended = 'DELETE FROM catalog.canary_call WHERE schema = $1 AND name = $2';
  await session.query({ text: ended, values: [schema, name] });
  const now = (await definition(session, { schema, name }))?.text ?? '';
  // Somebody replaced the routine by hand meanwhile: that version stays.
  if (now.includes(`flashsale.canary_${row.run}_`)) await session.run(row.present);
  await session.run(`
    DROP FUNCTION ${full}_present, ${full}_canary;
    DROP SEQUENCE ${full}_present_failed, ${full}_canary_failed`);
  return row.source;
}

/**
 * Ends a canary: the present version decides every call again.
 *
 * @throws {DatabaseError} `refused` if there is no canary, or if a call does not end. No further call goes
 *   to the canary then
 */
export async function stopCanary(session: Session, place: Place): Promise<void> {
  // First by a row that no call holds: a canary that hangs gets no further calls while this waits for it.
  await asInstaller(session, () =>
    session.query({
      text: `UPDATE catalog.routine_canary
             SET stopped_at = now(), stop_reason = format('stopped by %s', session_user)
             WHERE schema = $1 AND name = $2 AND stopped_at IS NULL`,
      values: [place.schema, place.name],
    }),
  );
  await ending(session, place, async () => {
    await end(session, place);
  });
}

/**
 * Replaces the routine by the canary's version. Until its file is in db/procedures, it counts as changed
 * by hand, and the installer does not overwrite it.
 *
 * @throws {DatabaseError} `refused` if the canary was stopped
 */
export async function promoteCanary(session: Session, place: Place): Promise<void> {
  const { schema, name } = place;
  await ending(session, place, async () => {
    // Before the look: a worker that judges the canary meanwhile has to wait.
    await session.run(`SET LOCAL lock_timeout = ${END_LOCK_TIMEOUT_MS}`);
    await session.run('LOCK TABLE catalog.routine_canary IN ACCESS EXCLUSIVE MODE');
    const [stopped] = await session.query<{ stop_reason: string }>({
      text: `SELECT stop_reason FROM catalog.routine_canary
             WHERE schema = $1 AND name = $2 AND stopped_at IS NOT NULL`,
      values: [schema, name],
    });
    if (stopped !== undefined) {
      const message = `the canary of ${schema}.${name} was stopped: ${stopped.stop_reason}`;
      throw new DatabaseError('refused', message);
    }
    await session.run(forSchema(await end(session, place), schema));
    const now = await definition(session, place);
    if (now === undefined) throw new Error('the file created it before');
    await keepVersion(session, place, now, { origin: 'canary', release: RELEASE });
  });
}

/** How a version did. The times are of its last calls, at most 1,000. */
export interface VersionFigures {
  readonly calls: number;
  readonly failed: number;
  /** Calls that took longer than nine in ten of the present version. */
  readonly slow: number;
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export interface Canary extends Place {
  readonly share: number;
  readonly skus: readonly string[];
  readonly startedAt: Date;
  readonly startedBy: string;
  readonly stoppedAt: Date | null;
  readonly stopReason: string | null;
  readonly present: VersionFigures;
  readonly canary: VersionFigures;
}

function figures(side: 1 | 2, times: string): string {
  const ms = (value: string) =>
    `(SELECT round((${value})::numeric / 1000, 3)::float8 FROM unnest(${times}) t)`;
  const at = (share: number) => ms(`percentile_disc(${share}) WITHIN GROUP (ORDER BY t)`);
  return `json_build_object('calls', c.calls[${side}], 'failed', c.failed[${side}], 'slow', c.slow[${side}],
    'meanMs', ${ms('avg(t)')}, 'p50Ms', ${at(0.5)}, 'p95Ms', ${at(0.95)})`;
}

/** Judges the canaries of a server now, and returns them. */
export async function canaries(session: Session): Promise<Canary[]> {
  return asInstaller(session, async () => {
    await session.run('SELECT catalog.judge_canaries()');
    return session.query<Canary & Record<string, unknown>>({
      text: `SELECT c.schema, c.name, c.share, c.skus, c.started_at AS "startedAt",
                    c.started_by AS "startedBy", c.stopped_at AS "stoppedAt",
                    c.stop_reason AS "stopReason",
                    ${figures(1, 'c.present_us')} AS present, ${figures(2, 'c.canary_us')} AS canary
             FROM catalog.routine_canary c ORDER BY c.schema, c.name`,
    });
  });
}
