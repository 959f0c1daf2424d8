import { setTimeout as sleep } from 'node:timers/promises';
import { SCHEMAS, type Schema } from '../contracts/names.ts';
import { DatabaseError } from './errors.ts';
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
/** Between two probes of a home that is away. */
const PROBE_PAUSE_MS = 500;
/** Who sends a probe waits so long for it; a home that needs longer is there for the next who asks. */
const PROBE_WAIT_MS = 100;

/** Homes that did not answer last time: only a probe asks them, so that nobody else waits for them. */
const away = new WeakMap<Queryable, { probeAtMs: number }>();

/** Of a question that a missing home has to answer. */
export function noAnswer(missing: readonly Schema[]): DatabaseError {
  return new DatabaseError('unavailable', `no answer from the home of ${missing.join(' and ')}`);
}

/** Anything but the home's own refusal, which is a bug or a missing right and no outage. */
function isOutage(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.kind !== 'refused';
}

/** The home itself is gone, and not just this call: those fail with an SQLSTATE of their own. */
function isAway({ kind, sqlstate }: DatabaseError): boolean {
  return kind === 'unavailable' || sqlstate === undefined || sqlstate.startsWith('57P');
}

/** Fails after a while, whatever becomes of `work`. */
async function within<T>(timeoutMs: number, schema: Schema, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(noAnswer([schema])), timeoutMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function probe(home: Queryable, silence: { probeAtMs: number }): Promise<void> {
  silence.probeAtMs = Number.POSITIVE_INFINITY;
  try {
    await home.query({ text: 'SELECT' });
    away.delete(home);
  } finally {
    silence.probeAtMs = performance.now() + PROBE_PAUSE_MS;
  }
}

/** Asks one home, and gives up after a while. @throws {DatabaseError} */
async function askHome<T>(
  home: Queryable,
  schema: Schema,
  ask: () => Promise<T>,
  timeoutMs: number,
): Promise<T> {
  const silence = away.get(home);
  if (silence !== undefined) {
    if (performance.now() < silence.probeAtMs) throw noAnswer([schema]);
    await within(PROBE_WAIT_MS, schema, probe(home, silence));
  }
  try {
    return await within(timeoutMs, schema, ask());
  } catch (error) {
    if (isOutage(error) && isAway(error)) away.set(home, { probeAtMs: 0 });
    throw error;
  }
}

/** Asks the home of one thing; one of two that is away fails at once. @throws {DatabaseError} */
export function askOwner<T>(
  databases: Databases,
  schema: Schema,
  ask: (home: Pool) => Promise<T>,
): Promise<T> {
  const home = databases[schema];
  if (!areApart(databases)) return ask(home);
  return askHome(home, schema, () => ask(home), HOME_ANSWER_TIMEOUT_MS);
}

/**
 * Asks both homes at once; one that is away neither fails the other's answer nor holds it up for long.
 * The only place where something is asked of both.
 *
 * @throws {DatabaseError} if no home answers, or one refuses
 */
export async function askHomes<T>(
  databases: Databases,
  ask: (schema: Schema, home: Pool) => Promise<readonly T[]>,
  timeoutMs = HOME_ANSWER_TIMEOUT_MS,
): Promise<Answers<T>> {
  const answers = await Promise.allSettled(
    SCHEMAS.map((schema) => {
      const home = databases[schema];
      return askHome(home, schema, () => ask(schema, home), timeoutMs);
    }),
  );
  const failures = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  const fatal = failures.find((reason) => !isOutage(reason));
  if (fatal !== undefined || failures.length === SCHEMAS.length) throw fatal ?? failures[0];
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
    return askHomes(databases, (schema, home) => ask(home, schema, [schema]), timeoutMs);
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
