import { type Home, homeOfOrder, isHome, schemaOf } from '../contracts/homes.ts';
import type { Databases } from './client/pool.ts';

/**
 * Typed calls for sessions of the payment provider. Every function throws only DatabaseError.
 */

/**
 * Reads the installation id of the database that has this order. Do not cache it: the database may be
 * replaced by a new one.
 */
export function installationOf(databases: Databases, orderNo: string): Promise<string> {
  return installation(databases, databases.ofOrder(orderNo));
}

/** Reads the installation id of a schema's database, by which payment providers identify it. */
export async function installation(databases: Databases, home: Home): Promise<string> {
  const [row] = await databases.home(home).query<{ id: string }>({
    name: 'installation',
    text: 'SELECT catalog.installation() AS id',
  });
  return row?.id ?? '';
}

/**
 * Whether an order of this installation can have this number. The account of a provider may have other shops, with homes
 * that this one does not have.
 *
 * @throws {DatabaseError} `unavailable` if only the configuration lacks the home: the order may exist there
 */
export async function canHaveOrder(databases: Databases, orderNo: string): Promise<boolean> {
  const home = homeOfOrder(orderNo);
  if (!isHome(home) || databases.has(home)) return true;
  const [row] = await databases.regular.query<{ has: boolean }>({
    text: 'SELECT catalog.has_home($1) AS has',
    values: [home],
  });
  if (row?.has === true) databases.ofOrder(orderNo);
  return false;
}

/** Whether an order may be paid in a session without an installation id, which older versions made. */
export async function isLegacyOrder(
  databases: Databases,
  { orderNo, createdAt }: { readonly orderNo: string; readonly createdAt: Date },
): Promise<boolean> {
  const [row] = await databases.home(databases.ofOrder(orderNo)).query<{ legacy: boolean }>({
    text: 'SELECT $1::timestamptz < catalog.legacy_before() AS legacy',
    values: [createdAt],
  });
  return row?.legacy === true;
}

/** A session that the provider has created. */
export interface NewSession {
  /** The provider's reference, with the provider's name in front. */
  readonly ref: string;
  readonly url: string;
  readonly endsAt: Date;
}

/** Reads the session in which an order can be paid now, if any, and the number of the next session. */
export async function liveCheckout(
  databases: Databases,
  orderNo: string,
): Promise<{ readonly session: NewSession | undefined; readonly nextAttempt: number }> {
  const home = databases.ofOrder(orderNo);
  const [row] = await databases.home(home).query<{
    url: string | null;
    attempt: number;
    session_ref: string;
    ends_at: Date;
  }>({
    name: `live_checkout_${schemaOf(home)}`,
    text: `SELECT url, attempt, session_ref, ends_at FROM ${schemaOf(home)}.live_checkout($1)`,
    values: [orderNo],
  });
  if (row === undefined) return { session: undefined, nextAttempt: 1 };
  const { url, session_ref: ref, ends_at: endsAt, attempt } = row;
  const session = url === null ? undefined : { ref, url, endsAt };
  return { session, nextAttempt: attempt + 1 };
}

/**
 * Stores a session, unless the order already has one in force.
 *
 * @returns the URL of the session in force; undefined if the order cannot be paid any more
 */
export async function keepCheckout(
  databases: Databases,
  orderNo: string,
  { ref, url, endsAt }: NewSession,
): Promise<string | undefined> {
  const home = databases.ofOrder(orderNo);
  const [row] = await databases.home(home).query<{ url: string | null }>({
    text: `SELECT ${schemaOf(home)}.keep_checkout($1, $2, $3, $4) AS url`,
    values: [orderNo, ref, url, endsAt],
  });
  return row?.url ?? undefined;
}

export interface DueCheckout {
  readonly sessionRef: string;
  readonly orderNo: string;
  /** Number of tries, including this one. */
  readonly tries: number;
}

/**
 * Takes sessions that are to be ended. No other caller gets them until their next try is due.
 *
 * @param prefix the provider's name, with which its references begin
 */
export async function takeCheckouts(
  databases: Databases,
  home: Home,
  prefix: string,
  limit: number,
): Promise<DueCheckout[]> {
  const rows = await databases.home(home).query<{
    session_ref: string;
    order_no: string;
    tries: number;
  }>({
    name: `take_checkouts_${schemaOf(home)}`,
    text: `SELECT session_ref, order_no, tries FROM ${schemaOf(home)}.take_checkouts($1, $2)`,
    values: [prefix, limit],
  });
  return rows.map((row) => ({
    sessionRef: row.session_ref,
    orderNo: row.order_no,
    tries: row.tries,
  }));
}

/** `paying`: completed, but the provider has not yet reported the result of the payment. */
export type CheckoutEnd = 'ended' | 'paying' | { readonly error: string };

/**
 * Stores how a session ended, or why it could not be ended.
 *
 * @returns whether it is the session of the order and was not known to be over
 */
export async function endCheckout(
  databases: Databases,
  orderNo: string,
  sessionRef: string,
  end: CheckoutEnd,
): Promise<boolean> {
  const home = databases.ofOrder(orderNo);
  const [state, error] = typeof end === 'string' ? [end, null] : [null, end.error];
  const [row] = await databases.home(home).query<{ found: boolean }>({
    text: `SELECT ${schemaOf(home)}.end_checkout($1, $2, $3, $4) AS found`,
    values: [orderNo, sessionRef, state, error],
  });
  return row?.found === true;
}
