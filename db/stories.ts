import type { DeadCause } from '../contracts/dead-letters.ts';
import type { EventKind } from '../contracts/events.ts';
import { type Home, schemaOf } from '../contracts/homes.ts';
import type { Outcome } from '../contracts/messages.ts';
import type { NoticeChannel } from '../contracts/notices.ts';
import { type Answers, askOwner, queryHomes } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/**
 * Typed calls for customer service: what is recorded about one request, order or payment. Every function
 * throws only DatabaseError.
 */

/** The `node` of an order that was made for the waitlist. */
export const WAITLIST_NODE = 'waiting';

export interface RequestFacts {
  readonly requestId: string;
  readonly userId: string;
  /** Empty: it was refused before its SKU existed. */
  readonly sale: string;
  readonly sku: string;
  /** Units ordered; 0 unless `ordered`. */
  readonly units: number;
  /** The web node that admitted it, or WAITLIST_NODE; null when it is not recorded. */
  readonly node: string | null;
  /** When the web node was settled as dead. */
  readonly fencedAt: Date | null;
  /** When the shopper joined the waitlist. */
  readonly askedAt: Date | null;
  readonly status: Outcome;
  readonly reason: string | null;
  readonly orderNo: string | null;
  readonly decidedAt: Date;
}

/** Reads what is recorded about a decided request. @throws {DatabaseError} if no home answers */
export async function requestFacts(
  databases: Databases,
  requestId: string,
): Promise<{ readonly facts: RequestFacts | undefined; readonly missing: readonly Home[] }> {
  const { rows, missing } = await queryHomes<{
    request_id: string;
    user_id: string;
    sale: string;
    sku: string;
    units: number;
    node: string | null;
    fenced_at: Date | null;
    asked_at: Date | null;
    status: Outcome;
    reason: string | null;
    order_no: string | null;
    decided_at: Date;
  }>(databases, 'request_facts', (schema) => `SELECT * FROM ${schema}.request_facts($1)`, [
    requestId,
  ]);
  // A refusal without a sale does not count if the same id was used for another purchase afterwards.
  const row = rows.find(({ sale }) => sale !== '') ?? rows[0];
  const facts = row && {
    requestId: row.request_id,
    userId: row.user_id,
    sale: row.sale,
    sku: row.sku,
    units: row.units,
    node: row.node,
    fencedAt: row.fenced_at,
    askedAt: row.asked_at,
    status: row.status,
    reason: row.reason,
    orderNo: row.order_no,
    decidedAt: row.decided_at,
  };
  return { facts, missing };
}

/** A request that became no order. */
export interface RefusedRequestFacts {
  readonly requestId: string;
  readonly userId: string;
  readonly sku: string;
  readonly status: Outcome;
  readonly reason: string | null;
  readonly decidedAt: Date;
}

/** Of the outcomes of each home: what a search by user reads at most. About 3 million outcomes. */
const REFUSALS_BYTES_MAX = 512 * 1_048_576;

/**
 * Finds the newest requests of a user that became no order, in sales that closed within the last week or
 * have not closed. Expensive: it reads the outcomes of these sales.
 *
 * @throws {DatabaseError} if no home answers
 */
export async function userRefusals(
  databases: Databases,
  userId: string,
): Promise<Answers<RefusedRequestFacts>> {
  const { rows, missing } = await queryHomes<{
    request_id: string;
    sku: string;
    status: Outcome;
    reason: string | null;
    decided_at: Date;
  }>(databases, 'user_refusals', (schema) => `SELECT * FROM ${schema}.user_refusals($1, $2)`, [
    userId,
    REFUSALS_BYTES_MAX,
  ]);
  const refusals = rows.map(({ request_id: requestId, decided_at: decidedAt, ...row }) => ({
    ...{ requestId, userId, decidedAt },
    ...row,
  }));
  refusals.sort((one, other) => other.decidedAt.getTime() - one.decidedAt.getTime());
  return { rows: refusals, missing };
}

/** A dead letter that an operator has replayed or refused. */
export interface RequestLetter {
  readonly handledAt: Date;
  readonly handledBy: string;
  readonly action: 'replayed' | 'refused';
  readonly cause: DeadCause | 'unknown';
  /** The reason that the shopper was told; null if it was replayed. */
  readonly reason: string | null;
}

/** Reads what operators did with dead letters that had the request. */
export async function requestLetters(
  databases: Databases,
  requestId: string,
): Promise<Answers<RequestLetter>> {
  const { rows, missing } = await queryHomes<{
    handled_at: Date;
    handled_by: string;
    action: RequestLetter['action'];
    cause: RequestLetter['cause'];
    reason: string | null;
  }>(databases, 'request_letters', (schema) => `SELECT * FROM ${schema}.request_letters($1)`, [
    requestId,
  ]);
  const letters = rows.map(({ handled_at: handledAt, handled_by: handledBy, ...row }) => ({
    handledAt,
    handledBy,
    ...row,
  }));
  return { rows: letters, missing };
}

