import type { Schema } from '../../contracts/names.ts';

/**
 * What went wrong at the database, in the words that a caller acts on. The routines answer expected
 * outcomes as values; whatever arrives here is a broken machine, a lost race or a bug.
 *
 * | kind | what to do |
 * |---|---|
 * | `retry` | Nothing is wrong with the data. Whether it was committed may be unknown: call again, the routines are idempotent |
 * | `unavailable` | The server cannot take work now: wait, then call again. Nothing was done |
 * | `refused` | The same call would fail again: never retried, shown to a human |
 *
 * SQLSTATEs of our routines: `FS001` malformed arguments, `FS002` no such sale, SKU or tunable, `FS003`
 * it exists with other values, `FS004` something is still to be done before, `FS005` a price that
 * cannot be paid, `FS500` the books do not
 * balance (a bug, nothing was written).
 */
export type DatabaseErrorKind = 'retry' | 'unavailable' | 'refused';

export class DatabaseError extends Error {
  override name = 'DatabaseError';
  readonly kind: DatabaseErrorKind;
  /** Five characters of PostgreSQL or of ours; absent if the connection failed. */
  readonly sqlstate: string | undefined;

  constructor(kind: DatabaseErrorKind, message: string, sqlstate?: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
    this.sqlstate = sqlstate;
  }
}

/** Of a question that a missing home has to answer. @param kind `retry` if it was asked and not answered */
export function noAnswer(
  missing: readonly Schema[],
  kind: DatabaseErrorKind = 'unavailable',
): DatabaseError {
  return new DatabaseError(kind, `no answer from the home of ${missing.join(' and ')}`);
}

/**
 * Refusals by class of SQLSTATE that say something about the database and nothing about the call: wrong
 * credentials (28), no such database or schema (3D, 3F), a missing or broken routine or right (42), an
 * unfit transaction state (25), an internal error (XX). A DBA mends those.
 */
const MACHINE_CLASSES = new Set(['25', '28', '3D', '3F', '42', 'XX']);

/** Whether the database is in trouble, and the call itself may be right. */
export function isOutage(error: unknown): error is DatabaseError {
  if (!(error instanceof DatabaseError)) return false;
  return error.kind !== 'refused' || MACHINE_CLASSES.has(error.sqlstate?.slice(0, 2) ?? '');
}

/** Whole SQLSTATEs; they win over their class. */
const KIND_BY_SQLSTATE: Readonly<Record<string, DatabaseErrorKind>> = {
  // The same request is being decided by another session: the next call meets its outcome.
  '23505': 'retry',
  '40001': 'retry', // serialization failure
  '40003': 'retry', // statement completion unknown
  '40P01': 'retry', // deadlock
  '55P03': 'retry', // lock_timeout
  '57014': 'retry', // statement_timeout
  '57P01': 'retry', // admin shutdown, in the middle of a statement or between two
  '57P02': 'retry', // crash shutdown
  '57P03': 'unavailable', // starting up or shutting down
  '25006': 'unavailable', // read only: this server is a standby now
  '25P03': 'retry', // idle in transaction for too long
  '57P05': 'retry', // idle session timeout
};

/** The first two characters of a SQLSTATE. */
const KIND_BY_CLASS: Readonly<Record<string, DatabaseErrorKind>> = {
  '08': 'retry', // connection lost: the outcome is unknown
  '53': 'unavailable', // out of connections, memory or disk
  '58': 'unavailable', // I/O error of the server's machine
};

/** Node's codes of a connection that was never made, so that nothing can have been done. */
const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/** The driver's words for the same: no connection within the time, in the queue or from the server. */
const NEVER_CONNECTED_WORDS =
  /timeout exceeded when trying to connect|due to connection timeout|^timeout expired$/;

function codeOf(error: unknown): string | undefined {
  // A host with several addresses fails with an AggregateError, whose code is that of the members.
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Maps anything that the driver throws. */
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
  // What is left is a connection that broke (ECONNRESET, "Connection terminated …", a read timeout)
  // or a bug on our side, such as a value that cannot be sent.
  const isBug = error instanceof TypeError || error instanceof RangeError;
  return new DatabaseError(isBug ? 'refused' : 'retry', message, undefined, error);
}
