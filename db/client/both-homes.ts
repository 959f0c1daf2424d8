import { setTimeout as sleep } from 'node:timers/promises';
import { SCHEMAS, type Schema } from '../../contracts/names.ts';
import { DatabaseError, noAnswer } from './errors.ts';
import { healthOf } from './home-health.ts';
import type { Databases, Pool, Queryable } from './pool.ts';

/** Asking both schemas at once, whether they share a server or not. */

/** Odd order numbers live in regular, even ones in hot. */
export function schemaOfOrder(orderNo: string): Schema {
  return /[13579]$/.test(orderNo) ? 'regular' : 'hot';
}

export function otherSchema(schema: Schema): Schema {
  return schema === 'hot' ? 'regular' : 'hot';
}

export const LOCK_TIMEOUT = '55P03';
/** Moving a SKU within one server holds its payments up for some 5 to 10 µs a buyer. */
const MOVE_TIMEOUT_MS = 20_000;

/**
 * Calls again while a lock is held for longer than a session waits for it: nothing was done then.
 *
 * @param pauseMs time for those who wait behind the lock that the call asks for
 */
export async function patiently<T>(call: () => Promise<T>, pauseMs = 0): Promise<T> {
  const deadline = performance.now() + MOVE_TIMEOUT_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isHeld = error instanceof DatabaseError && error.sqlstate === LOCK_TIMEOUT;
      if (!isHeld || performance.now() > deadline) throw error;
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }
}

/** The schemas have a server each: a SKU that moves is carried from one to the other. */
export function areApart({ regular, hot }: Databases): boolean {
  return regular !== hot;
}

/** SQL: a time as the `at` of a Position, since a Date has milliseconds only. */
export function exactTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** bigint arrives as digits, since not every one fits a number. Counts of units do. */
export function toNumber(digits: string): number {
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${digits} is beyond exact numbers`);
  return value;
}

/** What the homes have answered that were there in time; at least one was. */
export interface Answers<Row> {
  readonly rows: Row[];
  /** Homes that did not answer: what they would have said is not among the rows. */
  readonly missing: readonly Schema[];
}

/** How long one home may hold up a question to both. */
const HOME_ANSWER_TIMEOUT_MS = 2_000;
/** The same for a change, which may wait for a lock as long as a session does. */
const HOME_CHANGE_TIMEOUT_MS = 4_000;

/**
 * Asks the home of one thing; one of two that is gone fails at once.
 *
 * @param question its name: a slow one does not keep others from being asked
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
 * Changes something in its home that others may hold a lock on. Half of the pool is left to questions,
 * however many wait for the lock.
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
 * Asks both homes at once; one that is away neither fails the other's answer nor holds it up for long.
 *
 * @param question its name: a slow one does not keep others from being asked
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
 * Changes something in whichever home has it, as `changeAtOwner` does in one.
 *
 * @throws {DatabaseError} if no home answers
 */
export function changeInBoth<T>(
  databases: Databases,
  change: (schema: Schema, home: Pool) => Promise<readonly T[]>,
): Promise<Answers<T>> {
  return ofBoth((schema) => changeAtOwner(databases, schema, (home) => change(schema, home)));
}

/** The only place where something goes to both homes. */
async function ofBoth<T>(call: (schema: Schema) => Promise<readonly T[]>): Promise<Answers<T>> {
  const answers = await Promise.allSettled(SCHEMAS.map(call));
  const failures = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  // A bug of ours is none of a home's failures.
  const bug = failures.find((reason) => !(reason instanceof DatabaseError));
  if (bug !== undefined || failures.length === SCHEMAS.length) throw bug ?? failures[0];
  return {
    rows: answers.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])),
    missing: SCHEMAS.filter((_, index) => answers[index]?.status === 'rejected'),
  };
}

/**
 * Runs the query of one schema for both: in one round trip where they share a server.
 *
 * @param text what to ask `schema`, without ORDER BY or LIMIT at its end
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

/** The rows, where half an answer is none. @throws {DatabaseError} unavailable if a home is missing */
export function whole<Row>({ rows, missing }: Answers<Row>): Row[] {
  if (missing.length > 0) throw noAnswer(missing);
  return rows;
}

/** As `queryHomes`. @throws {DatabaseError} if one of the homes does not answer */
export async function queryBoth<Row extends Record<string, unknown>>(
  databases: Databases,
  name: string,
  text: (schema: Schema) => string,
  values: readonly unknown[],
  timeoutMs?: number,
): Promise<Row[]> {
  return whole(await queryHomes<Row>(databases, name, text, values, timeoutMs));
}
