import { createHash } from 'node:crypto';
import { fromUnits, toUnits, withOwnDigits } from '../../../contracts/money.ts';
import {
  type Action,
  type AuditRow,
  actionsOnce,
  type BoardSale,
  saleBoard,
} from '../../../db/calls.ts';
import { noAnswer } from '../../../db/client/errors.ts';
import type { Databases } from '../../../db/client/pool.ts';
import { type HomeSessions, inOneMoment } from '../../../db/export.ts';
import { auditHomes } from '../../../db/operations.ts';
import {
  HISTOGRAM_PARTS,
  type HomeRecords,
  lotterySecretOf,
  orderTimes,
  saleRecords,
} from '../../../db/report.ts';
import type { HistoryEntry } from '../../../zk/tree/history.ts';
import { type ExportResult, hashesOf } from '../export.ts';
import { type SkuFacts, skuFacts } from './skus.ts';

/**
 * The facts of the report of a sale, each from a record. What no record proves is not in it: figures
 * that only the memory of a process had, and latencies whose records were deleted, are left out.
 */

/** A sum of payments. */
export interface Money {
  readonly currency: string;
  readonly count: number;
  /** Decimal string. */
  readonly amount: string;
}

export interface Undecided {
  /** Units that the web nodes that report now have admitted, and those whose requests are decided. */
  readonly admitted: number;
  readonly decided: number;
  /** Messages in the queues of orders, of all sales, and dead letters. */
  readonly messages: number;
  readonly deadLetters: number;
}

export interface SaleReport {
  readonly sale: Pick<BoardSale, 'sale' | 'title' | 'opensAt' | 'closesAt' | 'isCalledOff'>;
  readonly madeAt: Date;
  readonly skus: readonly SkuFacts[];
  readonly requests: {
    /** Requests with an outcome; by outcome in `skus`. */
    readonly decided: number;
    /** Orders beyond the first of a request. */
    readonly duplicates: number;
  };
  /** Undefined if the queues or the web nodes could not be asked. */
  readonly undecided: Undecided | undefined;
  readonly payments: {
    readonly kept: readonly Money[];
    readonly refunded: readonly Money[];
    readonly refundsDue: readonly Money[];
    /** Orders with more than one payment that was kept. */
    readonly double: number;
    /** Paid orders that cost something and have no payment. */
    readonly missing: number;
  };
  readonly latency: {
    /** From the order to its payment, in milliseconds. */
    readonly pay?: { readonly count: number; readonly p50: number; readonly p95: number };
    /** Calls of place_orders whose figures are still kept, in milliseconds, by the slower home. */
    readonly call?: {
      readonly count: number;
      readonly since: string;
      readonly p50: number;
      readonly p99: number;
    };
  };
  /** Orders in equal parts of the time from the first to the last. */
  readonly histogram:
    | { readonly from: string; readonly until: string; readonly counts: readonly number[] }
    | undefined;
  /** Edits of ZooKeeper that concern the sale, oldest first. */
  readonly edits: readonly Pick<HistoryEntry, 'at' | 'who' | 'path' | 'from' | 'to'>[];
  /** The history keeps no more edits than this, so older ones may be missing. */
  readonly editsAreComplete: boolean;
  readonly actions: readonly Action[];
  readonly lottery: {
    readonly secretSha256: string;
    /** Hexadecimal; only when the sale has closed. */
    readonly secret?: string;
    /** Places in the waitlist whose rank was recomputed, and those with another rank. */
    readonly places: number;
    readonly wrongRanks: number;
  };
  /** Broken promises of the SKUs of the sale, and those that name no SKU. */
  readonly audit: readonly AuditRow[];
  readonly exports: Readonly<Record<'csv' | 'jsonl', ExportResult>>;
}

export interface ReportSources {
  readonly databases: Databases;
  readonly sessions: HomeSessions;
  /** All entries of the history; `isFull`: older ones were deleted. */
  readonly history: readonly HistoryEntry[];
  readonly historyIsFull: boolean;
  /** Units in force by SKU, from ZooKeeper. */
  readonly quotas: ReadonlyMap<string, number>;
  readonly undecided: (skus: readonly string[]) => Promise<Undecided | undefined>;
}

/**
 * Collects the facts of a sale.
 *
 * @throws {Error} there is no such sale
 * @throws {DatabaseError} also if a home does not answer: half of a proof is none
 */
