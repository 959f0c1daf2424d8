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

/** The only file that imports the driver. */

export * from './pool-types.ts';

/** For each of the two steps of a ping. */
const PING_TIMEOUT_MS = 1_000;
/** A server that went silent is given up so long after its own statement timeout. */
const READ_TIMEOUT_MARGIN_MS = 2_000;
const KEEP_ALIVE_INITIAL_DELAY_MS = 10_000;

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

/** As the driver types it, and as the pool reads it. */
type Connected = (error: never, client: never) => void;

/**
 * A client that waits for its turn to connect: the time of an attempt counts from then on. The pool gives
 * one up by destroying its stream.
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
      // A connection that breaks while a query runs says so twice: to the query and as an event. The pool
      // listens too late for a server that ends the session in the packet that says it is ready.
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

/** The driver's word for an answer that did not come. */
function isReadTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.message === 'Query read timeout';
}

/** Over a connection of its own. @throws {DatabaseError} */
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
    Client: clientInTurn(limits.connectsMax, limits.connectTimeoutMs, onError),
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
        // Not even its statement timeout came: the idle connections may lead nowhere as well.
        if (isReadTimeout(error)) discardIdle();
        throw error;
      }
    },
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
        // If the connection is gone, so is the transaction.
        await run('ROLLBACK').catch(() => {});
        throw error;
      }
    },
    close: () => client.end(),
  };
}
