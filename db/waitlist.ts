import { setTimeout as sleep } from 'node:timers/promises';
import { withOwnDigits } from '../contracts/money.ts';
import type { Schema } from '../contracts/names.ts';
import {
  type Answers,
  areApart,
  askHomes,
  changeAtOwner,
  changeInBoth,
  otherSchema,
  queryHomes,
  toNumber,
  whole,
} from './client/both-homes.ts';
import { DatabaseError, noAnswer } from './client/errors.ts';
import type { Databases, Queryable } from './client/pool.ts';
import type { OrderStatus } from './orders.ts';
import { type Refund, type RefundRow, toRefund } from './refunds.ts';

/** The line for units that come back, typed. Each function throws DatabaseError and nothing else. */

export type JoinResult =
  | 'waiting'
  | 'units_available'
  | 'limit_reached'
  | 'line_full'
  | 'not_open'
  | 'paused'
  | 'closed'
  | 'unknown_sku'
  | 'bad_units';

/** A SKU that moves meanwhile is asked for where it goes; between two servers that takes a moment. */
const MOVE_TIMEOUT_MS = 3_000;
const MOVE_POLL_MS = 20;

/**
 * Asks for a place in the line of the SKU; asking again changes nothing.
 *
 * @throws {DatabaseError} `retry` also while the SKU is on its way for longer than a moment
 * @param schema where the SKU was last known to live
 * @param units wanted at the most
 */
export async function joinWaitlist(
  databases: Databases,
  schema: Schema,
  place: { readonly sku: string; readonly userId: string; readonly units: number },
): Promise<JoinResult> {
  let home = schema;
  const deadline = performance.now() + MOVE_TIMEOUT_MS;
  for (let hop = 1; ; hop += 1) {
    const asked = home;
    const [row] = await changeAtOwner(databases, asked, (pool) =>
      pool.query<{ result: JoinResult | 'moved' }>({
        name: `join_waiting_${asked}`,
        text: `SELECT ${asked}.join_waitlist($1, $2, $3) AS result`,
        values: [place.sku, place.userId, place.units],
      }),
    );
    const result = row?.result ?? 'unknown_sku';
    if (result !== 'moved') return result;
    if (performance.now() > deadline) throw onTheWay(place.sku);
    if (hop % 2 === 0) await sleep(MOVE_POLL_MS);
    home = otherSchema(home);
  }
}

/**
 * @returns whether there was a place to give up
 * @throws {DatabaseError} `retry` when the line is on its way to another server for longer than a moment
 */
export async function leaveWaitlist(
  databases: Databases,
  sku: string,
  userId: string,
): Promise<boolean> {
  const deadline = performance.now() + MOVE_TIMEOUT_MS;
  for (;;) {
    if (await leaveNow(databases, sku, userId)) return true;
    // Neither schema had the line when it was asked: it moves, or the user does not wait.
    const [entry] = await waitlistEntries(databases, [{ sku, userId }]);
    if (entry?.state !== 'waiting') return false;
    if (performance.now() > deadline) throw onTheWay(sku);
    await sleep(MOVE_POLL_MS);
  }
}

async function leaveNow(databases: Databases, sku: string, userId: string): Promise<boolean> {
  const { rows, missing } = await changeInBoth(databases, (schema, home) =>
    home.query<{ left: boolean }>({
      name: `leave_waiting_${schema}`,
      text: `SELECT ${schema}.leave_waitlist($1, $2) AS left`,
      values: [sku, userId],
    }),
  );
  if (rows.some(({ left }) => left)) return true;
  if (missing.length > 0) throw noAnswer(missing);
  return false;
}

function onTheWay(sku: string): DatabaseError {
  return new DatabaseError('retry', `${sku} is on its way to another server`);
}

/** The order that holds a unit for somebody who waited. */
export interface ClaimedOrder {
  readonly orderNo: string;
  readonly requestId: string;
  readonly units: number;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  readonly status: OrderStatus;
  readonly createdAt: Date;
  readonly payBefore: Date;
  readonly refund: Refund | null;
}

