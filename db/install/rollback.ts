import type { ReasonedActor } from '../actions.ts';
import { DatabaseError } from '../client/errors.ts';
import type { Session } from '../client/pool.ts';
import { asInstaller } from './installer.ts';
import { definition, lookUpOne, type Named } from './routine-files.ts';
import { canaryRuns, keepVersion } from './versions.ts';

/** The way back to a kept version of a routine or view. */

interface Target {
  readonly version: number;
  readonly source: string;
  readonly md5: string;
  readonly isNewest: boolean;
}

/** The wanted version, or the newest one that differs from the newest of all. */
async function findTarget(session: Session, { schema, name }: Named, wanted: number | undefined) {
  const [target] = await session.query<Target & Record<string, unknown>>({
    text: `SELECT v.version, v.source, v.definition_md5 AS md5, v.version = n.version AS "isNewest"
           FROM catalog.routine_version v
           CROSS JOIN LATERAL (
             SELECT x.version, x.definition_md5 FROM catalog.routine_version x
             WHERE x.schema = v.schema AND x.name = v.name ORDER BY x.version DESC LIMIT 1) n
           WHERE v.schema = $1 AND v.name = $2
             AND CASE WHEN $3::int IS NULL THEN v.definition_md5 <> n.definition_md5
                      ELSE v.version = $3 END
           ORDER BY v.version DESC LIMIT 1`,
    values: [schema, name, wanted],
  });
  if (target !== undefined) return target;
  const which = wanted === undefined ? 'no earlier version' : `no version ${wanted}`;
  const hint = `see: flashsale db versions ${schema}.${name}`;
  throw new DatabaseError('refused', `${which} of ${schema}.${name} is kept; ${hint}`);
}

/** The arguments and the result of a routine, or the columns of a view: callers rely on them. */
async function signature(session: Session, { schema, name }: Named): Promise<string> {
  const rows = await session.query({
    text: `SELECT pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
                  p.prosecdef, p.proowner::regrole::text AS owner, p.proacl::text AS rights,
                  obj_description(p.oid) AS comment,
                  (SELECT c FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%') AS search_path
           FROM pg_proc p WHERE p.pronamespace = $1::regnamespace AND p.proname = $2
           UNION ALL
           SELECT string_agg(format('%s %s', a.attname, a.atttypid::regtype), ', ' ORDER BY a.attnum),
                  NULL, NULL, c.relowner::regrole::text, c.relacl::text, obj_description(c.oid), NULL
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
           WHERE c.relnamespace = $1::regnamespace AND c.relname = $2 AND c.relkind = 'v'
           GROUP BY c.oid, c.relowner, c.relacl`,
    values: [schema, name],
  });
  return JSON.stringify(rows);
}

/** SQLSTATEs of CREATE OR REPLACE for another result, other arguments or other columns of a view. */
const OTHER_SIGNATURE = new Set(['42P13', '42P16']);

/**
 * Puts a version in force. Owner, rights and comment stay, because CREATE OR REPLACE keeps them. The text
 * that PostgreSQL shows of a view then may have more words than the text that was run, so it is kept anew.
 */
async function replace(session: Session, routine: Named, target: Target): Promise<void> {
  const { schema, name } = routine;
  const isView = !target.source.startsWith('CREATE ');
  const before = await signature(session, routine);
  const refused = new DatabaseError(
    'refused',
    `${schema}.${name}: version ${target.version} has other arguments, another result or another ` +
      'search_path than the present one, which callers expect',
  );
  // A version whose tables or routines are gone must not take calls.
  await session.run(
    `SET LOCAL check_function_bodies = on; SET LOCAL search_path = ${schema}, pg_temp`,
  );
  try {
    await session.run(
      isView ? `CREATE OR REPLACE VIEW ${schema}.${name} AS ${target.source}` : target.source,
    );
  } catch (error) {
    if (!(error instanceof DatabaseError) || !OTHER_SIGNATURE.has(error.sqlstate ?? ''))
      throw error;
    throw refused;
  }
  await session.run(
    'SET LOCAL check_function_bodies = off; SET LOCAL search_path = pg_catalog, pg_temp',
  );
  if ((await signature(session, routine)) !== before) throw refused;
  const now = await definition(session, routine);
  await session.query({
    text: `UPDATE catalog.routine_version SET source = $4, definition_md5 = $5
           WHERE schema = $1 AND name = $2 AND version = $3 AND definition_md5 <> $5`,
    values: [schema, name, target.version, now?.text, now?.md5],
  });
}

