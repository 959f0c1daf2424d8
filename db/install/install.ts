import { RELEASE } from '../../contracts/release.ts';
import { DatabaseError } from '../client/errors.ts';
import type { Session } from '../client/pool.ts';
import { installCurrencies } from './currencies.ts';
import { unifiedDiff } from './diff.ts';
import { asInstaller, openInstaller } from './installer.ts';
import {
  definition,
  type Found,
  loadRoutines,
  lookUp,
  lookUpOne,
  type Routine,
} from './routine-files.ts';
import { canaryRuns, isKept, keepVersion } from './versions.ts';

export { loadRoutines } from './routine-files.ts';

/**
 * Installs the routines and views of db/procedures and db/views, and the currencies, in one
 * transaction. Each version that it installs, or finds, is kept. It reports, and does not overwrite, a
 * routine that a DBA has changed by hand, that was rolled back, or that has a canary.
 */

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
  /** Routines that were rolled back from the version of the file. */
  readonly pinned: readonly string[];
  /** Routines with a canary. */
  readonly canaries: readonly string[];
}

/** Sentences about the routines that an installer left alone. */
export function leftAlone(report: InstallReport): string[] {
  const { drifted, pinned, canaries } = report;
  return [
    ...drifted.map((name) => `${name} was changed by hand and is kept as it is`),
    ...pinned.map(
      (name) =>
        `${name} was rolled back and stays so until its file is new, or: flashsale db release ${name} --reason TEXT`,
    ),
    ...canaries.map(
      (name) => `${name} has a canary and is kept as it is until: flashsale db canary stop`,
    ),
  ];
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
 * - `pinned`: rolled back; the database has had the version of the file
 * - `canary`: a canary takes some of its calls
 */
export type RoutineState = 'installed' | 'outdated' | 'drifted' | 'missing' | 'pinned' | 'canary';

interface Comparison {
  readonly state: RoutineState;
  /** Unified diff from the file to the database; empty when they are the same. */
  readonly diff: string;
}

/**
 * Compares a file with what was found in the database. If the hashes differ, the file is run, because only
 * the database can tell what definition a file results in. A new file that somebody ran with psql thus
 * counts as installed and not as drifted. A version that was made by hand is kept before.
 *
 * Afterwards the database has the routine of the file if `takes` says so of the state. Otherwise it has
 * what it had before.
 */
async function compare(
  session: Session,
  routine: Routine,
  found: Found,
  takes: (state: RoutineState) => boolean,
): Promise<Comparison> {
  if (found.has_canary) return { state: 'canary', diff: '' };
  const { now } = found;
  const untouched = now !== undefined && now.md5 === found.definition_md5;
  if (now !== undefined && now.md5 !== found.current_md5) {
    // The installer has no record of this version: it was made by hand, or by a release that kept no versions.
    await keepVersion(session, routine, now, {
      origin: untouched ? 'file' : 'hand',
      release: null,
    });
  }
  if (untouched && found.file_sha256 === routine.sha256) return { state: 'installed', diff: '' };
  await session.run('SAVEPOINT before_routine');
  const target = await apply(session, routine);
  // A version that this database has never had ends a rollback; a known one does not.
  const isRolledBack = found.pinned !== null && now?.md5 === found.current_md5;
  const isHeld = isRolledBack && !found.released && (await isKept(session, routine, target.md5));
  await record(session, routine, target.md5);
  if (now?.md5 !== target.md5) {
    await keepVersion(session, routine, target, { origin: 'file', release: RELEASE });
  }
  const state = (): RoutineState => {
    if (now === undefined) return 'missing';
    if (target.md5 === now.md5) return 'installed';
    if (isHeld) return 'pinned';
    return untouched || isRolledBack ? 'outdated' : 'drifted';
  };
  if (!takes(state())) await session.run('ROLLBACK TO SAVEPOINT before_routine');
  await session.run('RELEASE SAVEPOINT before_routine');
  const name = `${routine.schema}.${routine.name}`;
  const [file, database] = [`${name} (file)`, `${name} (database)`];
  const diff = now === undefined ? '' : unifiedDiff(target.text, now.text, file, database);
  return { state: state(), diff };
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
  const found = new Map<string, RoutineState>();
  const driftDiffs: Record<string, string> = {};
  const isLeft = (state: RoutineState) => (state === 'drifted' && !force) || state === 'pinned';
  await asInstaller(session, async () => {
    await installCurrencies(session);
    const before = await lookUp(session, routines);
    for (const [index, routine] of routines.entries()) {
      const name = `${routine.schema}.${routine.name}`;
      const known = before[index] as Found;
      const { state, diff } = await compare(session, routine, known, (one) => !isLeft(one));
      found.set(name, state === 'drifted' && force ? 'outdated' : state);
      if (found.get(name) === 'drifted') driftDiffs[name] = diff;
    }
  });
  const those = (...states: RoutineState[]) =>
    [...found].filter(([, state]) => states.includes(state)).map(([name]) => name);
  return {
    installed: those('missing', 'outdated'),
    unchanged: those('installed'),
    drifted: those('drifted'),
    driftDiffs,
    pinned: those('pinned'),
    canaries: those('canary'),
  };
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

/**
 * Compares every routine and view with its file. Changes no routine; a version that was made by hand is
 * kept.
 *
 * @throws {DatabaseError}
 */
export async function compareRoutines(session: Session): Promise<InstalledRoutine[]> {
  const compared: InstalledRoutine[] = [];
  const routines = await loadRoutines();
  await asInstaller(session, async () => {
    const before = await lookUp(session, routines);
    for (const [index, routine] of routines.entries()) {
      const { schema, name, file } = routine;
      const known = before[index] as Found;
      const comparison = await compare(session, routine, known, () => false);
      compared.push({
        ...{ schema, name, file, ...comparison },
        installedAt: known.installed_at ?? undefined,
        installedBy: known.installed_by ?? undefined,
      });
    }
  });
  return compared;
}

/**
 * Restores one routine or view from its file. A rollback of it ends.
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
  const { diff, state } = await asInstaller(session, async () =>
    compare(session, routine, await lookUpOne(session, routine), () => true),
  );
  if (state === 'canary') throw canaryRuns(schema, name);
  return diff;
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
