import { setTimeout as delay } from 'node:timers/promises';
import { check, type Violation } from './check/check.ts';
import { DUMP_QUERIES, type Dump } from './check/dump.ts';
import { newAgent } from './crowd/client.ts';
import { Crowd, type Goods } from './crowd/crowd.ts';
import { History } from './crowd/history.ts';
import { isAgain } from './crowd/shopper.ts';
import { play } from './faults/play.ts';
import { LIMITED, PROCESSES, WAVES } from './kinds.ts';
import { Random } from './random.ts';
import { openSale, WAVE_QUOTA } from './sale.ts';
import type { Planned } from './schedule.ts';
import type { Shop } from './shop/shop.ts';

/** One run: a crowd and a schedule of faults, then calm, then the judge. */

/** Longer than it may take: the judge says that it was too long. */
const RECOVERY_WAIT_MS = 60_000;
const SELL_OUT_MS = 40_000;
const EXPIRY_MS = 30_000;
const LOOK_UP_MS = 30_000;
const POLL_MS = 100;
/** Goods whose stock or quota ends. */
const ENDING = [...LIMITED, ...WAVES];
/** Shoppers at the same time who want what is left at the end. */
const CLOSERS = 4;

export interface RunOptions {
  readonly seed: number;
  readonly schedule: readonly Planned[];
  /** The promise of how soon the system is well after the last fault. */
  readonly recoveryMaxMs: number;
  /** Lines of shoppers; fewer cost less. */
  readonly lines?: number;
}

export interface RunResult {
  readonly seed: number;
  readonly faults: number;
  /** Faults that could not begin, such as a DBA's call while the database is down. */
  readonly missed: number;
  readonly requests: number;
  readonly orders: number;
  readonly recoveryMs: number;
  readonly violations: readonly Violation[];
  readonly history: History;
  readonly dump: Dump;
}

export async function run(shop: Shop, options: RunOptions): Promise<RunResult> {
  const { seed, schedule, recoveryMaxMs } = options;
  const history = new History();
  const { sale, goods, field } = await openSale(shop, seed, history);
  const agent = newAgent();
  const { nodes, jwtSecret, paymentSecret } = shop;
  const crowd = new Crowd({ nodes, jwtSecret, paymentSecret, history, agent }, sale, goods, seed);
  const random = new Random(seed, 'closing');
  try {
    crowd.come(options.lines);
    await play(field, schedule, history);
    const recoveryMs = await recover(shop, crowd, goods, random, history, recoveryMaxMs);
    await crowd.leave();
    await sellOut(shop, crowd, goods, random, history);
    await untilSettled(shop, sale);
    await crowd.lookUp(LOOK_UP_MS);
    history.add({ kind: 'aside', requests: await shop.deadLetters() });
    const dump = await takeDump(shop, sale);
    const begun = history.entries.filter(
      (entry) => entry.kind === 'fault' && entry.phase === 'begin' && entry.restocked === undefined,
    );
    return {
      ...{ seed, recoveryMs, history, dump },
      faults: begun.length,
      missed: begun.filter((entry) => entry.kind === 'fault' && entry.error !== undefined).length,
      requests: history.entries.filter((entry) => entry.kind === 'call').length,
      orders: dump.orders.length,
      violations: check(history.entries, dump),
    };
  } finally {
    await crowd.leave();
    await agent.destroy();
  }
}

/** What a process lacks; undefined if it is well. */
async function lackOf(shop: Shop, name: string): Promise<string | undefined> {
  const url = `${shop.monitors.get(name)}/readyz`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    const { degraded } = (await response.json()) as { degraded: readonly string[] };
    return response.ok && degraded.length === 0 ? undefined : `${name}: ${degraded.join('; ')}`;
  } catch {
    return `${name} does not answer`;
  }
}

