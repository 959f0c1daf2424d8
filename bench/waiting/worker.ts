import { placeOrders } from '../../db/calls.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import { BATCH_LIMITS } from '../../worker/batch.ts';
import { consumeOrders } from '../orders-worker.ts';

/** The worker, which notes the time of each COMMIT. */

export interface WorkerOrder {
  readonly amqpUrl: string;
  readonly databaseUrl: string;
}

/** When the outcome of each request was committed, in milliseconds since 1970. */
const committed: Record<string, number> = {};

async function decideAll({ amqpUrl, databaseUrl }: WorkerOrder): Promise<void> {
  const pool = createPool({
    url: databaseUrl,
    role: 'worker',
    max: BATCH_LIMITS.callsInFlightMax,
    applicationName: 'bench worker',
  });
  const databases = Databases.ofOne(pool);
  await consumeOrders({
    amqpUrl,
    name: 'bench worker',
    limits: BATCH_LIMITS,
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
  });
}

process.on('message', async (order: { decideAll?: WorkerOrder; committed?: true }) => {
  if (order.decideAll) await decideAll(order.decideAll);
  process.send?.(order.committed ? committed : {});
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
