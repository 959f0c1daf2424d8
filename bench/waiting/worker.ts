import { BrokerConnection } from '../../broker/connection.ts';
import { Publisher } from '../../broker/publisher.ts';
import { placeOrders } from '../../db/calls.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import { createLog } from '../../process/log.ts';
import { createMetrics } from '../../process/metrics.ts';
import { BATCH_LIMITS } from '../../worker/batch.ts';
import { OrdersConsumer } from '../../worker/consume.ts';
import { Decider } from '../../worker/decide.ts';
import { createWorkerMetrics } from '../../worker/metrics.ts';
import { RETRY_LIMITS } from '../../worker/retry.ts';

/** The parts of the worker, composed so that the time of each COMMIT is noted. */

const PREFETCH_MAX = 1_000;

export interface WorkerOrder {
  readonly amqpUrl: string;
  readonly databaseUrl: string;
}

/** When the outcome of each request was committed, in milliseconds since 1970. */
const committed: Record<string, number> = {};

async function decideAll({ amqpUrl, databaseUrl }: WorkerOrder): Promise<void> {
  const log = createLog('bench worker', 'warn');
  const open = async (name: string) => {
    const connection = await BrokerConnection.open({ url: amqpUrl, name, log });
    await connection.whenConnected();
    return connection;
  };
  const pool = createPool({
    url: databaseUrl,
    role: 'worker',
    max: BATCH_LIMITS.callsInFlightMax,
    applicationName: 'bench worker',
  });
  const databases = Databases.ofOne(pool);
  // It ends with its process.
  const { signal } = new AbortController();
  const decider = new Decider({
    async placeOrders(sku, requests, wait) {
      const decisions = await placeOrders(databases, 'hot', sku, requests, {
        wait,
        withTerms: true,
      });
      const atMs = performance.timeOrigin + performance.now();
      for (const { requestId, status } of decisions) {
        if (status !== 'locked') committed[requestId] = atMs;
      }
      return decisions;
    },
    limits: RETRY_LIMITS,
    log,
    stopping: signal,
  });
  await OrdersConsumer.open({
    schema: 'hot',
    connection: await open('orders'),
    publisher: await Publisher.open(await open('verdicts')),
    decider,
    giveUp: signal,
    prefetchMax: PREFETCH_MAX,
    limits: BATCH_LIMITS,
    log,
    metrics: createWorkerMetrics(createMetrics('worker')),
  });
}

process.on('message', async (order: { decideAll?: WorkerOrder; committed?: true }) => {
  if (order.decideAll) await decideAll(order.decideAll);
  process.send?.(order.committed ? committed : {});
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
