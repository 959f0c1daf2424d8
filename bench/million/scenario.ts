import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { AUDIT_TIMEOUT_MS } from '../../db/audit.ts';
import { createPool, type Databases } from '../../db/client/pool.ts';
import { audit } from '../../db/operations.ts';
import { ticketKey } from '../../db/ticket-keys.ts';
import { applySale } from '../../ops/sale/apply.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { type Beside, pressAll } from './crowd.ts';
import type { MillionOptions } from './options.ts';
import { type Books, type MillionReport, problemsOf } from './report.ts';
import type { Shop } from './shop.ts';

/**
 * The scenario of the text that the project comes from: a separate sale, a million users, and an audit at the end. The crowd
 * sends one slice of its users after the other and signs the next requests between two slices, off the
 * clock. If there is a bare server, each slice is sent to it as well.
 */

const TITLES = ['TV', 'Phone', 'Clothes'];
const OPENS_IN_MS = 2_000;
const OPEN_FOR_MS = 24 * 3_600_000;
const PAY_WINDOW_SECONDS = 900;
/** Longest wait until the shop knows the sale and the keeper has divided its quota. */
const READY_TIMEOUT_MS = 30_000;
/** Taken requests without an outcome after this time are reported as undecided. */
const DECIDED_TIMEOUT_MS = 120_000;
const POLL_MS = 100;
const ZK_SESSION_TIMEOUT_MS = 10_000;

interface Stage {
  readonly shop: Shop;
  readonly databases: Databases;
  readonly session: ZkSession;
  readonly sale: string;
  readonly skus: readonly string[];
}

async function setStage(shop: Shop, options: MillionOptions): Promise<Stage> {
  const applicationName = 'flashsale-million';
  const open = (url: string) =>
    createPool({ url, max: 2, applicationName, statementTimeoutMs: AUDIT_TIMEOUT_MS });
  const regular = open(shop.databaseUrl);
  const hot = shop.hotDatabaseUrl === undefined ? regular : open(shop.hotDatabaseUrl);
  const databases = { regular, hot };
  const session = new ZkSession({
    servers: shop.zookeeper,
    sessionTimeoutMs: ZK_SESSION_TIMEOUT_MS,
  });
  session.start();
  await session.connected(READY_TIMEOUT_MS);
  const sale = `million-${Date.now().toString(36)}`;
  const opensAt = new Date(Date.now() + OPENS_IN_MS);
  const skus = Array.from({ length: options.products }, (_, index) => {
    const title = TITLES[index] ?? `Product ${index + 1}`;
    return { sku: `${title.replace(' ', '')}-${sale.slice('million-'.length)}`, title, index };
  });
  await applySale(
    { databases, session, root: shop.zkRoot },
    {
      sale,
      title: 'The million',
      opens: { at: opensAt },
      closes: { at: new Date(opensAt.getTime() + OPEN_FOR_MS) },
      payWindowSeconds: PAY_WINDOW_SECONDS,
      skus: skus.map(({ sku, title, index }) => ({
        sku,
        title,
        // Every third product lives in the home `regular`, so that both homes are used.
        schema: index % 3 === 2 ? 'regular' : 'hot',
        price: '1.00',
        currency: 'EUR',
        userLimit: 1,
        units: options.units,
        keep: options.keep,
      })),
    },
    { actor: { by: 'npm run million' } },
  );
  return { shop, databases, session, sale, skus: skus.map(({ sku }) => sku) };
}

/** Returns the ticket key once the sale is open and the whole quota of each SKU is granted. */
async function untilOpen(stage: Stage, units: number): Promise<Buffer> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const key = await ticketKey(stage.databases, stage.sale);
    const granted = await Promise.all(stage.skus.map((sku) => grantedUnits(stage, sku)));
    if (key !== undefined && granted.every((sum) => sum >= units)) return key;
    if (performance.now() > deadlineMs) {
      const state = `granted ${granted.join(', ')} of ${units} units`;
      throw new Error(`the sale is not ready: ${state}. Is the keeper running?`);
    }
    await delay(POLL_MS);
  }
}

async function grantedUnits({ session, shop }: Stage, sku: string): Promise<number> {
  const paths = pathsBelow(shop.zkRoot).sku(sku);
  const nodes = await session.children(paths.grants);
  if (!nodes.ok) return 0;
  const grants = await Promise.all(nodes.value.map((node) => session.get(paths.grant(node))));
  return grants.reduce((sum, grant) => sum + (grant.ok ? Number(grant.value.text) : 0), 0);
}

async function readBooks(stage: Stage, taken: number): Promise<Books> {
  const { databases, sale } = stage;
  const count = async (text: string) => {
    const rows = await databases.regular.query<{ name: string; count: string }>({
      text,
      values: [sale],
    });
    return Object.fromEntries(rows.map(({ name, count }) => [name, Number(count)]));
  };
  const both = (table: string) =>
    `(SELECT * FROM regular.${table} WHERE sale = $1 UNION ALL SELECT * FROM hot.${table} WHERE sale = $1) t`;
  const outcomes = await count(
    `SELECT status AS name, count(*) FROM ${both('outcome')} GROUP BY 1`,
  );
  const decided = Object.values(outcomes).reduce((sum, rows) => sum + rows, 0);
  return {
    outcomes,
    undecided: Math.max(0, taken - decided),
    ordersBySku: await count(
      `SELECT sku AS name, sum(units) AS count FROM ${both('orders')}
       WHERE status IN ('ordered', 'paid') GROUP BY 1`,
    ),
    auditRows: await audit(databases),
  };
}

async function untilDecided(stage: Stage, taken: number): Promise<Books> {
  const deadlineMs = performance.now() + DECIDED_TIMEOUT_MS;
  for (;;) {
    const books = await readBooks(stage, taken);
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
  const { sale, skus } = stage;
  try {
    const key = await untilOpen(stage, options.units);
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
    const books = await untilDecided(stage, sum.byVerdict['queued'] ?? 0);
    const cores = cpus().length;
    return {
      options,
      sale,
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
      soldOut: skus.every((sku) => books.ordersBySku[sku] === options.units),
      machine: {
        cores,
        busyShare: played.busySeconds / sum.seconds / cores,
        crowdShare: sum.cpuSeconds / sum.seconds / cores,
      },
      problems: problemsOf(options, skus, { ...sum, users }, books),
    };
  } finally {
    // Later visitors of the shop must not see this sale as open.
    const { sku } = pathsBelow(shop.zkRoot);
    await Promise.all(skus.map((name) => stage.session.set(sku(name).state, 'closed', -1)));
    await stage.session.close();
    await stage.databases.regular.close();
    if (stage.databases.hot !== stage.databases.regular) await stage.databases.hot.close();
  }
}
