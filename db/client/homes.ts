import { setTimeout as sleep } from 'node:timers/promises';
import { type Home, REGULAR, schemaOf } from '../../contracts/homes.ts';
import type { Schema } from '../../contracts/names.ts';
import { DatabaseError, noAnswer } from './errors.ts';
import { healthOf } from './home-health.ts';
import type { Databases, Pool, Queryable } from './pool.ts';

/** Queries and changes in one home or in all homes at once, whether they share a server or not. */

export const LOCK_TIMEOUT_SQLSTATE = '55P03';
/** Moving a SKU within one server delays its payments by 5 to 10 µs per buyer. */
const MOVE_TIMEOUT_MS = 20_000;

/**
 * Repeats a call that ran into the lock timeout and therefore did nothing, for up to 20 s.
 *
 * @param pauseMs pause between two calls, in which sessions that wait behind the requested lock
 *   continue
 * @throws the last error of `call`
 */
export async function patiently<T>(call: () => Promise<T>, pauseMs = 0): Promise<T> {
  const deadline = performance.now() + MOVE_TIMEOUT_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isHeld = error instanceof DatabaseError && error.sqlstate === LOCK_TIMEOUT_SQLSTATE;
      if (!isHeld || performance.now() > deadline) throw error;
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }
}

/** SQL expression for a time as the `at` of a Position, because a Date has only milliseconds. */
export function exactTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/**
 * Converts a bigint, which the driver returns as digits because not every bigint fits a number. Counts
 * of units do.
 *
 * @throws {RangeError}
 */
