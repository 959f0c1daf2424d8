import { auditHomes } from '../../db/audit.ts';
import { noAnswer } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import { type HomeSessions, inOneMoment } from '../../db/export.ts';
import { HISTOGRAM_PARTS, type HomeRecords, orderTimes, saleRecords } from '../../db/report.ts';

/** What the databases have of a shadow when its crowd has gone. */

export interface SoldSku {
  readonly sku: string;
  /** Units of unpaid and paid orders. */
  readonly units: number;
  /** Units of all orders that there ever were. */
  readonly bought: number;
}

export interface Records {
  /** Orders of all states. */
  readonly orders: number;
  readonly paid: number;
  readonly sold: readonly SoldSku[];
  /** The most orders of a second. */
  readonly ordersPerSecond: number;
  readonly repeatedRequests: number;
  readonly doublePayments: number;
  /** Promises that are broken, of any sale. */
  readonly audit: readonly string[];
}

/** @throws {DatabaseError} also if a home does not answer */
export async function recordsOf(
  databases: Databases,
  sessions: HomeSessions,
  shadow: string,
): Promise<Records> {
  const { homes, partSeconds } = await inOneMoment(sessions, () => read(sessions, shadow));
  const { rows, missing } = await auditHomes(databases);
  if (missing.length > 0) throw noAnswer(missing);
  const orders = homes.flatMap((home) => home.orders);
  const parts = Map.groupBy(
    homes.flatMap((home) => home.histogram),
    ({ part }) => part,
  );
  const most = Math.max(0, ...[...parts.values()].map((same) => sum(same, (one) => one.count)));
  return {
    orders: sum(orders, ({ count }) => count),
    paid: sum(
      orders.filter(({ status }) => status === 'paid'),
      ({ count }) => count,
    ),
    sold: [...Map.groupBy(orders, ({ sku }) => sku)].map(([sku, own]) => ({
      sku,
      units: sum(own, ({ status, units }) =>
        status === 'ordered' || status === 'paid' ? units : 0,
      ),
      bought: sum(own, ({ units }) => units),
    })),
    ordersPerSecond: most / partSeconds,
    repeatedRequests: sum(homes, ({ checks }) => checks.repeated_requests),
    doublePayments: sum(homes, ({ checks }) => checks.double_payments),
    audit: rows.map(
      ({ schema, promise, sku, detail }) => `${schema}: ${promise} ${sku ?? ''} ${detail}`,
    ),
  };
}

/** The histogram has equal parts, so its end is moved until a part is a whole number of seconds. */
async function read(
  sessions: HomeSessions,
  shadow: string,
): Promise<{ readonly homes: HomeRecords[]; readonly partSeconds: number }> {
  const times = (await orderTimes(sessions, shadow)).flatMap(({ from, until }) =>
    from === null || until === null ? [] : [{ from: Date.parse(from), until: Date.parse(until) }],
  );
  const from = Math.min(...times.map((home) => home.from));
  const until = Math.max(...times.map((home) => home.until));
  const isSold = times.length > 0;
  const partSeconds = isSold ? Math.ceil((until + 1 - from) / 1_000 / HISTOGRAM_PARTS) : 1;
  const end = from + partSeconds * HISTOGRAM_PARTS * 1_000;
  const bounds = isSold
    ? { from: new Date(from).toISOString(), until: new Date(end).toISOString() }
    : { from: null, until: null };
  return { homes: await saleRecords(sessions, shadow, bounds), partSeconds };
}

function sum<Row>(rows: readonly Row[], of: (row: Row) => number): number {
  return rows.reduce((all, row) => all + of(row), 0);
}
