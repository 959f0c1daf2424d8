import { type Client, KEEP_ALIVE, sessionsOf } from './driver.ts';
import { toDatabaseError } from './errors.ts';
import type { AnyRow, Queryable, Role, Statement } from './pool-types.ts';

/** Single sessions, outside any pool. */

/** A command or an installation waits for a server that is slow. A pool has a shorter limit, because shoppers wait behind it. */
const CONNECT_TIMEOUT_MS = 60_000;

export interface SessionOptions {
  readonly applicationName: string;
  readonly role?: Role;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  /** A minute without it. */
  readonly connectTimeoutMs?: number;
}

/** One connection, for work that needs transactions: migrations and the installer. */
export interface Session extends Queryable {
  /** Runs a text with one or more statements without parameters. @throws {DatabaseError} */
  run(sql: string): Promise<void>;
  /** Runs `work` in a transaction: commits it, or rolls it back if `work` throws. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** The driver's client, for libraries that need one. */
  readonly client: Client;
  close(): Promise<void>;
}

/** Opens a connection outside any pool. @throws {DatabaseError} */
export async function openSession(url: string, options: SessionOptions): Promise<Session> {
  const { connectionString, Client } = sessionsOf({
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    ...options,
    url,
  });
  const client = new Client({
    connectionString,
    application_name: options.applicationName,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    ...KEEP_ALIVE,
  });
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toDatabaseError(error);
    }
  };
  await attempt(() => client.connect());

  const run = (sql: string) =>
    attempt(async () => {
      await client.query(sql);
    });
  return {
    client,
    run,
    query<Row extends AnyRow>({ text, values = [] }: Statement) {
      return attempt(async () => (await client.query<Row>(text, [...values])).rows);
    },
    async transaction(work) {
      await run('BEGIN');
      try {
        const result = await work();
        await run('COMMIT');
        return result;
      } catch (error) {
        // A failed rollback needs no handling: the transaction ends with the connection.
        await run('ROLLBACK').catch(() => {});
        throw error;
      }
    },
    close: () => client.end(),
  };
}
