import { ask, DriverPool, KEEP_ALIVE, sessionsOf } from './driver.ts';
import { DatabaseError, toDatabaseError } from './errors.ts';
import type { Hosts } from './hosts.ts';
import type { Queryable, Statement } from './pool-types.ts';
import { type AnyRow, POOL_DEFAULTS, type Pool, type PoolOptions, ROLES } from './pool-types.ts';

/** Pools of sessions of PostgreSQL. */

export { Databases } from './databases.ts';
export * from './pool-types.ts';
export { openSession, type Session } from './session.ts';

/** Added to the statement timeout: a query without an answer by then fails on this side. */
const READ_TIMEOUT_MARGIN_MS = 2_000;
/**
 * With several hosts: if queries are under way and none was answered for this long, the primary is looked
 * for, and so again after each further wait.
 */
const SILENCE_MS = 1_000;

const POWERFUL_LOGIN = `
  SELECT rolname FROM pg_roles
  WHERE rolname = session_user
    AND (rolsuper OR rolcreaterole OR pg_has_role(rolname, '${ROLES.owner}', 'MEMBER'))`;

/** Whether no answer came at all; recognised by the driver's message. */
function isReadTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.message === 'Query read timeout';
}

function isReadOnly(error: unknown): boolean {
  return error instanceof DatabaseError && error.sqlstate === '25006';
}

/** A connection whose work failed is not used again. */
async function withSession<T>(
  pool: DriverPool,
  work: (session: Queryable) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error) => {
    throw toDatabaseError(error);
  });
  let isReusable = false;
  try {
    const result = await work({ query: (statement) => ask(client, statement) });
    isReusable = true;
    return result;
  } finally {
    client.release(!isReusable);
  }
}

async function underLock<T>(pool: DriverPool, key: number, work: () => Promise<T>): Promise<T> {
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

/** The calls of a pool that use one of its connections. */
function ofOneConnection(pool: DriverPool): Pick<Pool, 'session' | 'locked'> {
  return {
    session: (work) => withSession(pool, work),
    locked: (key, work) => underLock(pool, key, work),
  };
}

/** Looks for the server that takes writes while one of several hosts leaves queries unanswered. */
function lookOut(
  pool: DriverPool,
  hosts: Hosts,
  silentMs: () => number,
  onError: (error: unknown) => void,
): NodeJS.Timeout | undefined {
  if (!hosts.areSeveral) return undefined;
  const look = () => {
    const isBusy = pool.totalCount > pool.idleCount || pool.waitingCount > 0;
    if (isBusy && silentMs() > SILENCE_MS) hosts.search().catch(onError);
  };
  return setInterval(look, SILENCE_MS).unref();
}

/** Creates a pool. It connects when it is used, so it can be created while the server is down. */
export function createPool(options: PoolOptions): Pool {
  const limits = { ...POOL_DEFAULTS, ...options };
  const size = { max: limits.max, min: limits.min };
  const onError = (error: unknown) => limits.onError?.(toDatabaseError(error));
  const { connectionString, Client, hosts, ping } = sessionsOf({ ...limits, onError });
  let isLoginKnown = limits.onPowerfulLogin === undefined;
  const pool = new DriverPool({
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
    Client,
    ...size,
    // The pool's own timeout, for the wait in its queue or until a new client is connected.
    connectionTimeoutMillis: limits.waitTimeoutMs,
    idleTimeoutMillis: limits.idleTimeoutMs,
    maxLifetimeSeconds: limits.lifetimeSeconds,
    statement_timeout: limits.statementTimeoutMs,
    lock_timeout: limits.lockTimeoutMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs,
    query_timeout: limits.statementTimeoutMs + READ_TIMEOUT_MARGIN_MS,
    ...KEEP_ALIVE,
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
  const lookout = lookOut(pool, hosts, () => performance.now() - answeredAtMs, onError);

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
        // A server that takes no writes has become a standby, also for them.
        if (isReadTimeout(error) || isReadOnly(error)) {
          hosts.doubt();
          discardIdle();
        }
        throw error;
      }
    },
    ...ofOneConnection(pool),
    ...size,
    discardIdle,
    ping,
    silentMs: () => performance.now() - answeredAtMs,
    figures: () => ({
      open: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    close() {
      clearInterval(lookout);
      return pool.end();
    },
  };
}