export interface WaitlistEntry {
  readonly sale: string;
  readonly sku: string;
  readonly userId: string;
  /** Wanted at the most. */
  readonly units: number;
  /** How often a unit was held for the user before. */
  readonly claims: number;
  /** 0 ≤ rank < 1: the lowest goes first, among those with as many claims. */
  readonly rank: number;
  readonly state: 'waiting' | 'served' | 'limit_reached' | 'closed';
  readonly askedAt: Date;
  /** Who goes before, now, and how many wait; null unless `waiting`, and while the line moves. */
  readonly ahead: number | null;
  readonly inLine: number | null;
  /** Null unless `served`. */
  readonly order: ClaimedOrder | null;
}

interface EntryRow extends Record<string, unknown> {
  sale: string;
  sku: string;
  user_id: string;
  units: number;
  claims: number;
  rank: number;
  state: WaitlistEntry['state'];
  asked_at: Date;
  ended_at: Date | null;
  has_moved: boolean;
  ahead: string | null;
  in_line: string | null;
  order_no: string | null;
  request_id: string;
  order_units: number;
  amount: string;
  currency: string;
  order_status: OrderStatus;
  created_at: Date;
  pay_before: Date;
  refund: RefundRow | null;
}

/** What those who wait are told, or how it ended; no entry for who never asked or has left. */
export async function waitlistEntries(
  databases: Databases,
  places: readonly { readonly sku: string; readonly userId: string }[],
): Promise<WaitlistEntry[]> {
  return whole(await knownWaitlistEntries(databases, places));
}

/** The same, as far as it can be told now: of a place without an entry a missing home may know. */
export async function knownWaitlistEntries(
  databases: Databases,
  places: readonly { readonly sku: string; readonly userId: string }[],
): Promise<Answers<WaitlistEntry>> {
  const text = (schema: Schema) =>
    `SELECT w.*, h.moves > 0 AS has_moved FROM ${schema}.waitlist_entries($1, $2) w
     JOIN catalog.sku_homes() h USING (sku)`;
  const { rows, missing } = await queryHomes<EntryRow>(databases, 'waitlist_entries', text, [
    places.map(({ sku }) => sku),
    places.map(({ userId }) => userId),
  ]);
  // A SKU that has moved may have an older one in the schema that it left.
  const entries = new Map<string, EntryRow>();
  for (const row of rows) {
    if (missing.length > 0 && row.ended_at !== null && row.has_moved) continue;
    const key = JSON.stringify([row.sku, row.user_id]);
    const known = entries.get(key);
    if (known === undefined || isLater(row, known)) entries.set(key, row);
  }
  return { rows: [...entries.values()].map(toEntry), missing };
}

function isLater(row: EntryRow, other: EntryRow): boolean {
  if (row.ended_at === null || other.ended_at === null) return row.ended_at === null;
  return row.ended_at > other.ended_at;
}

function toEntry(row: EntryRow): WaitlistEntry {
  const { sale, sku, units, claims, rank, state } = row;
  return {
    sale,
    sku,
    userId: row.user_id,
    units,
    claims,
    rank,
    state,
    askedAt: row.asked_at,
    ahead: row.ahead === null ? null : toNumber(row.ahead),
    inLine: row.in_line === null ? null : toNumber(row.in_line),
    order: row.order_no === null ? null : toOrder(row, row.order_no),
  };
}

function toOrder(row: EntryRow, orderNo: string): ClaimedOrder {
  return {
    orderNo,
    requestId: row.request_id,
    units: row.order_units,
    amount: withOwnDigits(row.amount, row.currency),
    currency: row.currency,
    status: row.order_status,
    createdAt: row.created_at,
    payBefore: row.pay_before,
    refund: toRefund(row.refund),
  };
}

/** To which SKUs' lines units go that come back; a home that is away has to be told again. */
export async function setWaitlists(
  databases: Databases,
  open: readonly string[],
  closed: readonly string[],
): Promise<void> {
  const tell = (home: Queryable) =>
    home.query({ text: 'SELECT FROM catalog.set_waitlists($1, $2)', values: [open, closed] });
  if (areApart(databases)) await askHomes(databases, 'set_waitlists', (_, home) => tell(home));
  else await tell(databases.regular);
}
