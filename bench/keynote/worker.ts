import { BrokerConnection } from '../../broker/connection.ts';
import { Publisher } from '../../broker/publisher.ts';
import { createPool, type Pool } from '../../db/client/pool.ts';
import { createLog } from '../../process/log.ts';
import { createMetrics } from '../../process/metrics.ts';
import { BATCH_LIMITS } from '../../worker/batch.ts';
import { OrdersConsumer } from '../../worker/consume.ts';
import { Decider, type PlaceOrders } from '../../worker/decide.ts';
import { createWorkerMetrics } from '../../worker/metrics.ts';
import { RETRY_LIMITS } from '../../worker/retry.ts';
import { accountsOf } from './transfer.ts';

/** The shop's worker, whose batches are decided by keynote.transfer_batch. */

export interface WorkerOrder {
  readonly amqpUrl: string;
  readonly databaseUrl: string;
  readonly batchRequestsMax: number;
  readonly batchWaitMs: number;
}

const PREFETCH_MAX = 1_000;
/** One call at a time keeps the order of arrival. */
const LIMITS = { ...BATCH_LIMITS, callsInFlightMax: 1 };

/** Requests and calls so far. */
const counts = { requests: 0, calls: 0, callMs: 0 };

function transferBatch(pool: Pool): PlaceOrders {
  return async (_lane, requests) => {
    const pairs = requests.map(accountsOf);
    const rows = await pool.query<{ request_id: string; refusal: string }>({
      name: 'transfer_batch',
      text: 'SELECT request_id, refusal FROM keynote.transfer_batch($1, $2, $3, $4)',
      values: [
        requests.map(({ requestId }) => requestId),
        pairs.map(([from]) => from),
        pairs.map(([, to]) => to),
        requests.map(({ units }) => units),
      ],
    });
    const refusals = new Map(rows.map((row) => [row.request_id, row.refusal]));
    return requests.map(({ requestId, units }) => {
      const reason = refusals.get(requestId) ?? null;
      const isMade = reason === null;
      const status = isMade ? 'ordered' : 'rejected';
      return { requestId, status, reason, orderNo: null, units: isMade ? units : 0 };
    });
  };
}

async function start({ amqpUrl, databaseUrl, ...limits }: WorkerOrder): Promise<void> {
  const log = createLog('keynote worker', 'warn');
  const open = async (name: string) => {
    const connection = await BrokerConnection.open({ url: amqpUrl, name, log });
    await connection.whenConnected();
    return connection;
  };
  const pool = createPool({
    url: databaseUrl,
    max: LIMITS.callsInFlightMax,
    applicationName: 'keynote: worker',
  });
  // It ends with its process.
  const { signal } = new AbortController();
  const decider = new Decider({
    placeOrders: transferBatch(pool),
    limits: RETRY_LIMITS,
    log,
    stopping: signal,
    onCall(requests, seconds) {
      counts.requests += requests;
      counts.calls += 1;
      counts.callMs += seconds * 1_000;
    },
  });
  await OrdersConsumer.open({
    schema: 'hot',
    connection: await open('keynote: transfers'),
    publisher: await Publisher.open(await open('keynote: verdicts')),
    decider,
    giveUp: signal,
    prefetchMax: PREFETCH_MAX,
    limits: { ...LIMITS, ...limits },
    log,
    metrics: createWorkerMetrics(createMetrics('worker')),
  });
}

process.on('message', async (order: { start?: WorkerOrder; counts?: true }) => {
  if (order.start) await start(order.start);
  process.send?.(counts);
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
