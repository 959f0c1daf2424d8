import type { Home } from '../contracts/homes.ts';
import { type Answers, queryHomes, toNumber } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/** The figures of the business and the backlogs, which the leading keeper reads for its metrics. */

/** Sales that closed earlier are not shown, so that old SKUs do not stay for ever. */
const CLOSED_FOR = '1 day';

/** Sums of one SKU, currency and home. A SKU that has moved may have orders in both. */
export interface SaleFigures {
  readonly schema: Home;
  readonly sku: string;
  readonly currency: string;
  /** Orders and units by state; sold: ordered or paid. */
  readonly orders: Readonly<Record<'sold' | 'paid' | 'cancelled' | 'expired', number>>;
  readonly units: Readonly<Record<'sold' | 'paid', number>>;
  /** Unpaid units by the age of their order, in minutes from and to. */
  readonly unpaid: Readonly<Record<'0-1' | '1-5' | '5-15' | '15-', number>>;
  readonly revenue: number;
  /** Payments that go back. */
  readonly refunds: Readonly<Record<'due' | 'done', number>>;
  readonly refundAmount: Readonly<Record<'due' | 'done', number>>;
}

type Column =
  | ('sold_orders' | 'sold_units' | 'paid_orders' | 'paid_units')
  | ('cancelled_orders' | 'expired_orders')
  | ('unpaid_1m' | 'unpaid_5m' | 'unpaid_15m' | 'unpaid_older' | 'revenue')
  | ('refunds_due' | 'refunds_done' | 'amount_due' | 'amount_done');
type Row = Readonly<Record<Column, string>> & {
  readonly schema: Home;
  readonly sku: string;
  readonly currency: string;
};

/** Reads the figures of the homes that answer. @throws {DatabaseError} when no home answers */
export async function saleFigures(
  databases: Databases,
  homeTimeoutMs?: number,
): Promise<Answers<SaleFigures>> {
  const { rows, missing } = await queryHomes<Row>(
    databases,
    'sale_figures',
    (schema, home) => `SELECT '${home}' AS schema, * FROM ${schema}.sale_figures($1)`,
    [CLOSED_FOR],
    homeTimeoutMs,
  );
  return { rows: rows.map(figuresOf), missing };
}

function figuresOf(row: Row): SaleFigures {
  const { schema, sku, currency } = row;
  const of = (column: Column) => toNumber(row[column]);
  return {
    ...{ schema, sku, currency },
    orders: {
      sold: of('sold_orders'),
      paid: of('paid_orders'),
      cancelled: of('cancelled_orders'),
      expired: of('expired_orders'),
    },
    units: { sold: of('sold_units'), paid: of('paid_units') },
    unpaid: {
      '0-1': of('unpaid_1m'),
      '1-5': of('unpaid_5m'),
      '5-15': of('unpaid_15m'),
      '15-': of('unpaid_older'),
    },
    // Money to look at. The books keep the exact amounts.
    revenue: Number(row.revenue),
    refunds: { due: of('refunds_due'), done: of('refunds_done') },
    refundAmount: { due: Number(row.amount_due), done: Number(row.amount_done) },
  };
}

/** More refunds, and more sessions, of a home are not counted. */
export const FAILURES_MAX = 1_000;

/** The failures at the payment provider, of one SKU and home. */
export interface PaymentFailures {
  readonly schema: Home;
  readonly sku: string;
  /** Payments that have to go back and were tried, or came back. */
  readonly refunds: number;
  /** Payment sessions of ended orders that the provider did not end. */
  readonly sessions: number;
}

/** Reads what failed in the homes that answer. @throws {DatabaseError} when no home answers */
export async function paymentFailures(databases: Databases): Promise<Answers<PaymentFailures>> {
  type FailuresRow = Record<'sku' | 'refunds' | 'sessions', string> & { schema: Home };
  const { rows, missing } = await queryHomes<FailuresRow>(
    databases,
    'payment_failures',
    (schema, home) => `SELECT '${home}' AS schema, * FROM ${schema}.payment_failures($1)`,
    [FAILURES_MAX],
  );
  const read = rows.map(({ schema, sku, refunds, sessions }) => {
    return { schema, sku, refunds: toNumber(refunds), sessions: toNumber(sessions) };
  });
  return { rows: read, missing };
}

/** A row of the view `backlog` of a home. */
export interface Backlog {
  readonly schema: Home;
  readonly waiting: string;
  readonly count: number;
  /** Seconds since the oldest of them began to wait; 0 if there is none. */
  readonly ageSeconds: number;
}

/** Reads the backlogs of the homes that answer. @throws {DatabaseError} when no home answers */
export async function backlogs(databases: Databases): Promise<Answers<Backlog>> {
  const { rows, missing } = await queryHomes<
    Record<'waiting' | 'count', string> & { schema: Home; age: number }
  >(
    databases,
    'backlogs',
    // By the clock of that server.
    (schema, home) => `
      SELECT '${home}' AS schema, b.waiting, b.count,
             greatest(coalesce(extract(epoch FROM now() - b.since), 0), 0)::float8 AS age
      FROM ${schema}.backlog b`,
    [],
  );
  const read = rows.map(({ schema, waiting, count, age }) => {
    return { schema, waiting, count: toNumber(count), ageSeconds: age };
  });
  return { rows: read, missing };
}
