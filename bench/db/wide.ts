import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { createPool, Databases } from '../../db/client/pool.ts';
import { warmForOrders } from '../../db/client/warm.ts';
import { placeOrders } from '../../db/orders.ts';
import type { AdmittedRequest } from '../../db/place-call.ts';
import { BATCH_LIMITS, BatchPlanner } from '../../worker/batch.ts';
import { median, rounded } from '../figures.ts';
import { zipf } from '../zipf.ts';
import type { BenchOptions } from './options.ts';
import type { Say } from './parts.ts';
import type { Stage } from './stage.ts';

/**
 * Orders/s while a thousand SKUs are on sale at once: with demand that is the same for all, and with demand
 * as shops have it, where few SKUs get most of it. The requests are planned into calls by the worker's own
 * planner with its limits, and the calls are the worker's own.
 */

const SKUS = 1_000;
/** The k-th SKU gets a share proportional to k ** -EXPONENT: the first gets 39 %, the first ten 76 %. */
const ZIPF_EXPONENT = 1.5;
/** Requests that a worker holds: the default of PREFETCH_MAX. Each that is decided makes room for another. */
const REQUESTS_OPEN = 1_000;
/** More than are sold in a run, for every SKU. */
const UNITS = 1_000_000;

type Pick = () => string;

const nameOf = (rank: number) => `WIDE-${rank}`;
const demand = (exponent: number): Pick => {
  const draw = zipf(SKUS, exponent, Math.random);
  return () => nameOf(draw() + 1);
};

interface Rate {
  readonly ordersPerSecond: number;
  readonly requestsACall: number;
}

const newRequest = (): AdmittedRequest => ({
  requestId: randomUUIDv7(),
  userId: `user-${randomUUID()}`,
  units: 1,
  node: 'node-1',
});

/** A worker that always has as many requests as it may hold. */
async function work(databases: Databases, pick: Pick, seconds: number): Promise<Rate> {
  const planner = new BatchPlanner<AdmittedRequest>(BATCH_LIMITS);
  const running = new Set<Promise<void>>();
  let [orders, calls] = [0, 0];
  const startMs = performance.now();
  const isOver = () => performance.now() - startMs >= seconds * 1_000;
  const arrive = (count: number) => {
    for (let at = 0; at < count; at += 1) planner.add(pick(), newRequest(), performance.now());
  };
  const call = async (batch: NonNullable<ReturnType<typeof planner.next>>) => {
    const { sku, requests, wait } = batch;
    const decisions = await placeOrders(databases, 'hot', sku, requests, { wait, withTerms: true });
    const isLocked = (at: number) => decisions[at]?.status === 'locked';
    const locked = requests.filter((_, at) => isLocked(at));
    orders += decisions.filter(({ status }) => status === 'ordered').length;
    calls += 1;
    planner.finished(batch, locked, performance.now());
    if (!isOver()) arrive(requests.length - locked.length);
  };
  arrive(REQUESTS_OPEN);
  while (!isOver()) {
    const batch = planner.next(performance.now());
    if (batch === undefined) {
      const dueInMs = planner.dueInMs(performance.now());
      const due = dueInMs === undefined ? [] : [new Promise((done) => setTimeout(done, dueInMs))];
      await Promise.race([...running, ...due]);
      continue;
    }
    const run = call(batch);
    running.add(run);
    void run.finally(() => running.delete(run)).catch(() => {});
  }
  await Promise.all(running);
  const tookSeconds = (performance.now() - startMs) / 1_000;
  return { ordersPerSecond: orders / tookSeconds, requestsACall: orders / calls };
}

/** The trigger that copies the catalogue runs once for all SKUs, and not for each. */
const OPEN_SKUS = `
  BEGIN;
  ALTER TABLE catalog.sku DISABLE TRIGGER refresh_sku_terms;
  SELECT count(catalog.create_sku('WIDE-' || n, 'sale', 'hot', 'TV', 9.95, 'EUR', 1, ${UNITS}))
  FROM generate_series(1, ${SKUS}) AS n;
  ALTER TABLE catalog.sku ENABLE TRIGGER refresh_sku_terms;
  UPDATE catalog.sku SET sku = sku WHERE false;
  COMMIT;`;

export async function compareWide(
  stage: Stage,
  { rounds, seconds }: BenchOptions,
  say: Say,
): Promise<Record<string, number>> {
  await stage.admin.run(OPEN_SKUS);
  await stage.admin.run('VACUUM ANALYZE');
  const calls = BATCH_LIMITS.callsInFlightMax;
  const pool = createPool({
    ...{ url: stage.url, max: calls, min: calls, applicationName: 'bench' },
    warmUp: (session) => warmForOrders(session, ['hot']),
  });
  await pool.fill();
  const databases = Databases.ofOne(pool);
  const demands: Readonly<Record<string, Pick>> = {
    uniform: demand(0),
    zipf: demand(ZIPF_EXPONENT),
  };
  const rates: Record<string, Rate[]> = { uniform: [], zipf: [] };
  // The first round is a warm-up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, pick] of Object.entries(demands)) {
      await stage.admin.run('CALL bench.forget_orders()');
      const rate = await work(databases, pick, seconds);
      const told = `${Math.round(rate.ordersPerSecond)} orders/s, ${rate.requestsACall.toFixed(1)} a call`;
      say(`${SKUS} SKUs, round ${round}: ${name} ${told}`);
      if (round > 0) rates[name]?.push(rate);
    }
  }
  await pool.close();
  const of = (name: string, value: (rate: Rate) => number) => (rates[name] ?? []).map(value);
  const even = of('uniform', (rate) => rate.ordersPerSecond);
  const steep = of('zipf', (rate) => rate.ordersPerSecond);
  return {
    wide_vs_narrow: median(steep.map((one, at) => one / (even[at] ?? 0))),
    wide_zipf_orders_per_s: Math.round(median(steep)),
    wide_uniform_orders_per_s: Math.round(median(even)),
    wide_zipf_requests_a_call: rounded(median(of('zipf', (rate) => rate.requestsACall))),
    wide_uniform_requests_a_call: rounded(median(of('uniform', (rate) => rate.requestsACall))),
  };
}