/** Waits until every process is well, and a shopper at each web node gets units of each home. */
async function recover(
  shop: Shop,
  crowd: Crowd,
  goods: readonly Goods[],
  random: Random,
  history: History,
  limitMs: number,
): Promise<number> {
  const startedAt = history.now();
  const waitedMs = () => history.now() - startedAt;
  const probes = goods
    .filter(({ name }) => name === 'plenty' || name === 'daily')
    .flatMap((one) => shop.nodes.map((_, node) => ({ one, node })));
  const parts = [
    ...PROCESSES.map((name) => ({ name: name as string, lackOf: () => lackOf(shop, name) })),
    ...probes.map(({ one, node }) => ({
      name: `${one.name} at web-${node + 1}`,
      lackOf: async () => {
        const shopper = crowd.shopper(random, undefined, node);
        const { requestId, answer } = await shopper.press(crowd.wish(one, 1), 1);
        const refusal = `${answer.status} ${answer.body['verdict'] ?? ''}`;
        if (answer.status !== 202) return refusal;
        const { status, body } = await shopper.outcome(requestId, one.sku, RECOVERY_WAIT_MS);
        return body['order'] === undefined ? `${status} ${body['status']}` : undefined;
      },
    })),
  ];
  const well = await Promise.all(
    parts.map(async ({ name, lackOf }) => {
      let lack = await lackOf();
      let last = lack;
      while (lack !== undefined && waitedMs() < RECOVERY_WAIT_MS) {
        await delay(POLL_MS);
        lack = await lackOf();
        last = lack ?? last;
      }
      const wellAfterMs = lack === undefined ? waitedMs() : null;
      return { name, wellAfterMs, ...(last !== undefined && { lack: last }) };
    }),
  );
  const tookMs = waitedMs();
  history.add({ kind: 'recovery', tookMs, limitMs, parts: well });
  return tookMs;
}

const HOMES_OF = (table: string) =>
  `(SELECT * FROM hot.${table} UNION ALL SELECT * FROM regular.${table})`;
/** Units that are free, and unpaid orders, whose units may come back. */
const FREE_OR_UNPAID = `
  SELECT (SELECT coalesce(sum(remaining), 0) FROM ${HOMES_OF('stock_slot')} s WHERE sku = $1)
       + (SELECT count(*) FROM ${HOMES_OF('orders')} o WHERE sku = $1 AND status = 'ordered') AS left`;
const NOT_ORDERED = `
  SELECT ${WAVE_QUOTA} - coalesce(sum(units), 0) AS left FROM ${HOMES_OF('orders')} o WHERE sku = $1`;

/** Units of the SKU that shoppers may still get: of a wave, those of its quota. */
async function leftOf({ databases }: Shop, { name, sku }: Goods): Promise<number> {
  const isWave = WAVES.some((one) => one === name);
  const [row] = await databases.regular.query<{ left: string }>({
    text: isWave ? NOT_ORDERED : FREE_OR_UNPAID,
    values: [sku],
  });
  return Number(row?.left);
}

/** Shoppers want all that is left, and pay for it. If they cannot have it, the history says so. */
async function sellOut(
  shop: Shop,
  crowd: Crowd,
  goods: readonly Goods[],
  random: Random,
  history: History,
): Promise<void> {
  const limited = goods.filter(({ name }) => ENDING.some((one) => one === name));
  await Promise.all(
    limited.map(async (one) => {
      const startedMs = performance.now();
      const answers: string[] = [];
      let left = Number.POSITIVE_INFINITY;
      const come = async () => {
        while (left > 0 && performance.now() - startedMs < SELL_OUT_MS) {
          const shopper = crowd.shopper(random);
          const wish = crowd.wish(one, left > 2 * CLOSERS ? one.limit : 1);
          const { requestId, answer } = await shopper.press(wish, 1);
          answers.push(String(answer.body['verdict'] ?? answer.status));
          if (answer.status === 202) {
            const { body } = await shopper.outcome(requestId, one.sku);
            const order = body['order'] as { orderNo: string } | undefined;
            if (body['status'] === 'ordered' && order) await shopper.pay(order.orderNo, wish);
          } else await delay(isAgain(answer) ? 3 * POLL_MS : 10 * POLL_MS);
          left = await leftOf(shop, one);
        }
      };
      await Promise.all(Array.from({ length: CLOSERS }, come));
      if (left > 0) history.add({ kind: 'wanted', sku: one.sku, answers });
    }),
  );
}

/** Waits until every order is paid, cancelled or expired. */
async function untilSettled({ databases }: Shop, sale: string): Promise<void> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < EXPIRY_MS) {
    const [row] = await databases.regular.query<{ unpaid: string }>({
      text: `SELECT count(*) AS unpaid FROM (SELECT sale, status FROM hot.orders
             UNION ALL SELECT sale, status FROM regular.orders) o
             WHERE o.sale = $1 AND o.status = 'ordered'`,
      values: [sale],
    });
    if (row?.unpaid === '0') return;
    await delay(3 * POLL_MS);
  }
}

async function takeDump({ databases }: Shop, sale: string): Promise<Dump> {
  const parts = await Promise.all(
    Object.entries(DUMP_QUERIES).map(async ([part, text]) => [
      part,
      await databases.regular.query({ text, values: [sale] }),
    ]),
  );
  return Object.fromEntries(parts) as Dump;
}
