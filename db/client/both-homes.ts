import { setTimeout as sleep } from 'node:timers/promises';
import { SCHEMAS, type Schema } from '../../contracts/names.ts';
import { DatabaseError, noAnswer } from './errors.ts';
import { healthOf } from './home-health.ts';
import type { Databases, Pool, Queryable } from './pool.ts';

/** Queries to both schemas at once, whether they share a server or not. */

/** Odd order numbers are those of regular, even ones those of hot. */
export function schemaOfOrder(orderNo: string): Schema {
  return /[13579]$/.test(orderNo) ? 'regular' : 'hot';
}

export function otherSchema(schema: Schema): Schema {
  return schema === 'hot' ? 'regular' : 'hot';
}

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

/** Whether each schema has its own server. A SKU that moves is then carried from one to the other. */
export function areApart({ regular, hot }: Databases): boolean {
  return regular !== hot;
}

/** The servers, that of `regular` first. */
export function servers(databases: Databases): Pool[] {
  return areApart(databases) ? [databases.regular, databases.hot] : [databases.regular];
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
  readonly missing: readonly Schema[];
}

/** Maximum wait for the answer of one home. */
const HOME_ANSWER_TIMEOUT_MS = 2_000;
/** Maximum wait for a change, which may wait for a lock until the session's lock timeout. */
const HOME_CHANGE_TIMEOUT_MS = 4_000;

/**
 * Asks one home. With two servers, fails at once while the home is known to be gone.
 *
 * @param question name of the question; a slow question does not stop the others
 * @throws {DatabaseError}
 */
export function askOwner<T>(
  databases: Databases,
  schema: Schema,
  question: string,
  ask: (home: Pool) => Promise<T>,
): Promise<T> {
  const home = databases[schema];
  if (!areApart(databases)) return ask(home);
  const timeoutMs = HOME_ANSWER_TIMEOUT_MS;
  return healthOf(home).ask(schema, question, () => ask(home), timeoutMs, timeoutMs);
}

/**
 * Changes something in one home that others may have locked. Changes use at most half of the pool, so
 * that connections are left for questions however many changes wait for a lock.
 *
 * @throws {DatabaseError}
 */
export function changeAtOwner<T>(
  databases: Databases,
  schema: Schema,
  change: (home: Pool) => Promise<T>,
): Promise<T> {
  const home = databases[schema];
  const health = healthOf(home);
  if (!areApart(databases)) return health.inTurn(() => change(home));
  return health.inTurn(() => health.change(schema, () => change(home), HOME_CHANGE_TIMEOUT_MS));
}

/**
 * Asks both homes at once. A home that does not answer neither fails the other one's answer nor delays
 * it by more than `timeoutMs`.
 *
 * @param question name of the question; a slow question does not stop the others
 * @throws {DatabaseError} if no home answers
 */
export function askHomes<T>(
  databases: Databases,
  question: string,
  ask: (schema: Schema, home: Pool) => Promise<readonly T[]>,
  timeoutMs = HOME_ANSWER_TIMEOUT_MS,
): Promise<Answers<T>> {
  return ofBoth((schema) => {
    const home = databases[schema];
    return healthOf(home).ask(schema, question, () => ask(schema, home), timeoutMs);
  });
}

/**
 * Calls `changeAtOwner` for both homes, to change something whose home is not known.
 *
 * @throws {DatabaseError} if no home answers
 */
export function changeInBoth<T>(
  databases: Databases,
  change: (schema: Schema, home: Pool) => Promise<readonly T[]>,
): Promise<Answers<T>> {
  return ofBoth((schema) => changeAtOwner(databases, schema, (home) => change(schema, home)));
}

/** The only function that calls both homes. */
async function ofBoth<T>(call: (schema: Schema) => Promise<readonly T[]>): Promise<Answers<T>> {
  const answers = await Promise.allSettled(SCHEMAS.map(call));
  const failures = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  // Any other error is a bug and does not mean that a home is missing.
  const bug = failures.find((reason) => !(reason instanceof DatabaseError));
  if (bug !== undefined || failures.length === SCHEMAS.length) throw bug ?? failures[0];
  return {
    rows: answers.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])),
    missing: SCHEMAS.filter((_, index) => answers[index]?.status === 'rejected'),
  };
}

/**
 * Runs a query for both schemas, in one round trip where they share a server.
 *
 * @param text returns the query for a schema, without ORDER BY or LIMIT at its end
 * @throws {DatabaseError} if no home answers
 */
export function queryHomes<Row extends Record<string, unknown>>(
  databases: Databases,
  name: string,
  text: (schema: Schema) => string,
  values: readonly unknown[],
  timeoutMs?: number,
): Promise<Answers<Row>> {
  const ask = (pool: Queryable, suffix: string, schemas: readonly Schema[]) =>
    pool.query<Row>({
      name: `${name}_${suffix}`,
      text: schemas.map((schema) => `(${text(schema)})`).join(' UNION ALL '),
      values,
    });
  if (areApart(databases)) {
    return askHomes(databases, name, (schema, home) => ask(home, schema, [schema]), timeoutMs);
  }
  return ask(databases.regular, 'both', SCHEMAS).then((rows) => ({ rows, missing: [] }));
}

/** The rows of the homes that answered, and the earlier rows of a home that did not. Pure. */
export function lastKnown<Row extends { readonly schema: Schema }>(
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

/** Like `queryHomes`, but both homes must answer. @throws {DatabaseError} if a home does not answer */
export async function queryBoth<Row extends Record<string, unknown>>(
  databases: Databases,
  name: string,
  text: (schema: Schema) => string,
  values: readonly unknown[],
  timeoutMs?: number,
): Promise<Row[]> {
  return whole(await queryHomes<Row>(databases, name, text, values, timeoutMs));
}
