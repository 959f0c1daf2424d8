import type { DatabaseError } from './errors.ts';

/** What a pool is told, and what it can be asked; `pool.ts` makes it. */

export const ROLES = {
  owner: 'flashsale_owner',
  web: 'flashsale_web',
  worker: 'flashsale_worker',
  ops: 'flashsale_ops',
  readonly: 'flashsale_readonly',
} as const;
export type Role = keyof typeof ROLES;

/** As the driver types its rows. */
export interface AnyRow {
  // biome-ignore lint/suspicious/noExplicitAny: callers say what the columns are
  [column: string]: any;
}

export interface Statement {
  /** Prepared once a connection under this name. Use it for fixed texts only. */
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
  /** The role that every session takes; without it the rights of the login role. */
  readonly role?: Role;
  /** Connections at the most. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Queries that may wait for a connection; the next one fails at once as unavailable. */
  readonly waitingMax?: number;
  /** Longest wait for a connection: in the queue, or until a new one is made, its turn included. */
  readonly waitTimeoutMs?: number;
  /** Longest attempt to make one, from its turn on. */
  readonly connectTimeoutMs?: number;
  /** Connects under way at once: a server that starts sessions slowly is asked for few at a time. */
  readonly connectsMax?: number;
  /** Connections that are kept however idle, and that `fill` opens. */
  readonly min?: number;
  /** Makes a new session ready before it is handed out. One that fails is handed out as it is. */
  readonly warmUp?: (session: Queryable) => Promise<unknown>;
  readonly idleTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  /** Longest wait for one row or advisory lock. */
  readonly lockTimeoutMs?: number;
  readonly idleInTransactionTimeoutMs?: number;
  /** A connection is replaced after that, so that none keeps memory or an old route for ever. */
  readonly lifetimeSeconds?: number;
  /** Told of connections that broke while idle; the pool replaces them by itself. */
  readonly onError?: (error: DatabaseError) => void;
  /** Told once of a login that can leave the role again, by `RESET ROLE`, and be more. */
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
  /** Connections at the most. */
  readonly max: number;
  /** Asks the server over a new connection outside the pool. @throws {DatabaseError} */
  ping(): Promise<void>;
  /** Ends the connections that nobody uses: they may lead to a server that is gone. */
  discardIdle(): void;
  /** Opens connections up to `min`, so that none is made when work comes. Never rejects. */
  fill(): Promise<void>;
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

/** Fills both pools; of one that is not filled, its `onError` was told why. */
export async function fillBoth({ regular, hot }: Databases): Promise<void> {
  await Promise.all([...new Set([regular, hot])].map((pool) => pool.fill()));
}
