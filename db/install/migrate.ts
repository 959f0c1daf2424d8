import { fileURLToPath } from 'node:url';
import { migrate as applyMigrations } from 'postgres-migrations';
import { DatabaseError, toDatabaseError } from '../client/errors.ts';
import { openSession, type Session } from '../client/pool.ts';

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../migrations', import.meta.url));

/** A migration may build an index on a large table. */
const STATEMENT_TIMEOUT_MS = 600_000;
/** Short, because orders wait behind a migration that waits for a table lock. */
const LOCK_TIMEOUT_MS = 5_000;
/** Total limit, because postgres-migrations waits without limit for another migrating process. */
const MIGRATION_TIMEOUT_MS = 900_000;

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