/** A payment session at the provider. */
export interface OrderSession {
  readonly state: 'open' | 'ending' | 'paying' | 'ended';
  /** Until when one can pay in it. */
  readonly endsAt: Date;
  readonly changedAt: Date;
  /** The provider's words when the session could not be ended. */
  readonly error: string | null;
}

/** The records of an order beside Order. */
export interface OrderRecord {
  /** The last change of its status. */
  readonly changedAt: Date;
  /** The payment that pays it, or that had paid it when the shop cancelled it. */
  readonly paidBy: string | null;
  readonly session: OrderSession | null;
}

export async function orderFacts(
  databases: Databases,
  orderNo: string,
): Promise<OrderRecord | undefined> {
  const home = databases.ofOrder(orderNo);
  const [row] = await askOwner(databases, home, 'order_facts', (pool) =>
    pool.query<{
      changed_at: Date;
      paid_by: string | null;
      session_state: OrderSession['state'] | null;
      session_ends_at: Date;
      session_changed_at: Date;
      session_error: string | null;
    }>({ text: `SELECT * FROM ${schemaOf(home)}.order_facts($1)`, values: [orderNo] }),
  );
  if (row === undefined) return undefined;
  const session = row.session_state && {
    state: row.session_state,
    endsAt: row.session_ends_at,
    changedAt: row.session_changed_at,
    error: row.session_error,
  };
  return { changedAt: row.changed_at, paidBy: row.paid_by, session };
}

export interface UndeliveredEvent {
  /** The webhook endpoint that waits for it; null: it is not published yet. */
  readonly endpoint: string | null;
  readonly kind: EventKind;
  readonly happenedAt: Date;
  readonly attempts: number;
  readonly nextAt: Date | null;
  readonly lastError: string | null;
  readonly givenUpAt: Date | null;
}

/** Reads the events of an order that the broker or a webhook endpoint has not got yet, oldest first. */
export async function undeliveredEvents(
  databases: Databases,
  orderNo: string,
): Promise<UndeliveredEvent[]> {
  const home = databases.ofOrder(orderNo);
  const rows = await askOwner(databases, home, 'undelivered_events', (pool) =>
    pool.query<{
      endpoint: string | null;
      kind: EventKind;
      happened_at: Date;
      attempts: number;
      next_at: Date | null;
      last_error: string | null;
      given_up_at: Date | null;
    }>({ text: `SELECT * FROM ${schemaOf(home)}.undelivered_events($1)`, values: [orderNo] }),
  );
  return rows.map((row) => ({
    endpoint: row.endpoint,
    kind: row.kind,
    happenedAt: row.happened_at,
    attempts: row.attempts,
    nextAt: row.next_at,
    lastError: row.last_error,
    givenUpAt: row.given_up_at,
  }));
}

/**
 * Finds the orders that a payment came for.
 *
 * @param paymentRefs the provider's reference, in each form that it may have
 * @throws {DatabaseError} if no home answers
 */
export async function paymentOrders(
  databases: Databases,
  paymentRefs: readonly string[],
): Promise<Answers<string>> {
  const { rows, missing } = await queryHomes<{ order_no: string }>(
    databases,
    'payment_orders',
    (schema) => `SELECT order_no FROM ${schema}.payment_orders($1)`,
    [paymentRefs],
  );
  return { rows: rows.map((row) => row.order_no), missing };
}

/** Where a shopper is told, without the address. */
export interface ContactHint {
  readonly channel: NoticeChannel;
  /** `j…@example.com`, or the push service. */
  readonly hint: string;
  readonly language: string;
  readonly createdAt: Date;
  /** Null: the owner of the address has not agreed yet. */
  readonly confirmedAt: Date | null;
}

/** Reads where a shopper is told of the orders of a sale, oldest first. */
export async function contactHints(
  databases: Databases,
  sale: string,
  userId: string,
): Promise<ContactHint[]> {
  const rows = await askOwner(databases, 'regular', 'contact_hints', (regular) =>
    regular.query<{
      channel: NoticeChannel;
      hint: string;
      language: string;
      created_at: Date;
      confirmed_at: Date | null;
    }>({ text: 'SELECT * FROM catalog.notice_contact_hints($1, $2)', values: [sale, userId] }),
  );
  return rows.map(({ created_at: createdAt, confirmed_at: confirmedAt, ...row }) => ({
    ...row,
    createdAt,
    confirmedAt,
  }));
}