export interface Rollback {
  readonly schema: string;
  readonly name: string;
  readonly version: number;
  /** False if the version was already in force. */
  readonly changed: boolean;
  readonly source: string;
}

/**
 * Puts an earlier version of a routine in force, in the open transaction of an installer. Without a
 * number it is the newest one that differs from the newest of all. So the same call again changes
 * nothing. Installers do not bring a later known version back until `releaseRoutine`.
 *
 * @throws {DatabaseError} `refused` if the version is not kept, if its arguments or result differ, or if
 *   the routine has a canary
 */
async function rollBack(
  session: Session,
  routine: Named,
  wanted: number | undefined,
  { by, reason }: ReasonedActor,
): Promise<Rollback> {
  const { schema, name } = routine;
  const before = await lookUpOne(session, routine);
  if (before.has_canary) throw canaryRuns(schema, name);
  const { now } = before;
  if (now === undefined) throw new DatabaseError('refused', `there is no ${schema}.${name}`);
  if (now.md5 !== before.current_md5) {
    const origin = now.md5 === before.definition_md5 ? 'file' : 'hand';
    await keepVersion(session, routine, now, { origin, release: null });
  }
  const target = await findTarget(session, routine, wanted);
  const { version, source } = target;
  const isAlready = now.md5 === target.md5 && (before.pinned === version || target.isNewest);
  if (isAlready) return { schema, name, version, changed: false, source };
  await replace(session, routine, target);
  await session.query({
    text: `INSERT INTO catalog.routine_pin (schema, name, version, pinned_by, reason)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (schema, name) DO UPDATE SET version = excluded.version, released = false,
             pinned_at = now(), pinned_by = excluded.pinned_by, reason = excluded.reason`,
    values: [schema, name, version, by, reason],
  });
  if (target.isNewest) {
    const text = 'DELETE FROM catalog.routine_pin WHERE schema = $1 AND name = $2';
    await session.query({ text, values: [schema, name] });
  }
  await session.query({
    text: `SELECT catalog.record_action($1, 'roll_back_routine', NULL, $2, $3,
                                        jsonb_build_object('version', $4::int))`,
    values: [by, `${schema}.${name}`, reason, version],
  });
  return { schema, name, version, changed: true, source };
}

/** A server, and the schemas of it that are in use. */
export interface Home {
  readonly session: Session;
  readonly schemas: readonly string[];
}

/** The text without the name of its schema, to compare the versions of two schemas. */
function common({ source }: Rollback): string {
  return source.replaceAll(/\b(regular|hot)\b/g, ':schema');
}

/**
 * Rolls a routine back in all given homes. Every home has it before the first one commits. If the call is
 * interrupted between two commits, the same call again does the rest and changes nothing else.
 *
 * @throws {DatabaseError} as `rollBack`, and `refused` if the homes would get different versions
 */
export async function rollBackRoutine(
  homes: readonly Home[],
  name: string,
  wanted: number | undefined,
  actor: ReasonedActor,
): Promise<Rollback[]> {
  const done: Rollback[] = [];
  const next = async ([home, ...others]: readonly Home[]): Promise<void> => {
    if (home === undefined) {
      const [first, ...rest] = done;
      if (rest.every((one) => first && common(one) === common(first))) return;
      const found = done.map(({ schema, version }) => `${version} in ${schema}`).join(', ');
      const message = `not the same version: ${found}; name one schema, as in hot.${name}`;
      throw new DatabaseError('refused', message);
    }
    await asInstaller(home.session, async () => {
      for (const schema of home.schemas) {
        const exists = (await definition(home.session, { schema, name })) !== undefined;
        if (exists) done.push(await rollBack(home.session, { schema, name }, wanted, actor));
      }
      await next(others);
    });
  };
  await next(homes);
  return done;
}

/**
 * Lets the next installer replace a version that the routine was rolled back to.
 *
 * @returns false if it was not rolled back
 */
export async function releaseRoutine(
  session: Session,
  { schema, name }: Named,
  { by, reason }: ReasonedActor,
): Promise<boolean> {
  return asInstaller(session, async () => {
    const released = await session.query({
      text: `UPDATE catalog.routine_pin SET released = true
             WHERE schema = $1 AND name = $2 AND NOT released RETURNING version`,
      values: [schema, name],
    });
    if (released.length === 0) return false;
    await session.query({
      text: `SELECT catalog.record_action($1, 'release_routine', NULL, $2, $3)`,
      values: [by, `${schema}.${name}`, reason],
    });
    return true;
  });
}
