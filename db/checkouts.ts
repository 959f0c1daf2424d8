import type { Schema } from '../contracts/names.ts';
import { schemaOfOrder } from './client/both-homes.ts';
import type { Databases } from './client/pool.ts';

/** Sessions of the payment provider, typed. Each function throws DatabaseError and nothing else. */

/** Who the database that has this order is to payment providers. Never kept: it may be made anew. */
export function installationOf(databases: Databases, orderNo: string): Promise<string> {
  return installation(databases, schemaOfOrder(orderNo));
}

/** Who the database of a schema is to payment providers. */
export async function installation(databases: Databases, schema: Schema): Promise<string> {
  const [row] = await databases[schema].query<{ id: string }>({
    name: 'installation',
    text: 'SELECT catalog.installation() AS id',
  });
  return row?.id ?? '';
}

/** Whether an order may be paid in a session that carries no identity: it is older than identities are. */
export async function isLegacyOrder(
  databases: Databases,
  { orderNo, createdAt }: { readonly orderNo: string; readonly createdAt: Date },
): Promise<boolean> {
  const [row] = await databases[schemaOfOrder(orderNo)].query<{ legacy: boolean }>({
    text: 'SELECT $1::timestamptz < catalog.legacy_before() AS legacy',
    values: [createdAt],
  });
  return row?.legacy === true;
}

/** A session as the provider has made it. */
export interface NewSession {
  readonly ref: string;
  readonly url: string;
  readonly endsAt: Date;
}

/** The session in which an order is paid now, if there is one, and which one the next would be. */
export async function liveCheckout(
  databases: Databases,
  orderNo: string,
): Promise<{ readonly session: NewSession | undefined; readonly nextAttempt: number }> {
  const schema = schemaOfOrder(orderNo);
  const [row] = await databases[schema].query<{
    url: string | null;
    attempt: number;
    session_ref: string;
    ends_at: Date;
  }>({
    name: `live_checkout_${schema}`,
    text: `SELECT url, attempt, session_ref, ends_at FROM ${schema}.live_checkout($1)`,
    values: [orderNo],
  });
  if (row === undefined) return { session: undefined, nextAttempt: 1 };
  const { url, session_ref: ref, ends_at: endsAt, attempt } = row;
  const session = url === null ? undefined : { ref, url, endsAt };
  return { session, nextAttempt: attempt + 1 };
}

/** Remembers a session. @returns the URL of the one in force; undefined: the order has ended */
export async function keepCheckout(
  databases: Databases,
  orderNo: string,
  { ref, url, endsAt }: NewSession,
): Promise<string | undefined> {
  const schema = schemaOfOrder(orderNo);
  const [row] = await databases[schema].query<{ url: string | null }>({
    text: `SELECT ${schema}.keep_checkout($1, $2, $3, $4) AS url`,
    values: [orderNo, ref, url, endsAt],
  });
  return row?.url ?? undefined;
}

export interface DueCheckout {
  readonly sessionRef: string;
  readonly orderNo: string;
  /** With this one. */
  readonly tries: number;
}

/** Takes sessions that are to be ended; nobody else has them until their next try. */
export async function takeCheckouts(
  databases: Databases,
  schema: Schema,
  prefix: string,
  limit: number,
): Promise<DueCheckout[]> {
  const rows = await databases[schema].query<{
    session_ref: string;
    order_no: string;
    tries: number;
  }>({
    name: `take_checkouts_${schema}`,
    text: `SELECT session_ref, order_no, tries FROM ${schema}.take_checkouts($1, $2)`,
    values: [prefix, limit],
  });
  return rows.map((row) => ({
    sessionRef: row.session_ref,
    orderNo: row.order_no,
    tries: row.tries,
  }));
}

/** `paying`: completed, and the provider has not said yet what became of the payment. */
export type CheckoutEnd = 'ended' | 'paying' | { readonly error: string };

/** How a session is over, or why not. @returns whether it was not known to be over */
export async function endCheckout(
  databases: Databases,
  orderNo: string,
  sessionRef: string,
  end: CheckoutEnd,
): Promise<boolean> {
  const schema = schemaOfOrder(orderNo);
  const [state, error] = typeof end === 'string' ? [end, null] : [null, end.error];
  const [row] = await databases[schema].query<{ found: boolean }>({
    text: `SELECT ${schema}.end_checkout($1, $2, $3, $4) AS found`,
    values: [orderNo, sessionRef, state, error],
  });
  return row?.found === true;
}