export async function collectReport(sources: ReportSources, name: string): Promise<SaleReport> {
  const { databases, sessions } = sources;
  const { sales, missing, serverTime } = await saleBoard(databases);
  if (missing.length > 0) throw noAnswer(missing);
  const sale = sales.find((one) => one.sale === name);
  if (sale === undefined) throw new Error(`no sale ${name}`);
  const moment = await inOneMoment(sessions, async () => {
    const times = await orderTimes(sessions, name);
    const from = least(times.map((home) => home.from));
    const until = most(times.map((home) => home.until));
    const homes = await saleRecords(sessions, name, { from, until });
    const secret = await lotterySecretOf(sessions, name);
    return { homes, from, until, secret, exports: await hashesOf(sessions, name) };
  });
  const { homes, from, until } = moment;
  const skus = skuFacts(homes, sources.quotas);
  const names = new Set(skus.map(({ sku }) => sku));
  const actions = await actionsOnce(databases, name);
  const audited = await auditHomes(databases);
  const absent = [...actions.missing, ...audited.missing];
  if (absent.length > 0) throw noAnswer(absent);
  const isClosed = sale.closesAt <= serverTime;
  const { title, opensAt, closesAt, isCalledOff } = sale;
  return {
    sale: { sale: name, title, opensAt, closesAt, isCalledOff },
    madeAt: serverTime,
    skus,
    requests: {
      decided: total(homes, (home) => home.outcomes),
      duplicates: sum(homes, ({ checks }) => checks.repeated_requests),
    },
    undecided: await sources.undecided([...names]),
    payments: {
      kept: moneyOf(homes, ({ result }) => result === 'paid'),
      refunded: moneyOf(homes, ({ state }) => state === 'done'),
      refundsDue: moneyOf(homes, ({ state }) => state === 'due'),
      double: sum(homes, ({ checks }) => checks.double_payments),
      missing: sum(homes, ({ checks }) => checks.unpaid_orders_paid),
    },
    latency: latencyOf(homes),
    histogram:
      from === null || until === null ? undefined : { from, until, counts: histogramOf(homes) },
    edits: sources.history.filter(({ path }) => concerns(path, names)).map(editOf),
    editsAreComplete: !sources.historyIsFull,
    actions: actions.rows.toReversed(),
    lottery: {
      secretSha256: createHash('sha256')
        .update(moment.secret ?? '')
        .digest('hex'),
      ...(isClosed && moment.secret && { secret: moment.secret.toString('hex') }),
      places: sum(homes, ({ checks }) => checks.places),
      wrongRanks: sum(homes, ({ checks }) => checks.wrong_ranks),
    },
    audit: audited.rows.filter(({ sku }) => sku === null || names.has(sku)),
    exports: moment.exports,
  };
}

function least(times: readonly (string | null)[]): string | null {
  return times.filter((time) => time !== null).sort(byTime)[0] ?? null;
}

function most(times: readonly (string | null)[]): string | null {
  return (
    times
      .filter((time) => time !== null)
      .sort(byTime)
      .at(-1) ?? null
  );
}

function byTime(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((all, item) => all + of(item), 0);
}

function total(
  homes: readonly HomeRecords[],
  of: (home: HomeRecords) => readonly { readonly count: number }[],
): number {
  return sum(homes, (home) => sum(of(home), ({ count }) => count));
}

/** The sums of some payments, by currency. */
function moneyOf(
  homes: readonly HomeRecords[],
  isWanted: (row: HomeRecords['money'][number]) => boolean,
): Money[] {
  const rows = homes.flatMap(({ money }) => money.filter(isWanted));
  return [...Map.groupBy(rows, ({ currency }) => currency)].sort().map(([currency, group]) => {
    const digits = Math.max(...group.map(({ amount }) => amount.split('.')[1]?.length ?? 0));
    const units = group.reduce((all, { amount }) => all + toUnits(amount, digits), 0n);
    const amount = withOwnDigits(fromUnits(units, digits), currency);
    return { currency, count: sum(group, ({ count }) => count), amount };
  });
}

/** Percentiles of two homes cannot be merged, so those of the slower one are told. */
function latencyOf(homes: readonly HomeRecords[]): SaleReport['latency'] {
  const paid = homes.map(({ pay_ms }) => pay_ms).filter(({ count }) => count > 0);
  const calls = homes.map(({ call_ms }) => call_ms).filter(({ count }) => count > 0);
  return {
    ...(paid.length > 0 && {
      pay: {
        count: sum(paid, ({ count }) => count),
        p50: Math.max(...paid.map(({ p50 }) => p50 ?? 0)),
        p95: Math.max(...paid.map(({ p95 }) => p95 ?? 0)),
      },
    }),
    ...(calls.length > 0 && {
      call: {
        count: sum(calls, ({ count }) => count),
        since: least(calls.map(({ since }) => since)) ?? '',
        p50: Math.max(...calls.map(({ p50 }) => p50 ?? 0)),
        p99: Math.max(...calls.map(({ p99 }) => p99 ?? 0)),
      },
    }),
  };
}

function histogramOf(homes: readonly HomeRecords[]): number[] {
  const counts = new Array<number>(HISTOGRAM_PARTS).fill(0);
  for (const { part, count } of homes.flatMap(({ histogram }) => histogram)) {
    counts[part] = (counts[part] ?? 0) + count;
  }
  return counts;
}

/** Whether an edited node concerns one of the SKUs, or all SKUs. */
function concerns(path: string, skus: ReadonlySet<string>): boolean {
  const sku = /\/(?:skus|challenge|auto-keep)\/([^/]+)/.exec(path)?.[1];
  return sku === undefined || skus.has(sku);
}

function editOf({ at, who, path, from, to }: HistoryEntry): SaleReport['edits'][number] {
  return { at, who, path, from, to };
}
