import { DatabaseError } from '../client/errors.ts';
import { openSession, type Session } from '../client/pool.ts';
import { installCurrencies } from './currencies.ts';
import { unifiedDiff } from './diff.ts';
import { definition, loadRoutines, type Routine, recorded } from './routine-files.ts';

export { loadRoutines } from './routine-files.ts';

/**
 * Installs the routines and views of db/procedures and db/views, and the currencies, in one
 * transaction. A routine that a DBA has changed by hand since it was installed is reported and not
 * overwritten.
 */

const STATEMENT_TIMEOUT_MS = 60_000;
export const LOCK_TIMEOUT_MS = 10_000;
/** Maximum wait for another installer. It is long because nothing else waits behind this one. */
const INSTALLER_WAIT_MS = 600_000;
/** Key of the advisory lock, so that two installers do not race. */
export const INSTALLER_LOCK = 7_300_101;

export interface InstallOptions {
  /** Overwrites routines that were changed by hand. */
  readonly force?: boolean;
}

export interface InstallReport {
  /** `schema.name` of the routines that are new or whose file has changed. */
  readonly installed: readonly string[];
  readonly unchanged: readonly string[];
  /** Routines that were changed by hand in the database and not overwritten. */
  readonly drifted: readonly string[];
  /** For each drifted routine a unified diff, from the file to the database. */
  readonly driftDiffs: Readonly<Record<string, string>>;
}

async function record(session: Session, routine: Routine, definitionMd5: string): Promise<void> {
  await session.query({
    text: `INSERT INTO catalog.routine (schema, name, file_sha256, definition_md5)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (schema, name) DO UPDATE SET file_sha256 = excluded.file_sha256,
             definition_md5 = excluded.definition_md5, installed_at = now(),
             installed_by = session_user`,
    values: [routine.schema, routine.name, routine.sha256, definitionMd5],
  });
}

/** Runs the file and returns the definition that the database has afterwards. */
async function apply(session: Session, routine: Routine) {
  try {
    await session.run(routine.sql);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const message = `${routine.schema}.${routine.name}: ${error.message}`;
    throw new DatabaseError(error.kind, message, error.sqlstate, error);
  }
  const installed = await definition(session, routine);
  if (installed === undefined) {
    const message = `the file of ${routine.schema}.${routine.name} does not create it`;
    throw new DatabaseError('refused', message);
  }
  return installed;
}

/**
 * - `installed`: the database has what is in the file
 * - `outdated`: the database has what the installer installed from an older file
 * - `drifted`: changed by hand; the database has neither what was installed nor what is in the file
 * - `missing`: the database has no routine or view of that name
 */
export type RoutineState = 'installed' | 'outdated' | 'drifted' | 'missing';

interface Comparison {
  readonly state: RoutineState;
  /** Unified diff from the file to the database; empty when they are the same. */
  readonly diff: string;
}

/**
 * Compares a file with the database. If the hashes differ, the file is run, because only the database
 * can tell what definition a file results in. A new file that somebody ran with psql thus counts as
 * installed and not as drifted.
 *
 * Afterwards the database has the routine of the file. Roll back to the savepoint before_routine to
 * keep what it had before.
 */
async function compare(session: Session, routine: Routine): Promise<Comparison> {
  const now = await definition(session, routine);
  const before = await recorded(session, routine);
  const untouched = now !== undefined && now.md5 === before?.definition_md5;
  await session.run('SAVEPOINT before_routine');
  if (untouched && before?.file_sha256 === routine.sha256) return { state: 'installed', diff: '' };
  const target = await apply(session, routine);
  await record(session, routine, target.md5);
  if (now === undefined) return { state: 'missing', diff: '' };
  if (target.md5 === now.md5) return { state: 'installed', diff: '' };
  const name = `${routine.schema}.${routine.name}`;
  const diff = unifiedDiff(target.text, now.text, `${name} (file)`, `${name} (database)`);
  return { state: untouched ? 'outdated' : 'drifted', diff };
}

