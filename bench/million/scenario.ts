import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { audit } from '../../db/operations.ts';
import { type Beside, pressAll } from './crowd.ts';
import type { MillionOptions } from './options.ts';
import { type Books, type MillionReport, problemsOf } from './report.ts';
import type { Shop } from './shop.ts';
import { type Stage, setStage } from './stage.ts';

/**
 * The scenario of the text that the project comes from: a separate sale, a million users, and an audit at the end. Or a
 * crowd for a sale that is there: somebody tries it out. The crowd
 * sends one slice of its users after the other and signs the next requests between two slices, off the
 * clock. If there is a bare server, each slice is sent to it as well.
 */

/** Taken requests without an outcome after this time are reported as undecided. */
const DECIDED_TIMEOUT_MS = 120_000;
const POLL_MS = 100;

type Counts = Readonly<Record<string, number>>;

const both = (table: string) =>
  `(SELECT * FROM regular.${table} WHERE sale = $1 UNION ALL SELECT * FROM hot.${table} WHERE sale = $1) t`;

async function count({ databases, sale }: Stage, text: string): Promise<Counts> {
  const rows = await databases.regular.query<{ name: string; count: string }>({
    text,
    values: [sale],
  });
  return Object.fromEntries(rows.map(({ name, count }) => [name, Number(count)]));
}

function outcomesOf(stage: Stage): Promise<Counts> {
  return count(stage, `SELECT status AS name, count(*) FROM ${both('outcome')} GROUP BY 1`);
}

/** @param before the outcomes that the sale had before the crowd came */
async function readBooks(stage: Stage, taken: number, before: Counts): Promise<Books> {
  const all = await outcomesOf(stage);
  const outcomes = Object.fromEntries(
    Object.entries(all).map(([status, rows]) => [status, rows - (before[status] ?? 0)]),
  );
  const decided = Object.values(outcomes).reduce((sum, rows) => sum + rows, 0);
  return {
    outcomes,
    undecided: Math.max(0, taken - decided),
    ordersBySku: await count(
      stage,
      `SELECT sku AS name, sum(units) AS count FROM ${both('orders')}
       WHERE status IN ('ordered', 'paid') GROUP BY 1`,
    ),
    auditRows: await audit(stage.databases),
  };
}

async function untilDecided(stage: Stage, taken: number, before: Counts): Promise<Books> {
  const deadlineMs = performance.now() + DECIDED_TIMEOUT_MS;
  for (;;) {
    const books = await readBooks(stage, taken, before);
    if (books.undecided === 0 || performance.now() > deadlineMs) return books;
    await delay(POLL_MS);
  }
}

/** @throws {Error} when the shop is not ready to sell */
export async function playMillion(
  options: MillionOptions,
  shop: Shop,
  beside?: Beside,
): Promise<MillionReport> {
  const stage = await setStage(shop, options);
  const { sale, units } = stage;
  const skus = Object.keys(units);
  try {
    const key = await stage.untilOpen();
    const before = await outcomesOf(stage);
    const { hostname, port } = new URL(shop.shopUrl);
    const crowd = {
      jwtSecret: shop.jwtSecret,
      ...(shop.purpose && { purpose: shop.purpose }),
      ticketKey: key.toString('base64'),
      sale,
      skus,
      twice: options.twice,
      connections: options.connections,
    };
    const place = { host: hostname, port: Number(port || 80) };
    const played = await pressAll(options, crowd, place, beside);
    const answeredAtMs = performance.now();
    const { users, shop: sum } = played;
    const books = await untilDecided(stage, sum.byVerdict['queued'] ?? 0, before);
    const cores = cpus().length;
    return {
      options,
      sale,
      units,
      presses: sum.presses,
      unanswered: sum.unanswered,
      notPressed: options.requests - users,
      byVerdict: sum.byVerdict,
      requestsPerSecond: sum.presses / sum.seconds,
      latencyMs: sum.latencyMs,
      wallSeconds: sum.seconds,
      bareSeconds: beside ? played.bare.seconds : null,
      cpuMicroseconds: Object.fromEntries(
        [...played.cpu].map(([name, seconds]) => [name, (seconds * 1e6) / sum.presses]),
      ),
      decidedAfterSeconds: (performance.now() - answeredAtMs) / 1_000,
      ordersBySku: books.ordersBySku,
      outcomes: books.outcomes,
      undecided: books.undecided,
      auditRows: books.auditRows,
      soldOut: skus.every((sku) => books.ordersBySku[sku] === units[sku]),
      machine: {
        cores,
        busyShare: played.busySeconds / sum.seconds / cores,
        crowdShare: sum.cpuSeconds / sum.seconds / cores,
      },
      problems: problemsOf(options.requests, units, { ...sum, users }, books),
    };
  } finally {
    await stage.end();
  }
}
