import { BrokerConnection } from '../broker/connection.ts';
import { Publisher } from '../broker/publisher.ts';
import { createLog } from '../process/log.ts';
import { createMetrics } from '../process/metrics.ts';
import type { BatchLimits } from '../worker/batch.ts';
import { OrdersConsumer } from '../worker/consume.ts';
import { Decider, type DeciderOptions } from '../worker/decide.ts';
import { createWorkerMetrics } from '../worker/metrics.ts';
import { RETRY_LIMITS } from '../worker/retry.ts';

/** The parts of the worker that consume a queue, for a benchmark that looks at each call or makes other calls. */

const PREFETCH_MAX = 1_000;

/** Consumes the hot queue until the process ends. */
export async function consumeOrders({
  amqpUrl,
  name,
  limits,
  ...calls
}: Pick<DeciderOptions, 'placeOrders' | 'onCall'> & {
  readonly amqpUrl: string;
  /** Of its connections and its log. */
  readonly name: string;
  readonly limits: BatchLimits;
}): Promise<void> {
  const log = createLog(name, 'warn');
  const open = async (purpose: string) => {
    const connection = await BrokerConnection.open({
      url: amqpUrl,
      name: `${name}: ${purpose}`,
      log,
    });
    await connection.whenConnected();
    return connection;
  };
  const { signal } = new AbortController();
  await OrdersConsumer.open({
    schema: 'hot',
    connection: await open('orders'),
    publisher: await Publisher.open(await open('verdicts')),
    decider: new Decider({ ...calls, limits: RETRY_LIMITS, log, stopping: signal }),
    giveUp: signal,
    prefetchMax: PREFETCH_MAX,
    limits,
    log,
    metrics: createWorkerMetrics(createMetrics('worker')),
  });
}
