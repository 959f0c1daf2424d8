import { type Position, toPage } from '../contracts/cursor.ts';
import { type Home, homeNumber, schemaOf } from '../contracts/homes.ts';
import type { Schema } from '../contracts/names.ts';
import { exactTime, queryHomes } from './client/homes.ts';
import type { Databases } from './client/pool.ts';
import { type Decision, decideWhereItLives } from './orders.ts';

/** A replay or refusal of a dead letter, as the database stores it. */

export interface RefusedRequest {
  readonly requestId: string;
  readonly userId: string;
}

/** The only character that PostgreSQL's type text cannot store. */
const NUL = /\0/g;

/**
 * Ends requests as `rejected` in the home where their SKU lives. A request that has an outcome keeps
 * it.
 *
 * With several servers, the server of `regular` is asked first. Every new SKU is entered there first, and
 * `createSku` copies the refusals that it finds there.
 *
 * @param home the home to ask first, with one server
 * @returns the one outcome of each request; `locked` if the SKU moved during the call: call again
 * @throws {DatabaseError}
 */
export async function refuseRequests(
  databases: Databases,
  home: Home,
  refusal: { sku: string; node: string; requests: readonly RefusedRequest[]; reason: string },
): Promise<Decision[]> {
  const { sku, node, requests, reason } = refusal;
  const values = [
    sku,
    requests.map(({ requestId }) => requestId),
    requests.map(({ userId }) => userId.replace(NUL, '\uFFFD')),
    requests.map(() => node),
    reason,
  ];
  const first = databases.areApart ? 'regular' : home;
  return decideWhereItLives(databases, first, sku, (schema) => ({
    text: `SELECT request_id, status, reason, order_no, units
           FROM ${schema}.refuse_requests($1, $2, $3, $4, $5)`,
    values,
  }));
}

export interface HandledDeadLetter {
  /** Id of the dead letter: a hash of its content. */
  readonly letter: string;
  readonly action: 'replayed' | 'refused';
  readonly queue: string;
  readonly cause: string;
  readonly error: string | null;
  readonly sku: string | null;
  readonly requestIds: readonly string[];
  /** Why the requests were refused; null if the dead letter was replayed. */
  readonly reason: string | null;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The first bytes of the content. */
  readonly content: Buffer;
  /** Length of the whole content. */
  readonly bytes: number;
  readonly handledBy: string;
}

/** Stores that a dead letter was replayed or refused. @throws {DatabaseError} */
export async function logDeadLetter(
  databases: Databases,
  home: Home,
  handled: HandledDeadLetter,
): Promise<void> {
  const text = (value: string | null) => value?.replace(NUL, '\uFFFD') ?? null;
  await databases.home(home).query({
    text: `SELECT ${schemaOf(home)}.log_dead_letter($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    values: [
      handled.letter,
      handled.action,
      handled.queue,
      handled.cause,
      text(handled.error),
      text(handled.sku),
      handled.requestIds,
      handled.reason,
      JSON.stringify(handled.headers).replaceAll('\\u0000', '\\ufffd'),
      handled.content,
      handled.bytes,
      handled.handledBy,
    ],
  });
}

export type HandledFacts = Omit<HandledDeadLetter, 'content' | 'headers'> & {
  readonly handledAt: Date;
};

/** Dead letters that were replayed or refused, newest first. */
export interface HandledPage {
  readonly letters: readonly HandledFacts[];
  /** Position of the last one, if more follow. */
  readonly next?: Position;
  /** Homes that did not answer; their dead letters are not included. */
  readonly missing: readonly Home[];
}

/**
 * Reads a page of the dead letters that were replayed or refused, newest first.
 *
 * @param after position of the last one of the page before
 * @throws {DatabaseError} if no home answers
 */
export async function handledDeadLetters(
  databases: Databases,
  limit: number,
  after?: Position,
): Promise<HandledPage> {
  const text = (schema: Schema, home: Home) =>
    // The last three digits are the number of the home, as with order numbers.
    `SELECT * FROM (
       SELECT handled_at, handled_by, action, letter, queue, cause, error, sku,
              request_ids::text[] AS request_ids, reason, bytes,
              ${exactTime('handled_at')} AS exactly, n.no
       FROM ${schema}.handled_dead_letters
       CROSS JOIN LATERAL (SELECT 1000 * dead_letter_no + ${homeNumber(home)} AS no) n
       WHERE $2::timestamptz IS NULL OR (handled_at, n.no) < ($2, $3::bigint)
       ORDER BY handled_at DESC, n.no DESC LIMIT $1) newest`;
  const { rows, missing } = await queryHomes<{
    handled_at: Date;
    handled_by: string;
    action: 'replayed' | 'refused';
    letter: string;
    queue: string;
    cause: string;
    error: string | null;
    sku: string | null;
    request_ids: string[];
    reason: string | null;
    bytes: number;
    exactly: string;
    no: string;
  }>(databases, 'handled_dead_letters', text, [limit + 1, after?.at ?? null, after?.no ?? null]);
  const found = rows.map((row) => ({ row, position: { at: row.exactly, no: row.no } }));
  const { rows: shown, ...next } = toPage(found, limit);
  const letters = shown.map(({ row }) => ({
    handledAt: row.handled_at,
    handledBy: row.handled_by,
    action: row.action,
    letter: row.letter,
    queue: row.queue,
    cause: row.cause,
    error: row.error,
    sku: row.sku,
    requestIds: row.request_ids,
    reason: row.reason,
    bytes: row.bytes,
  }));
  return { letters, ...next, missing };
}
