import { setTimeout as sleep } from 'node:timers/promises';
import { SCHEMAS, type Schema } from '../contracts/names.ts';
import { DatabaseError } from './errors.ts';
import type { Databases, Queryable } from './pool.ts';

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

/** bigint arrives as digits, since not every one fits a number. Counts of units do. */
export function toNumber(digits: string): number {
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${digits} is beyond exact numbers`);
  return value;
}

/**
 * Runs the query of one schema for both: in one round trip where they share a server.
 *
 * @param text what to ask `schema`, without ORDER BY or LIMIT at its end
 * @throws {DatabaseError} if one of them does not answer
 */
export async function queryBoth<Row extends Record<string, unknown>>(
  databases: Databases,
  name: string,
  text: (schema: Schema) => string,
  values: readonly unknown[],
): Promise<Row[]> {
  const ask = (pool: Queryable, suffix: string, schemas: readonly Schema[]) =>
    pool.query<Row>({
      name: `${name}_${suffix}`,
      text: schemas.map((schema) => `(${text(schema)})`).join(' UNION ALL '),
      values,
    });
  if (!areApart(databases)) return ask(databases.regular, 'both', SCHEMAS);
  const answers = await Promise.all(
    SCHEMAS.map((schema) => ask(databases[schema], schema, [schema])),
  );
  return answers.flat();
}