export function toNumber(digits: string): number {
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${digits} is not a safe integer`);
  return value;
}

/** The answers of the homes that answered in time; at least one did. */
export interface Answers<Row> {
  readonly rows: Row[];
  /** Homes that did not answer; their rows are not included. */
  readonly missing: readonly Home[];
}

/** Maximum wait for the answer of one home. */
const HOME_ANSWER_TIMEOUT_MS = 2_000;
/** Maximum wait for a change, which may wait for a lock until the session's lock timeout. */
const HOME_CHANGE_TIMEOUT_MS = 4_000;

/**
 * Asks one home. With several servers, fails at once while the home is known to be gone.
 *
 * @param question name of the question; a slow question does not stop the others
 * @throws {DatabaseError}
 */
export function askOwner<T>(
  databases: Databases,
  home: Home,
  question: string,
  ask: (pool: Pool) => Promise<T>,
): Promise<T> {
  const pool = databases.home(home);
  if (!databases.areApart) return ask(pool);
  const timeoutMs = HOME_ANSWER_TIMEOUT_MS;
  return healthOf(pool).ask(home, question, () => ask(pool), timeoutMs, timeoutMs);
}

/**
 * Changes something in one home that others may have locked. Changes use at most half of the pool, so
 * that connections are left for questions however many changes wait for a lock.
 *
 * @throws {DatabaseError}
 */
export function changeAtOwner<T>(
  databases: Databases,
  home: Home,
  change: (pool: Pool) => Promise<T>,
): Promise<T> {
  const pool = databases.home(home);
  const health = healthOf(pool);
  if (!databases.areApart) return health.inTurn(() => change(pool));
  return health.inTurn(() => health.change(home, () => change(pool), HOME_CHANGE_TIMEOUT_MS));
}

/**
 * Asks all homes at once. A home that does not answer neither fails the answer of the others nor delays
 * it by more than `timeoutMs`.
 *
 * @param question name of the question; a slow question does not stop the others
 * @throws {DatabaseError} if no home answers
 */
export function askHomes<T>(
  databases: Databases,
  question: string,
  ask: (home: Home, pool: Pool) => Promise<readonly T[]>,
  timeoutMs = HOME_ANSWER_TIMEOUT_MS,
): Promise<Answers<T>> {
  return ofAll(databases, (home) => {
    const pool = databases.home(home);
    return healthOf(pool).ask(home, question, () => ask(home, pool), timeoutMs);
  });
}

/**
 * Calls `changeAtOwner` for all homes, to change something whose home is not known.
 *
 * @throws {DatabaseError} if no home answers
 */
export function changeInAll<T>(
  databases: Databases,
  change: (home: Home, pool: Pool) => Promise<readonly T[]>,
): Promise<Answers<T>> {
  return ofAll(databases, (home) => changeAtOwner(databases, home, (pool) => change(home, pool)));
}

/** The only function that calls all homes. */
async function ofAll<T>(
  databases: Databases,
  call: (home: Home) => Promise<readonly T[]>,
): Promise<Answers<T>> {
  const { homes } = databases;
  const answers = await Promise.allSettled(databases.homes.map(call));
  const failures = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  // Any other error is a bug and does not mean that a home is missing.
  const bug = failures.find((reason) => !(reason instanceof DatabaseError));
  if (bug !== undefined || failures.length === homes.length) throw bug ?? failures[0];
  return {
    rows: answers.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])),
    missing: homes.filter((_, index) => answers[index]?.status === 'rejected'),
  };
}

/**
 * Runs a query for all homes, in one round trip if they share a server.
 *
 * @param text returns the query for a home and its schema, without ORDER BY or LIMIT at its end
 * @param source what answers for a home; its primary, unless a standby may
 * @throws {DatabaseError} if no home answers
 */
export function queryHomes<Row extends Record<string, unknown>>(
  databases: Databases,
  name: string,
  text: (schema: Schema, home: Home) => string,
  values: readonly unknown[],
  timeoutMs?: number,
  source: (home: Home) => Queryable = (home) => databases.home(home),
): Promise<Answers<Row>> {
  const ask = (asked: Home, suffix: string, homes: readonly Home[]) =>
    source(asked).query<Row>({
      name: `${name}_${suffix}`,
      text: homes.map((home) => `(${text(schemaOf(home), home)})`).join(' UNION ALL '),
      values,
    });
  if (databases.areApart) {
    return askHomes(databases, name, (home) => ask(home, home, [home]), timeoutMs);
  }
  return ask(REGULAR, 'all', databases.homes).then((rows) => ({ rows, missing: [] }));
}

/**
 * Like `queryHomes`, but a standby may answer for a home. The rows have the `isSettled` of standby.ts, whose
 * parameter follows `values`.
 *
 * @throws {DatabaseError} if no home answers
 */
export function queryHistory<Row extends Record<string, unknown>>(
  databases: Databases,
  name: string,
  text: (schema: Schema, home: Home) => string,
  values: readonly unknown[],
): Promise<Answers<Row>> {
  const source = (home: Home) => databases.history(home);
  return queryHomes<Row>(databases, name, text, values, undefined, source);
}

/**
 * performance.now() of the last answer to any query of this process: of the home's server, or without a
 * home, of any server. A home that the configuration lacks may answer other processes at this moment.
 */
export function answeredAtMs(databases: Databases, home?: Home): number {
  if (home !== undefined && !databases.has(home)) return performance.now();
  const pools = home === undefined ? databases.servers : [databases.home(home)];
  return performance.now() - Math.min(...pools.map((pool) => pool.silentMs()));
}

/** The rows of the homes that answered, and the earlier rows of a home that did not. Pure. */
export function lastKnown<Row extends { readonly schema: Home }>(
  before: readonly Row[],
  { rows, missing }: Answers<Row>,
): Row[] {
  return [...rows, ...before.filter(({ schema }) => missing.includes(schema))];
}

/** Returns the rows of a complete answer. @throws {DatabaseError} `unavailable` if a home is missing */
export function whole<Row>({ rows, missing }: Answers<Row>): Row[] {
  if (missing.length > 0) throw noAnswer(missing);
  return rows;
}

/** Like `queryHomes`, but all homes must answer. @throws {DatabaseError} if a home does not answer */
export async function queryAll<Row extends Record<string, unknown>>(
  databases: Databases,
  name: string,
  text: (schema: Schema, home: Home) => string,
  values: readonly unknown[],
  timeoutMs?: number,
): Promise<Row[]> {
  return whole(await queryHomes<Row>(databases, name, text, values, timeoutMs));
}

/**
 * Where to ask next for a SKU that does not live in `asked` any more. `regular` knows the home of every
 * SKU, a hot home only its own.
 *
 * @returns undefined if there is no such SKU
 * @throws {DatabaseError}
 */
export async function homeAfter(
  databases: Databases,
  asked: Home,
  sku: string,
): Promise<Home | undefined> {
  if (asked !== REGULAR) return REGULAR;
  const hot = databases.homes.filter((home) => home !== REGULAR);
  if (hot.length === 1) return hot[0];
  const [row] = await databases.regular.query<{ schema: Home }>({
    name: 'home_of_sku',
    text: 'SELECT schema FROM catalog.sku_homes() WHERE sku = $1',
    values: [sku],
  });
  return row?.schema;
}
