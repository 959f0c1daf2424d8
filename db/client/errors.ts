import type { Home } from '../../contracts/homes.ts';

/**
 * A failed database call, by what the caller has to do. The routines return expected outcomes as
 * values, so an error means a broken machine, a conflict with another session or a bug.
 *
 * | kind | what to do |
 * |---|---|
 * | `retry` | Call again: the data is valid and the routines are idempotent. Whether the call was committed may be unknown |
 * | `unavailable` | Wait, then call again: the server cannot take work now. Nothing was done |
 * | `refused` | Do not call again: the same call would fail again. Show the error to a human |
 *
 * SQLSTATEs of our routines:
 *
 * | SQLSTATE | meaning |
 * |---|---|
 * | `FS001` | malformed arguments |
 * | `FS002` | no such sale, SKU or tunable |
 * | `FS003` | it exists with other values |
 * | `FS004` | something else has to be finished first |
 * | `FS005` | a price that cannot be paid |
 * | `FS500` | the books do not balance (a bug; nothing was written) |
 */
export type DatabaseErrorKind = 'retry' | 'unavailable' | 'refused';

export class DatabaseError extends Error {
  override name = 'DatabaseError';
  readonly kind: DatabaseErrorKind;
  /** Five characters, of PostgreSQL or of our routines; undefined if the connection failed. */
  readonly sqlstate: string | undefined;

  constructor(kind: DatabaseErrorKind, message: string, sqlstate?: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
    this.sqlstate = sqlstate;
  }
}

/**
 * The error of a question that a missing home has to answer.
 *
 * @param kind `retry` if the home was asked and did not answer
 */
export function noAnswer(
  missing: readonly Home[],
  kind: DatabaseErrorKind = 'unavailable',
): DatabaseError {
  return new DatabaseError(kind, `no answer from the home of ${missing.join(' and ')}`);
}

/**
 * Whether the server does not have the sale or SKU. A home that is newer than a sale or SKU gets it when a
 * SKU moves there.
 */
export function isNotThere(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.sqlstate === 'FS002';
}

/** For `catch`, where it is well if the server does not have the sale or SKU. */
export function unlessNotThere(error: unknown): void {
  if (!isNotThere(error)) throw error;
}

/**
 * Classes of SQLSTATEs whose refusals are the fault of the database and not of the call. A DBA can
 * repair their causes: wrong credentials (28), no such database or schema (3D, 3F), a missing or
 * broken routine or right (42), a wrong transaction state (25), an internal error (XX).
 */
const MACHINE_CLASSES = new Set(['25', '28', '3D', '3F', '42', 'XX']);

/** Whether the error is the fault of the database, so that the call itself may be correct. */
export function isOutage(error: unknown): error is DatabaseError {
  if (!(error instanceof DatabaseError)) return false;
  return error.kind !== 'refused' || MACHINE_CLASSES.has(error.sqlstate?.slice(0, 2) ?? '');
}

/** Kinds of whole SQLSTATEs, which take precedence over the kinds of their classes. */
const KIND_BY_SQLSTATE: Readonly<Record<string, DatabaseErrorKind>> = {
  // Another session is deciding the same request: the next call finds its outcome.
  '23505': 'retry',
  '40001': 'retry', // serialization failure
  '40003': 'retry', // statement completion unknown
  '40P01': 'retry', // deadlock
  '55P03': 'retry', // lock_timeout
  '57014': 'retry', // statement_timeout
  '57P01': 'retry', // admin shutdown, during a statement or between two
  '57P02': 'retry', // crash shutdown
  '57P03': 'unavailable', // starting up or shutting down
  '25006': 'unavailable', // read-only: this server is now a standby
  '25P03': 'retry', // idle in transaction for too long
  // A session's prepared statement is of before a change of a routine's result, or is gone: the next session prepares anew.
  '0A000': 'retry',
  '26000': 'retry',
  '57P05': 'retry', // idle session timeout
};

/** Kinds by class, the first two characters of a SQLSTATE. */
const KIND_BY_CLASS: Readonly<Record<string, DatabaseErrorKind>> = {
  '08': 'retry', // connection lost: the outcome is unknown
  '53': 'unavailable', // out of connections, memory or disk
  '58': 'unavailable', // I/O error of the server's machine
};

/** Node's error codes when no connection was made, so that nothing can have been done. */
const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/** The driver's messages for the same: no connection in time, from the pool or from the server. */
const NEVER_CONNECTED_WORDS =
  /timeout exceeded when trying to connect|due to connection timeout|^timeout expired$/;

function codeOf(error: unknown): string | undefined {
  // A host with several addresses fails with an AggregateError, whose code is that of the members.
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Converts anything that the driver throws. */
export function toDatabaseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code) && code !== 'EPIPE') {
    const kind = KIND_BY_SQLSTATE[code] ?? KIND_BY_CLASS[code.slice(0, 2)] ?? 'refused';
    return new DatabaseError(kind, message, code, error);
  }
  if (code !== undefined && NEVER_CONNECTED.has(code)) {
    return new DatabaseError('unavailable', message, undefined, error);
  }
  if (NEVER_CONNECTED_WORDS.test(message)) {
    return new DatabaseError('unavailable', message, undefined, error);
  }
  // The remaining errors are a broken connection (ECONNRESET, "Connection terminated …", a read
  // timeout) or a bug of ours, such as a value that cannot be sent.
  const isBug = error instanceof TypeError || error instanceof RangeError;
  return new DatabaseError(isBug ? 'refused' : 'retry', message, undefined, error);
}
