import { fileURLToPath } from 'node:url';
import { migrate as applyMigrations, loadMigrationFiles } from 'postgres-migrations';
import { DatabaseError, toDatabaseError } from '../client/errors.ts';
import { openSession, type Queryable, type Session } from '../client/pool.ts';

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../migrations', import.meta.url));

/** A migration may build an index on a large table. */
const STATEMENT_TIMEOUT_MS = 600_000;
/** Short, because orders wait behind a migration that waits for a table lock. */
const LOCK_TIMEOUT_MS = 5_000;
/** Total limit, because postgres-migrations waits without limit for another migrating process. */
const MIGRATION_TIMEOUT_MS = 900_000;

/** Key of an advisory lock. */
const GRANT_LOCK = 7_300_104;
const MAY_NOT = '42501';

export interface MigrationReport {
  /** Names of the migrations applied by this call. */
  readonly applied: readonly string[];
}

/** Keeps the first error with its SQLSTATE, because postgres-migrations keeps only the message. */
function rememberFailure(session: Session) {
  let failure: unknown;
  const client = new Proxy(session.client, {
    get(target, property) {
      if (property !== 'query') return Reflect.get(target, property, target);
      return async (text: string) => {
        try {
          return await target.query(text);
        } catch (error) {
          failure ??= error;
          throw error;
        }
      };
    },
  });
  return { client, failure: () => failure };
}

/**
 * Lets readers see which migrations were applied. The table is of postgres-migrations, so no migration can do it: a
 * database without any has no such table when the first one runs.
 */
async function showMigrations(session: Session): Promise<void> {
  try {
    await session.transaction(async () => {
      // Two grants at a time would fail.
      await session.run(`SELECT pg_advisory_xact_lock(${GRANT_LOCK})`);
      const [row] = await session.query<{ is: boolean }>({
        text: `SELECT has_table_privilege('flashsale_readonly', 'public.migrations', 'SELECT') AS is`,
      });
      if (row?.is) return;
      await session.run('GRANT SELECT ON public.migrations TO flashsale_readonly');
    });
  } catch (error) {
    // Another login made the table. Then the doctor does not know whether all were applied.
    if (!(error instanceof DatabaseError) || error.sqlstate !== MAY_NOT) throw error;
  }
}

/**
 * Applies the missing migrations. Safe to call from several processes at once.
 *
 * @throws {DatabaseError}
 */
export async function migrate(url: string): Promise<MigrationReport> {
  const session = await openSession(url, {
    applicationName: 'flashsale migrate',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
  });
  const deadline = setTimeout(() => void session.close(), MIGRATION_TIMEOUT_MS);
  const observed = rememberFailure(session);
  try {
    // postgres-migrations names its table without a schema; a fixed search_path finds the same one.
    await session.run('SET search_path = public');
    const applied = await applyMigrations({ client: observed.client }, MIGRATIONS_FOLDER);
    await showMigrations(session);
    return { applied: applied.map(({ name }) => name) };
  } catch (error) {
    if (observed.failure() === undefined) {
      // The database is not the cause: a migration file was edited after it had been applied, or the
      // files are not consecutive.
      const message = error instanceof Error ? error.message : String(error);
      throw new DatabaseError('refused', message, undefined, error);
    }
    const { kind, sqlstate } = toDatabaseError(observed.failure());
    throw new DatabaseError(kind, (error as Error).message, sqlstate, error);
  } finally {
    clearTimeout(deadline);
    await session.close().catch(() => {});
  }
}

export interface MigrationState {
  /** Names of files that the database does not have. */
  readonly missing: readonly string[];
  /** Names of files whose text is not what the database has applied. */
  readonly changed: readonly string[];
  /** Names of migrations that the database has and no file: another release made them. */
  readonly unknown: readonly string[];
}

/**
 * Compares the files with what the database has. Changes nothing.
 *
 * @throws {DatabaseError}
 */
export async function migrationState(session: Queryable): Promise<MigrationState> {
  const files = await loadMigrationFiles(MIGRATIONS_FOLDER);
  const rows = await session.query<{ id: number; name: string; hash: string }>({
    text: 'SELECT id, name, hash FROM public.migrations ORDER BY id',
  });
  const applied = new Map(rows.map((row) => [row.id, row]));
  const known = new Set(files.map(({ id }) => id));
  return {
    missing: files.filter(({ id }) => !applied.has(id)).map(({ fileName }) => fileName),
    changed: files
      .filter(({ id, hash }) => applied.has(id) && applied.get(id)?.hash !== hash)
      .map(({ fileName }) => fileName),
    unknown: rows.filter(({ id }) => !known.has(id)).map(({ name }) => name),
  };
}
