import { SCHEMAS } from '../contracts/names.ts';
import type { HomeSessions } from './export.ts';

/** Reads the records of a sale. Every function throws only DatabaseError. */

/** As report_sale returns it; its header explains the members. */
export interface HomeRecords {
  readonly skus: readonly {
    readonly sku: string;
    readonly title: string;
    readonly price: string;
    readonly currency: string;
    readonly state: string;
  }[];
  readonly stock: readonly {
    readonly sku: string;
    readonly loaded: number | null;
    readonly free: number | null;
  }[];
  readonly orders: readonly {
    readonly sku: string;
    readonly status: string;
    readonly reason: string | null;
    readonly was_paid: boolean;
    readonly count: number;
    readonly units: number;
  }[];
  readonly outcomes: readonly {
    readonly sku: string;
    readonly status: string;
    readonly reason: string | null;
    readonly count: number;
  }[];
  readonly money: readonly {
    readonly currency: string;
    readonly result: 'paid' | 'refund_due';
    readonly state: 'due' | 'done' | null;
    readonly count: number;
    readonly amount: string;
  }[];
  readonly waitlist: readonly {
    readonly sku: string;
    readonly state: string;
    readonly count: number;
  }[];
  readonly histogram: readonly { readonly part: number; readonly count: number }[];
  readonly checks: {
    readonly repeated_requests: number;
    readonly double_payments: number;
    readonly unpaid_orders_paid: number;
    readonly places: number;
    readonly wrong_ranks: number;
  };
  readonly pay_ms: {
    readonly count: number;
    readonly p50: number | null;
    readonly p95: number | null;
  };
  readonly call_ms: {
    readonly count: number;
    readonly since: string | null;
    readonly p50: number | null;
    readonly p99: number | null;
  };
  readonly first_at: string | null;
  readonly last_at: string | null;
}

/** Parts of the histogram of orders. */
export const HISTOGRAM_PARTS = 60;

/** Reads the records of both homes, in the moment that the sessions show. The first is that of regular. */
export async function saleRecords(
  sessions: HomeSessions,
  sale: string,
  bounds: { readonly from: string | null; readonly until: string | null } = {
    from: null,
    until: null,
  },
): Promise<HomeRecords[]> {
  const found: HomeRecords[] = [];
  for (const schema of SCHEMAS) {
    const [row] = await sessions[schema].query<{ records: HomeRecords }>({
      text: `SELECT ${schema}.report_sale($1, $2, $3) AS records`,
      values: [sale, bounds.from, bounds.until],
    });
    if (row !== undefined) found.push(row.records);
  }
  return found;
}

/** The secret of the lottery of a sale; undefined if there is no such sale. */
export async function lotterySecretOf(
  sessions: HomeSessions,
  sale: string,
): Promise<Buffer | undefined> {
  const [row] = await sessions.regular.query<{ secret: Buffer | null }>({
    text: 'SELECT catalog.lottery_secret($1) AS secret',
    values: [sale],
  });
  return row?.secret ?? undefined;
}
