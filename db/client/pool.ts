import { once } from 'node:events';
import { bulkhead } from 'cockatiel';
import { Client, type ClientBase, type ClientConfig, Pool as PgPool } from 'pg';
import { DatabaseError, toDatabaseError } from './errors.ts';
import {
  type AnyRow,
  POOL_DEFAULTS,
  type Pool,
  type PoolOptions,
  type Queryable,
  ROLES,
  type Role,
  type Statement,
} from './pool-types.ts';

/** Connections to PostgreSQL. The only file that imports the driver. */

export { Databases } from './databases.ts';
export * from './pool-types.ts';

/** For each step of a ping: the connect and the query. */
const PING_TIMEOUT_MS = 1_000;
/** Added to the statement timeout: a query without an answer by then fails on this side. */
const READ_TIMEOUT_MARGIN_MS = 2_000;
const KEEP_ALIVE_INITIAL_DELAY_MS = 10_000;

function sessionOptions(url: string, role: Role | undefined) {
  const parsed = new URL(url);
  // place_orders needs a new snapshot for each statement, whatever the server's default is.
  const settings = ['-c default_transaction_isolation=read\\ committed'];
  if (role !== undefined) settings.push(`-c role=${ROLES[role]}`);
  const own = parsed.searchParams.get('options');
  if (own !== null) settings.unshift(own);
  // In the driver, the URL takes precedence over the options, so the settings go into the URL.
  parsed.searchParams.set('options', settings.join(' '));
  // URLSearchParams writes a space as "+", which the driver would take literally.
  parsed.search = parsed.search.replaceAll('+', '%20');
  return parsed.toString();
}

async function ask<Row extends AnyRow>(
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

/** The callback of `connect`, in a type that fits both the driver and its pool. */
type Connected = (error: never, client: never) => void;

/**
 * Returns a client class whose clients wait for their turn to connect. The connect timeout starts with
 * the turn. The pool gives a client up by destroying its stream.
 */
function clientInTurn(
  connectsMax: number,
  connectTimeoutMs: number,
  onError: (error: unknown) => void,
): typeof Client {
  const turns = bulkhead(connectsMax, Number.POSITIVE_INFINITY);
  class ClientInTurn extends Client {
    constructor(config?: ClientConfig) {
      super({ ...config, connectionTimeoutMillis: connectTimeoutMs });
      // A connection that breaks during a query reports the error to the query and as an event. Without
      // a listener the event would end the process. The pool's own listener comes too late if the
      // server ends the session in the same packet that reports it as ready.
      this.on('error', onError);
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

/** Whether no answer came at all; recognised by the driver's message. */
function isReadTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.message === 'Query read timeout';
}

/** Queries the server over a new connection. @throws {DatabaseError} */
async function pingServer(connectionString: string, applicationName: string): Promise<void> {
  const client = new Client({
    connectionString,
    application_name: applicationName,
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
}

async function underLock<T>(pool: PgPool, key: number, work: () => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error) => {
    throw toDatabaseError(error);
  });
  const call = async (name: string) => {
    const text = `SELECT ${name}($1) AS is`;
    const [row] = await ask<{ is: boolean }>(client, { text, values: [key] });
    return row?.is === true;
  };
  // The lock ends with the session, also if it is not known whether it was given back.
  let isReusable = false;
  try {
    if (!(await call('pg_try_advisory_lock'))) {
      isReusable = true;
      throw new DatabaseError('retry', 'another session has the lock', '55P03');
    }
    const result = await work();
    isReusable = await call('pg_advisory_unlock');
    return result;
  } finally {
    client.release(!isReusable);
  }
}

/** Creates a pool. It connects when it is used, so it can be created while the server is down. */
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
    Client: clientInTurn(limits.connectsMax, limits.connectTimeoutMs, onError),
    max: limits.max,
    min: limits.min,
    // The pool's own timeout, for the wait in its queue or until a new client is connected.
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
        // At once, because an answer of the server to the end of the session may never come.
        client.connection.stream.destroy();
      }, onError);
    }
  };
  let answeredAtMs = performance.now();
  pool.on('error', onError);

  return {
    async fill() {
      const connects = Array.from({ length: limits.min }, () => pool.connect());
      for (const made of await Promise.allSettled(connects)) {
        if (made.status === 'fulfilled') made.value.release();
        else onError(made.reason);
      }
    },
    async query<Row extends AnyRow>(statement: Statement) {
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
        // Even the server's statement timeout gave no answer, so the idle connections may be dead too.
        if (isReadTimeout(error)) discardIdle();
        throw error;
      }
    },
    locked: (key, work) => underLock(pool, key, work),
    max: limits.max,
    discardIdle,
    ping: () => pingServer(connectionString, limits.applicationName),
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
  const client = new Client({
    connectionString: sessionOptions(url, options.role),
    application_name: options.applicationName,
    connectionTimeoutMillis: POOL_DEFAULTS.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_INITIAL_DELAY_MS,
  });
  // The current query gets the error too. Without a listener the event would end the process.
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
