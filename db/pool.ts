import { Client, Pool as PgPool, type QueryResultRow } from 'pg';
import { DatabaseError, toDatabaseError } from './errors.ts';

/** The only file that imports the driver. */

export const ROLES = {
  owner: 'flashsale_owner',
  web: 'flashsale_web',
  worker: 'flashsale_worker',
  ops: 'flashsale_ops',
  readonly: 'flashsale_readonly',
} as const;
export type Role = keyof typeof ROLES;

export interface Statement {
  /** Prepared once a connection under this name. Use it for fixed texts only. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

export interface Queryable {
  /** @throws {DatabaseError} */
  query<Row extends QueryResultRow>(statement: Statement): Promise<Row[]>;
}

export interface PoolOptions {
  readonly url: string;
  /** The role that every session takes; without it the rights of the login role. */
  readonly role?: Role;
  /** Connections at the most. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Queries that may wait for a connection; the next one fails at once as unavailable. */
  readonly waitingMax?: number;
  readonly connectTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  /** Longest wait for one row or advisory lock. */
  readonly lockTimeoutMs?: number;
  readonly idleInTransactionTimeoutMs?: number;
  /** A connection is replaced after that, so that none keeps memory or an old route for ever. */
  readonly lifetimeSeconds?: number;
  /** Told of connections that broke while idle; the pool replaces them by itself. */
  readonly onError?: (error: DatabaseError) => void;
}

const POOL_DEFAULTS = {
  waitingMax: 1_000,
  connectTimeoutMs: 3_000,
  idleTimeoutMs: 60_000,
  statementTimeoutMs: 5_000,
  lockTimeoutMs: 2_000,
  idleInTransactionTimeoutMs: 5_000,
  lifetimeSeconds: 3_600,
} as const;

/** A server that went silent is given up so long after its own statement timeout. */
const READ_TIMEOUT_MARGIN_MS = 2_000;
const KEEP_ALIVE_INITIAL_DELAY_MS = 10_000;

export interface Pool extends Queryable {
  /** Connections open, idle, and queries waiting for one. */
  figures(): { readonly open: number; readonly idle: number; readonly waiting: number };
  /** Time since the server last answered a query with success, or since the pool was made. */
  silentMs(): number;
  /** Ends all connections, after the queries that run. */
  close(): Promise<void>;
}

/** Which pool holds which schema; the same one twice unless hot SKUs have a server of their own. */
export interface Databases {
  readonly regular: Pool;
  readonly hot: Pool;
}

function sessionOptions(url: string, role: Role | undefined) {
  const parsed = new URL(url);
  // place_orders relies on a fresh snapshot for each statement, whatever the server's default is.
  const settings = ['-c default_transaction_isolation=read\\ committed'];
  if (role !== undefined) settings.push(`-c role=${ROLES[role]}`);
  const own = parsed.searchParams.get('options');
  if (own !== null) settings.unshift(own);
  // The driver lets the URL win over its options, so ours go into the URL.
  parsed.searchParams.set('options', settings.join(' '));
  // A "+" for a space is the web's habit: the driver would take it literally.
  parsed.search = parsed.search.replaceAll('+', '%20');
  return parsed.toString();
}

/** Connections are made when they are needed: a pool can be created while the server is down. */
export function createPool(options: PoolOptions): Pool {
  const limits = { ...POOL_DEFAULTS, ...options };
  const onError = (error: unknown) => limits.onError?.(toDatabaseError(error));
  const pool = new PgPool({
    connectionString: sessionOptions(limits.url, limits.role),
    application_name: limits.applicationName,
    max: limits.max,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    idleTimeoutMillis: limits.idleTimeoutMs,
    maxLifetimeSeconds: limits.lifetimeSeconds,
    statement_timeout: limits.statementTimeoutMs,
    lock_timeout: limits.lockTimeoutMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs,
    query_timeout: limits.statementTimeoutMs + READ_TIMEOUT_MARGIN_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_INITIAL_DELAY_MS,
  });
  let answeredAtMs = performance.now();
  pool.on('error', onError);
  // A connection that breaks while a query runs says so twice: to the query and as an event.
  pool.on('connect', (client) => {
    client.on('error', onError);
  });

  return {
    async query<Row extends QueryResultRow>({ name, text, values = [] }: Statement) {
      if (pool.waitingCount >= limits.waitingMax) {
        throw new DatabaseError(
          'unavailable',
          `${pool.waitingCount} queries wait for a connection`,
        );
      }
      try {
        // pool.query does not reuse a connection that failed or timed out.
        const result = await pool.query<Row>({
          text,
          values: [...values],
          ...(name !== undefined && { name }),
        });
        answeredAtMs = performance.now();
        return result.rows;
      } catch (error) {
        throw toDatabaseError(error);
      }
    },
    silentMs: () => performance.now() - answeredAtMs,
    figures: () => ({
      open: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    close: () => pool.end(),
  };
}

export interface SessionOptions {
  readonly applicationName: string;
  readonly role?: Role;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

/** One connection that stays the same, for what needs transactions: migrations, the installer. */
export interface Session extends Queryable {
  /** Several statements without values in one text, as a file has them. */
  run(sql: string): Promise<void>;
  /** Commits what `work` did, or rolls it back when it throws. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** The driver's own client, for libraries that take one. */
  readonly client: Client;
  close(): Promise<void>;
}

/** @throws {DatabaseError} */
export async function openSession(url: string, options: SessionOptions): Promise<Session> {
  const client = new Client({
    connectionString: sessionOptions(url, options.role),
    application_name: options.applicationName,
    connectionTimeoutMillis: POOL_DEFAULTS.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_INITIAL_DELAY_MS,
  });
  // The query that runs gets the error too; without a listener it would end the process.
  client.on('error', () => {});
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
    query<Row extends QueryResultRow>({ text, values = [] }: Statement) {
      return attempt(async () => (await client.query<Row>(text, [...values])).rows);
    },
    async transaction(work) {
      await run('BEGIN');
      try {
        const result = await work();
        await run('COMMIT');
        return result;
      } catch (error) {
        // If the connection is gone, so is the transaction.
        await run('ROLLBACK').catch(() => {});
        throw error;
      }
    },
    close: () => client.end(),
  };
}
