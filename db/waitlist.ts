import { setTimeout as sleep } from 'node:timers/promises';
import { type Home, schemaOf } from '../contracts/homes.ts';
import { withOwnDigits } from '../contracts/money.ts';
import type { Schema } from '../contracts/names.ts';
import type { ReasonedActor } from './actions.ts';
import { DatabaseError, noAnswer, unlessNotThere } from './client/errors.ts';
import {
  type Answers,
  askHomes,
  changeAtOwner,
  changeInAll,
  homeAfter,
  queryHomes,
  toNumber,
  whole,
} from './client/homes.ts';
import type { Databases, Queryable } from './client/pool.ts';
import type { OrderStatus, ShopReason } from './orders.ts';
import { type Refund, type RefundRow, toRefund } from './refunds.ts';

/**
 * Typed calls of the waitlist for units that become free again. Every function throws only
 * DatabaseError.
 */

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

/** Maximum wait while a SKU is on its way to another server and no server has its waitlist. */
const MOVE_TIMEOUT_MS = 3_000;
const MOVE_POLL_MS = 20;

/**
 * Asks for a place in the waitlist of the SKU. Asking again changes nothing.
 *
 * @param home where the SKU was last known to live
 * @param place `units`: the maximum that the user wants
 * @throws {DatabaseError} `retry` also if the SKU stays on its way to another server for 3 s
 */
export async function joinWaitlist(
  databases: Databases,
  home: Home,
  place: { readonly sku: string; readonly userId: string; readonly units: number },
): Promise<JoinResult> {
  let asked = home;
  const deadline = performance.now() + MOVE_TIMEOUT_MS;
  for (let hop = 1; ; hop += 1) {
    const [row] = await changeAtOwner(databases, asked, (pool) =>
      pool.query<{ result: JoinResult | 'moved' }>({
        name: `join_waiting_${schemaOf(asked)}`,
        text: `SELECT ${schemaOf(asked)}.join_waitlist($1, $2, $3) AS result`,
        values: [place.sku, place.userId, place.units],
      }),
    );
    const result = row?.result ?? 'unknown_sku';
    if (result !== 'moved') return result;
    if (performance.now() > deadline) throw onTheWay(place.sku);
    if (hop % 2 === 0) await sleep(MOVE_POLL_MS);
    asked = (await homeAfter(databases, asked, place.sku)) ?? asked;
  }
}

/**
 * Gives up the user's place in the waitlist.
 *
 * @returns whether the user had a place
 * @throws {DatabaseError} `retry` also if the SKU stays on its way to another server for 3 s
 */
export async function leaveWaitlist(
  databases: Databases,
  sku: string,
  userId: string,
): Promise<boolean> {
  const deadline = performance.now() + MOVE_TIMEOUT_MS;
  for (;;) {
    if (await leaveNow(databases, sku, userId)) return true;
    // No home had the place when it was asked: either it moves, or the user has none.
    const [entry] = await waitlistEntries(databases, [{ sku, userId }]);
    if (entry?.state !== 'waiting') return false;
    if (performance.now() > deadline) throw onTheWay(sku);
    await sleep(MOVE_POLL_MS);
  }
}

async function leaveNow(databases: Databases, sku: string, userId: string): Promise<boolean> {
  const { rows, missing } = await changeInAll(databases, (home, pool) =>
    pool.query<{ left: boolean }>({
      name: `leave_waiting_${schemaOf(home)}`,
      text: `SELECT ${schemaOf(home)}.leave_waitlist($1, $2) AS left`,
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

/** The order that holds units for a user of the waitlist. */
export interface ClaimedOrder {
  readonly orderNo: string;
  readonly requestId: string;
  readonly units: number;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  readonly status: OrderStatus;
  readonly reason: ShopReason | null;
  readonly createdAt: Date;
  readonly payBefore: Date;
  readonly refund: Refund | null;
}

export interface WaitlistEntry {
  readonly sale: string;
  readonly sku: string;
  readonly userId: string;
  /** The maximum that the user wants. */
  readonly units: number;
  /** Number of claims that the user has had. */
  readonly claims: number;
  /** 0 ≤ rank < 1. Among users with equally many claims, the lowest rank is first. */
  readonly rank: number;
  readonly state: 'waiting' | 'served' | 'limit_reached' | 'closed';
  readonly askedAt: Date;
  /** Places ahead of this one now; null unless `waiting`, and while the waitlist moves. */
  readonly ahead: number | null;
  /** Places in the waitlist; null when `ahead` is. */
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
  order_reason: ShopReason | null;
  created_at: Date;
  pay_before: Date;
  refund: RefundRow | null;
}

/**
 * Reads places in the waitlist, and how places ended. A user who never asked or has left has no entry.
 *
 * @throws {DatabaseError} also if one home does not answer
 */
export async function waitlistEntries(
  databases: Databases,
  places: readonly { readonly sku: string; readonly userId: string }[],
): Promise<WaitlistEntry[]> {
  return whole(await knownWaitlistEntries(databases, places));
}

/**
 * Like `waitlistEntries`, from the homes that answer. A place without an entry may be in a missing
 * home.
 *
 * @throws {DatabaseError} if no home answers
 */
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
  // A SKU that has moved may have an older entry in a home that it left.
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
    reason: row.order_reason,
    createdAt: row.created_at,
    payBefore: row.pay_before,
    refund: toRefund(row.refund),
  };
}

/**
 * Sets for which SKUs returned units go to the waitlist. A home that does not answer is left out, so
 * the call has to be repeated.
 *
 * @param open SKUs whose returned units go to the waitlist
 * @param closed SKUs whose returned units do not; users keep their places
 * @throws {DatabaseError} if no home answers
 */
export async function setWaitlists(
  databases: Databases,
  open: readonly string[],
  closed: readonly string[],
): Promise<void> {
  const set = (home: Queryable) =>
    home.query({ text: 'SELECT FROM catalog.set_waitlists($1, $2)', values: [open, closed] });
  if (databases.areApart) await askHomes(databases, 'set_waitlists', (_, home) => set(home));
  else await set(databases.regular);
}

/**
 * Sets the time that shoppers of a sale's waitlist have to pay; undefined: the tunable claim_window_s.
 * Repeat the call if a server does not answer.
 *
 * @throws {DatabaseError} FS002 no such sale; 23514 not from 1 s to 30 days
 */
export async function setClaimWindow(
  databases: Databases,
  sale: string,
  seconds: number | undefined,
  { by, reason }: ReasonedActor,
): Promise<void> {
  for (const server of databases.servers) {
    const set = server.query({
      text: `SELECT catalog.set_claim_window($1, $2 * interval '1 s', $3, $4)`,
      values: [sale, seconds ?? null, by, reason],
    });
    await (server === databases.regular ? set : set.catch(unlessNotThere));
  }
}
