import { LATENCY_BUCKETS_SECONDS, type Metrics, SIZE_BUCKETS } from '../process/metrics.ts';

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

/** Everything that a worker counts. */
export function createWorkerMetrics(metrics: Metrics) {
  return {
    outcomes: metrics.counter('flashsale_worker_requests_total', 'Requests decided, by outcome', [
      'schema',
      'outcome',
    ]),
    batchRequests: metrics.histogram(
      'flashsale_worker_batch_requests',
      'Requests in one call of place_orders',
      SIZE_BUCKETS,
      ['schema'],
    ),
    procedureSeconds: metrics.histogram(
      'flashsale_worker_procedure_seconds',
      'Duration of a routine, commit included',
      LATENCY_BUCKETS_SECONDS,
      ['schema', 'routine'],
    ),
    retries: metrics.counter('flashsale_worker_retries_total', 'Calls that failed, by kind', [
      'schema',
      'routine',
      'kind',
    ]),
    deadLetters: metrics.counter(
      'flashsale_worker_dead_letters_total',
      'Messages given up, by cause',
      ['schema', 'cause'],
    ),
    expiredOrders: metrics.counter('flashsale_worker_expired_orders_total', 'Orders expired', [
      'schema',
    ]),
    relayedEvents: metrics.counter(
      'flashsale_worker_relayed_events_total',
      'Outbox events published and confirmed',
      ['schema'],
    ),
  };
}
