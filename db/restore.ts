import { type Home, schemaOf } from '../contracts/homes.ts';
import { DatabaseError } from './client/errors.ts';
import { toNumber } from './client/homes.ts';
import type { Databases, Queryable } from './client/pool.ts';

/**
 * Typed calls for a database that was set back by a restore (docs/decisions/0068). Every function throws only
 * DatabaseError.
 */

/**
 * Counts a beat of the keeper at the server of a home.
 *
 * @param known the last result, which ZooKeeper has
 * @returns undefined if the database was set back
 */
export async function beat(
  databases: Databases,
  home: Home,
  known: string | undefined,
): Promise<string | undefined> {
  const [row] = await databases.home(home).query<{ beat: string | null }>({
    name: 'beat',
    text: 'SELECT catalog.beat($1) AS beat',
    values: [known ?? null],
  });
  return row?.beat ?? undefined;
}

/** Whether the database of a home may sell. */
export async function isAccepted(databases: Databases, home: Home): Promise<boolean> {
  const text = 'SELECT catalog.is_accepted() AS is';
  const [row] = await databases.home(home).query<{ is: boolean }>({ text });
  return row?.is === true;
}

/** Lets the database of a home sell. Call it when the books balance. */
export async function acceptHistory(
  databases: Databases,
  home: Home,
  known: string | undefined,
): Promise<void> {
  const text = 'SELECT catalog.accept_history($1)';
  await databases.home(home).query({ text, values: [known ?? null] });
}

/**
 * Moves the sequences beyond what was given out.
 *
 * @param onlyTell moves nothing
 * @returns when the keeper last beat
 */
export async function skipNumbers(
  databases: Databases,
  home: Home,
  onlyTell: boolean,
): Promise<Date> {
  const text = 'SELECT catalog.skip_numbers($1) AS at';
  const [row] = await databases.home(home).query<{ at: Date }>({ text, values: [onlyTell] });
  return row?.at ?? new Date(0);
}

const READ_ONLY_SQLSTATE = '25006';

/** When the keeper last beat at a copy; undefined if the copy is a standby, which cannot be asked. */
export async function beatenAt(copy: Queryable): Promise<Date | undefined> {
  const text = 'SELECT catalog.skip_numbers(true) AS at';
  const rows = await copy.query<{ at: Date }>({ text }).catch((error: unknown) => {
    if (error instanceof DatabaseError && error.sqlstate === READ_ONLY_SQLSTATE) return [];
    throw error;
  });
  return rows[0]?.at;
}

/** An order as its shopper knows it. Amounts are decimal strings. */
export interface Promised {
  readonly orderNo: string;
  readonly sale: string;
  readonly sku: string;
  readonly userId: string;
  readonly requestId: string;
  /** The web node that admitted the request. */
  readonly node: string;
  readonly units: number;
  readonly amount: string;
  readonly currency: string;
  readonly status: string;
  readonly createdAt: Date;
  readonly changedAt: Date;
  readonly paymentRef: string | undefined;
}

interface PromisedRow extends Record<string, unknown> {
  order_no: string;
  sale: string;
  sku: string;
  user_id: string;
  request_id: string;
  node: string | null;
  units: number;
  amount: string;
  currency: string;
  status: string;
  created_at: Date;
  changed_at: Date;
  payment_ref: string | null;
}

/** The orders that changed since a time, and these orders, as their shoppers know them. */
export async function promises(
  server: Queryable,
  home: Home,
  { since, orderNos = [] }: { readonly since?: Date; readonly orderNos?: readonly string[] },
): Promise<Promised[]> {
  const rows = await server.query<PromisedRow>({
    text: `SELECT * FROM ${schemaOf(home)}.promises($1, $2)`,
    values: [since ?? 'infinity', orderNos],
  });
  return rows.map((row) => ({
    orderNo: row.order_no,
    sale: row.sale,
    sku: row.sku,
    userId: row.user_id,
    requestId: row.request_id,
    node: row.node ?? '',
    units: row.units,
    amount: row.amount,
    currency: row.currency,
    status: row.status,
    createdAt: row.created_at,
    changedAt: row.changed_at,
    paymentRef: row.payment_ref ?? undefined,
  }));
}

/** Binds a payment of another home to its order at `regular`. @returns false: it belongs to another order */
export async function claimReference(
  databases: Databases,
  { paymentRef, sale, orderNo }: Pick<Promised, 'paymentRef' | 'sale' | 'orderNo'>,
): Promise<boolean> {
  const [row] = await databases.regular.query<{ is: boolean }>({
    text: 'SELECT catalog.claim_reference($1, $2, $3) AS is',
    values: [paymentRef, sale, orderNo],
  });
  return row?.is === true;
}

/** One server's end of the transfers of a SKU in one direction. */
export interface TransferEnd {
  readonly sku: string;
  readonly sent: number;
  readonly unitsSent: number;
  /** The last transfer that the sender knows to be applied. */
  readonly done: number;
  readonly applied: number;
  readonly unitsApplied: number;
  /** Whether the SKU lives on this server. */
  readonly isHere: boolean;
}

/** The ends at one server of the transfers to `to`, by SKU of this server. */
export async function transferEnds(
  server: Queryable,
  to: Home,
  hotHome: Home,
): Promise<ReadonlyMap<string, TransferEnd>> {
  const rows = await server.query<Record<string, string> & { is_here: boolean }>({
    text: `SELECT * FROM ${schemaOf(to)}.transfer_ends($1)`,
    values: [hotHome],
  });
  return new Map(
    rows.map((row) => [
      row['sku'] ?? '',
      {
        sku: row['sku'] ?? '',
        sent: toNumber(row['sent'] ?? '0'),
        unitsSent: toNumber(row['units_sent'] ?? '0'),
        done: toNumber(row['done'] ?? '0'),
        applied: toNumber(row['applied'] ?? '0'),
        unitsApplied: toNumber(row['units_applied'] ?? '0'),
        isHere: row.is_here,
      },
    ]),
  );
}

/** A move of a SKU from one server to another. */
export interface SentHome {
  readonly sku: string;
  readonly transferNo: number;
  readonly sentAt: Date;
  /** When the sender knew that the SKU had arrived; undefined: not yet. */
  readonly doneAt: Date | undefined;
}

/** The moves from a server to `to` of the last seven days. */
export async function sentHomes(server: Queryable, to: Home, hotHome: Home): Promise<SentHome[]> {
  const rows = await server.query<{
    sku: string;
    transfer_no: string;
    sent_at: Date;
    done_at: Date | null;
  }>({ text: `SELECT * FROM ${schemaOf(to)}.sent_homes($1)`, values: [hotHome] });
  return rows.map((row) => ({
    ...{ sku: row.sku, transferNo: toNumber(row.transfer_no) },
    ...{ sentAt: row.sent_at, doneAt: row.done_at ?? undefined },
  }));
}