/** Runs `work` in one transaction as flashsale_owner, while no other installer runs. */
async function asInstaller<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return session.transaction(async () => {
    await session.run(`SET LOCAL lock_timeout = ${INSTALLER_WAIT_MS}`);
    await session.run(`SET LOCAL statement_timeout = ${INSTALLER_WAIT_MS}`);
    await session.run(`SELECT pg_advisory_xact_lock(${INSTALLER_LOCK})`);
    await session.run(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await session.run(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    await session.run('SET LOCAL ROLE flashsale_owner');
    // Fixed, because the definition of a view has schema names or not depending on search_path.
    await session.run('SET LOCAL search_path = pg_catalog, pg_temp');
    // Files run in alphabetical order, and a routine may use one of a later file.
    await session.run('SET LOCAL check_function_bodies = off');
    return work();
  });
}

/**
 * Installs all new or changed routines, or none if one fails. The session must be able to act as
 * flashsale_owner.
 *
 * @throws {DatabaseError} with the name of the routine whose file PostgreSQL refused
 */
export async function installRoutines(
  session: Session,
  { force = false }: InstallOptions = {},
): Promise<InstallReport> {
  const routines = await loadRoutines();
  const installed: string[] = [];
  const unchanged: string[] = [];
  const driftDiffs: Record<string, string> = {};
  await asInstaller(session, async () => {
    await installCurrencies(session);
    for (const routine of routines) {
      const name = `${routine.schema}.${routine.name}`;
      const { state, diff } = await compare(session, routine);
      if (state === 'installed') unchanged.push(name);
      else if (state !== 'drifted' || force) installed.push(name);
      else {
        await session.run('ROLLBACK TO SAVEPOINT before_routine');
        driftDiffs[name] = diff;
      }
    }
  });
  return { installed, unchanged, drifted: Object.keys(driftDiffs), driftDiffs };
}

export interface InstalledRoutine extends Comparison {
  readonly schema: string;
  readonly name: string;
  /** Path of its file. */
  readonly file: string;
  /** When the installer last ran the file; undefined if it never did. */
  readonly installedAt: Date | undefined;
  readonly installedBy: string | undefined;
}

/** Compares every routine and view with its file. Changes nothing. @throws {DatabaseError} */
export async function compareRoutines(session: Session): Promise<InstalledRoutine[]> {
  const found: InstalledRoutine[] = [];
  const routines = await loadRoutines();
  await asInstaller(session, async () => {
    for (const routine of routines) {
      const { schema, name, file } = routine;
      const comparison = await compare(session, routine);
      await session.run('ROLLBACK TO SAVEPOINT before_routine');
      const before = await recorded(session, routine);
      const installedAt = before?.installed_at;
      found.push({
        schema,
        name,
        file,
        ...comparison,
        installedAt,
        installedBy: before?.installed_by,
      });
    }
  });
  return found;
}

/**
 * Restores one routine or view from its file.
 *
 * @returns a unified diff from the file to what the database had
 * @throws {DatabaseError} `refused` if there is no such file
 */
export async function restoreRoutine(
  session: Session,
  schema: string,
  name: string,
): Promise<string> {
  const routines = await loadRoutines();
  const routine = routines.find((one) => one.schema === schema && one.name === name);
  if (routine === undefined) {
    throw new DatabaseError('refused', `no file of ${schema}.${name} in db/procedures or db/views`);
  }
  const { diff } = await asInstaller(session, () => compare(session, routine));
  return diff;
}

/** Opens a session for the functions above. @throws {DatabaseError} */
export function openInstaller(url: string): Promise<Session> {
  return openSession(url, {
    applicationName: 'flashsale install',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
  });
}

/** Calls `installRoutines` in a new session. @throws {DatabaseError} */
export async function install(url: string, options: InstallOptions = {}): Promise<InstallReport> {
  const session = await openInstaller(url);
  try {
    return await installRoutines(session, options);
  } finally {
    await session.close().catch(() => {});
  }
}
