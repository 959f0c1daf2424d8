import { once } from 'node:events';
import { bulkhead } from 'cockatiel';
import {
  Client,
  type ClientBase,
  type ClientConfig,
  Pool as PgPool,
  type QueryResultRow,
} from 'pg';
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

const POOL_DEFAULTS = {
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

/** For each of the two steps of a ping. */
const PING_TIMEOUT_MS = 1_000;
/** A server that went silent is given up so long after its own statement timeout. */
const READ_TIMEOUT_MARGIN_MS = 2_000;
const KEEP_ALIVE_INITIAL_DELAY_MS = 10_000;

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

async function ask<Row extends QueryResultRow>(
  asked: PgPool | ClientBase,
  { name, text, values = [] }: Statement,
): Promise<Row[]> {
  try {
    const config = { text, values: [...values], ...(name !== undefined && { name }) };
    return (await asked.query<Row>(config)).rows;
  } catch (error) {
    throw toDatabaseError(error);
  }
}

/** As the driver types it, and as the pool reads it. */
type Connected = (error: never, client: never) => void;

/**
 * A client that waits for its turn to connect: the time of an attempt counts from then on. The pool gives
 * one up by destroying its stream.
 */
function clientInTurn(connectsMax: number, connectTimeoutMs: number): typeof Client {
  const turns = bulkhead(connectsMax, Number.POSITIVE_INFINITY);
  class ClientInTurn extends Client {
    constructor(config?: ClientConfig) {
      super({ ...config, connectionTimeoutMillis: connectTimeoutMs });
    }

    override connect(): Promise<Client>;
    override connect(done: Connected): void;
    override async connect(done?: Connected): Promise<Client> {
      const { stream } = this.connection;
      const givenUp = once(stream, 'close').then(() => {
        throw new Error('timeout exceeded when trying to connect');
      });
      const connected = turns.execute(async () => {
        if (!stream.destroyed) await super.connect();
      });
      const outcome = Promise.race([connected, givenUp]);
      if (done === undefined) await outcome;
      else
        outcome.then(
          () => done(null as never, this as never),
          (error) => done(error as never, this as never),
        );
      return this;
    }
  }
  return ClientInTurn;
}

const POWERFUL_LOGIN = `
  SELECT rolname FROM pg_roles
  WHERE rolname = session_user
    AND (rolsuper OR rolcreaterole OR pg_has_role(rolname, '${ROLES.owner}', 'MEMBER'))`;

/** The driver's word for an answer that did not come. */
function isReadTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.message === 'Query read timeout';
}

/** Connections are made when they are needed: a pool can be created while the server is down. */
export function createPool(options: PoolOptions): Pool {
  const limits = { ...POOL_DEFAULTS, ...options };
  const onError = (error: unknown) => limits.onError?.(toDatabaseError(error));
  let isLoginKnown = limits.onPowerfulLogin === undefined;
  const connectionString = sessionOptions(limits.url, limits.role);
  const pool = new PgPool({
    connectionString,
    async onConnect(client) {
      if (!isLoginKnown) {
        isLoginKnown = true;
        const { rows } = await client.query<{ rolname: string }>(POWERFUL_LOGIN);
        for (const { rolname } of rows) limits.onPowerfulLogin?.(rolname);
      }
      await limits.warmUp?.({ query: (statement) => ask(client, statement) }).catch(onError);
    },
    application_name: limits.applicationName,
    Client: clientInTurn(limits.connectsMax, limits.connectTimeoutMs),
    max: limits.max,
    min: limits.min,
    // The pool's own: for the wait in its queue, and until a new client says that it is connected.
    connectionTimeoutMillis: limits.waitTimeoutMs,
    idleTimeoutMillis: limits.idleTimeoutMs,
    maxLifetimeSeconds: limits.lifetimeSeconds,
    statement_timeout: limits.statementTimeoutMs,
    lock_timeout: limits.lockTimeoutMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs,
    query_timeout: limits.statementTimeoutMs + READ_TIMEOUT_MARGIN_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_INITIAL_DELAY_MS,
  });
  const discardIdle = () => {
    for (let idle = pool.idleCount; idle > 0; idle -= 1) {
      pool.connect().then((client) => {
        client.release(true);
        // Not after the server's good-bye, which may never come.
        client.connection.stream.destroy();
      }, onError);
    }
  };
  let answeredAtMs = performance.now();
  pool.on('error', onError);
  // A connection that breaks while a query runs says so twice: to the query and as an event.
  pool.on('connect', (client) => {
    client.on('error', onError);
  });

  return {
    async fill() {
      const connects = Array.from({ length: limits.min }, () => pool.connect());
      for (const made of await Promise.allSettled(connects)) {
        if (made.status === 'fulfilled') made.value.release();
        else onError(made.reason);
      }
    },
    async query<Row extends QueryResultRow>(statement: Statement) {
      if (pool.waitingCount >= limits.waitingMax) {
        throw new DatabaseError(
          'unavailable',
          `${pool.waitingCount} queries wait for a connection`,
        );
      }
      // pool.query does not reuse a connection that failed or timed out.
      try {
        const rows = await ask<Row>(pool, statement);
        answeredAtMs = performance.now();
        return rows;
      } catch (error) {
        // Not even its statement timeout came: the idle connections may lead nowhere as well.
        if (isReadTimeout(error)) discardIdle();
        throw error;
      }
    },
    max: limits.max,
    discardIdle,
    async ping() {
      const client = new Client({
        connectionString,
        application_name: limits.applicationName,
        connectionTimeoutMillis: PING_TIMEOUT_MS,
        query_timeout: PING_TIMEOUT_MS,
      });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.query('SELECT');
      } catch (error) {
        throw toDatabaseError(error);
      } finally {
        client.end().catch(() => {});
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
