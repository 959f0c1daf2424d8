import type { DatabaseError } from './errors.ts';

/** Options and interface of a pool. `pool.ts` creates it. */

export const ROLES = {
  owner: 'flashsale_owner',
  web: 'flashsale_web',
  worker: 'flashsale_worker',
  ops: 'flashsale_ops',
  readonly: 'flashsale_readonly',
  console: 'flashsale_console',
  monitor: 'flashsale_monitor',
} as const;
export type Role = keyof typeof ROLES;

/** A row, as the driver types it. */
export interface AnyRow {
  // biome-ignore lint/suspicious/noExplicitAny: callers say what the columns are
  [column: string]: any;
}

export interface Statement {
  /** Prepared once per connection under this name. Use it only for fixed texts. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

export interface Queryable {
  /** @throws {DatabaseError} */
  query<Row extends AnyRow>(statement: Statement): Promise<Row[]>;
}

export interface PoolOptions {
  readonly url: string;
  /** The role that every session sets; without it a session has the rights of its login. */
  readonly role?: Role;
  /**
   * Uses no session of a database that was set back and is not accepted yet. Such a home counts as away. For
   * all processes of the shop; commands see every home.
   */
  readonly onlyAccepted?: boolean;
  /** Maximum connections. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Maximum queries that wait for a connection; a further one fails at once as `unavailable`. */
  readonly waitingMax?: number;
  /** Maximum wait for a connection: in the queue, or for a new one, including the wait for its turn. */
  readonly waitTimeoutMs?: number;
  /** Maximum time to connect, without the wait for its turn. */
  readonly connectTimeoutMs?: number;
  /** Maximum concurrent connects. A server may start sessions slowly, so few are asked for at once. */
  readonly connectsMax?: number;
  /** Connections that stay open even if idle, and that `fill` opens. */
  readonly min?: number;
  /**
   * Prepares a new session before its first use. If it fails, the session is used unprepared. Sessions that are prepared
   * look everything up by indexes, because they plan their statements while the tables may be empty.
   */
  readonly warmUp?: (session: Queryable) => Promise<unknown>;
  readonly idleTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  /** Maximum wait for one row lock or advisory lock. */
  readonly lockTimeoutMs?: number;
  readonly idleInTransactionTimeoutMs?: number;
  /** A connection is replaced after this time, so that none keeps memory or an old route for ever. */
  readonly lifetimeSeconds?: number;
  /** Called when a connection breaks, which the pool replaces, and when a warm-up or `fill` fails. */
  readonly onError?: (error: DatabaseError) => void;
  /** Called once if the login has more rights than its role; a session gets them by `RESET ROLE`. */
  readonly onPowerfulLogin?: (login: string) => void;
}

export const POOL_DEFAULTS = {
  waitingMax: 1_000,
  waitTimeoutMs: 6_000,
  connectTimeoutMs: 3_000,
  connectsMax: 4,
  min: 0,
  idleTimeoutMs: 60_000,
  statementTimeoutMs: 5_000,
  lockTimeoutMs: 2_000,
  idleInTransactionTimeoutMs: 5_000,
  lifetimeSeconds: 3_600,
} as const;

export interface Pool extends Queryable {
  /** Maximum connections. */
  readonly max: number;
  /** Connections that stay open even if idle. */
  readonly min: number;
  /** Calls `work` with one connection of the pool, for statements that belong to one server. */
  session<T>(work: (session: Queryable) => Promise<T>): Promise<T>;
  /**
   * Calls `work` while one connection of the pool holds the advisory lock `key` of its session. `work`
   * needs a further connection. So this does not wait for the lock: callers would hold all connections.
   *
   * @throws {DatabaseError} 55P03 when another session has the lock; `patiently` calls again
   */
  locked<T>(key: number, work: () => Promise<T>): Promise<T>;
  /** Queries the server over a new connection outside the pool. @throws {DatabaseError} */
  ping(): Promise<void>;
  /** Closes the idle connections, because they may lead to a server that is gone. */
  discardIdle(): void;
  /** Opens `min` connections, so that the first queries need not wait for one. Never rejects. */
  fill(): Promise<void>;
  /** Open connections, idle connections, and queries that wait for a connection. */
  figures(): { readonly open: number; readonly idle: number; readonly waiting: number };
  /** Milliseconds since the last query that succeeded, or since the pool was created. */
  silentMs(): number;
  /** Closes all connections after their current queries. */
  close(): Promise<void>;
}
