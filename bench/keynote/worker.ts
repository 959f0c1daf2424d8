import { createPool, type Pool } from '../../db/client/pool.ts';
import { BATCH_LIMITS } from '../../worker/batch.ts';
import type { PlaceOrders } from '../../worker/decide.ts';
import { consumeOrders } from '../orders-worker.ts';
import { accountsOf } from './transfer.ts';

/** The shop's worker, whose batches are decided by keynote.transfer_batch. */

export interface WorkerOrder {
  readonly amqpUrl: string;
  readonly databaseUrl: string;
  readonly batchRequestsMax: number;
  readonly batchWaitMs: number;
}

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
  const pool = createPool({
    url: databaseUrl,
    max: LIMITS.callsInFlightMax,
    applicationName: 'keynote: worker',
  });
  await consumeOrders({
    amqpUrl,
    name: 'keynote worker',
    limits: { ...LIMITS, ...limits },
    placeOrders: transferBatch(pool),
    onCall(requests, seconds) {
      counts.requests += requests;
      counts.calls += 1;
      counts.callMs += seconds * 1_000;
    },
  });
}

process.on('message', async (order: { start?: WorkerOrder; counts?: true }) => {
  if (order.start) await start(order.start);
  process.send?.(counts);
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
