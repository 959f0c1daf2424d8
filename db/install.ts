import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { SCHEMAS } from '../contracts/names.ts';
import { DatabaseError } from './errors.ts';
import { openSession, type Session } from './pool.ts';

/**
 * Installs the routines and views of db/procedures and db/views, in one transaction. One that a DBA
 * has changed by hand since it was installed is reported and left alone.
 */

const FOLDERS = [new URL('./procedures/', import.meta.url), new URL('./views/', import.meta.url)];

const STATEMENT_TIMEOUT_MS = 60_000;
const LOCK_TIMEOUT_MS = 10_000;
/** Key of the advisory lock, so that two installers do not race. */
const INSTALLER_LOCK = 7_300_101;

export interface InstallOptions {
  /** Overwrites routines that were changed by hand. */
  readonly force?: boolean;
}

export interface InstallReport {
  /** `schema.name` of each; an installed one is new, or its file has changed. */
  readonly installed: readonly string[];
  readonly unchanged: readonly string[];
  /** Changed by hand in the database: not overwritten. */
  readonly drifted: readonly string[];
}

export interface Routine {
  readonly schema: string;
  readonly name: string;
  /** Path of its file. */
  readonly file: string;
  /** As psql would send it. */
  readonly sql: string;
  readonly sha256: string;
}

interface Recorded {
  readonly file_sha256: string;
  readonly definition_md5: string;
}

/** What psql does with `-v schema=…` in these files. */
function forSchema(sql: string, schema: string): string {
  return sql.replaceAll(/(?<!:):schema\b/g, schema).replaceAll(/(?<!:):'schema'/g, `'${schema}'`);
}

/** Every routine and view, once for each schema that it belongs to. */
export async function loadRoutines(): Promise<Routine[]> {
  const routines: Routine[] = [];
  for (const folder of FOLDERS) {
    const entries = (await readdir(folder)).filter((entry) => entry.endsWith('.sql')).sort();
    for (const entry of entries) {
      const file = fileURLToPath(new URL(entry, folder));
      const text = await readFile(file, 'utf8');
      const name = entry.slice(0, -'.sql'.length);
      const schemas = /(?<!:):schema\b/.test(text) ? SCHEMAS : ['catalog'];
      for (const schema of schemas) {
        const sql = forSchema(text, schema);
        const sha256 = createHash('sha256').update(sql).digest('hex');
        routines.push({ schema, name, file, sql, sha256 });
      }
    }
  }
  return routines;
}

/** Hash of what the database has under that name now; undefined if it has nothing. */
async function definition(session: Session, routine: Routine): Promise<string | undefined> {
  const [row] = await session.query<{ hash: string | null }>({
    text: `
      SELECT md5(string_agg(d.definition, '' ORDER BY d.definition)) AS hash FROM (
        SELECT pg_get_functiondef(p.oid) AS definition
        FROM pg_proc p WHERE p.pronamespace = $1::regnamespace AND p.proname = $2
        UNION ALL
        SELECT pg_get_viewdef(c.oid)
        FROM pg_class c
        WHERE c.relnamespace = $1::regnamespace AND c.relname = $2 AND c.relkind = 'v') d`,
    values: [routine.schema, routine.name],
  });
  return row?.hash ?? undefined;
}

async function recorded(session: Session, routine: Routine): Promise<Recorded | undefined> {
  const [row] = await session.query<Recorded & Record<string, string>>({
    text: `SELECT file_sha256, definition_md5 FROM catalog.routine
           WHERE schema = $1 AND name = $2`,
    values: [routine.schema, routine.name],
  });
  return row;
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

/** Runs the file and says what the database has then. */
async function apply(session: Session, routine: Routine): Promise<string> {
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

type Result = keyof InstallReport;

async function installOne(session: Session, routine: Routine, force: boolean): Promise<Result> {
  const now = await definition(session, routine);
  const before = await recorded(session, routine);
  const untouched = now !== undefined && now === before?.definition_md5;
  if (untouched && before?.file_sha256 === routine.sha256) return 'unchanged';

  // The file is run in any case, since only the database can say what it makes of it: who ran the
  // new file with psql has changed nothing that the installer would not have changed.
  await session.run('SAVEPOINT before_routine');
  const target = await apply(session, routine);
  if (now !== undefined && !untouched && target !== now && !force) {
    await session.run('ROLLBACK TO SAVEPOINT before_routine');
    return 'drifted';
  }
  await record(session, routine, target);
  return target === now ? 'unchanged' : 'installed';
}

/**
 * Installs what is new or changed, all or nothing. The session must be able to act as
 * flashsale_owner.
 *
 * @throws {DatabaseError} naming the routine whose file PostgreSQL refused
 */
export async function installRoutines(
  session: Session,
  { force = false }: InstallOptions = {},
): Promise<InstallReport> {
  const routines = await loadRoutines();
  const report = { installed: [] as string[], unchanged: [] as string[], drifted: [] as string[] };
  await session.transaction(async () => {
    await session.run(`SELECT pg_advisory_xact_lock(${INSTALLER_LOCK})`);
    await session.run('SET LOCAL ROLE flashsale_owner');
    // Views are shown with or without schema names according to it: always the same way.
    await session.run('SET LOCAL search_path = pg_catalog, pg_temp');
    // The order of files is the alphabet's; a routine may name one that comes later.
    await session.run('SET LOCAL check_function_bodies = off');
    for (const routine of routines) {
      const result = await installOne(session, routine, force);
      report[result].push(`${routine.schema}.${routine.name}`);
    }
  });
  return report;
}

/** @throws {DatabaseError} */
export async function install(url: string, options: InstallOptions = {}): Promise<InstallReport> {
  const session = await openSession(url, {
    applicationName: 'flashsale install',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
  });
  try {
    return await installRoutines(session, options);
  } finally {
    await session.close().catch(() => {});
  }
}
