import type { Cluster } from '../broker/management.ts';
import type { QueueFigures } from '../broker/queues.ts';
import { LATENCY_BUCKETS_SECONDS, type Metrics, SIZE_BUCKETS } from '../process/metrics.ts';

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

/** Metrics of a worker. */
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
      'Dead letters published, by cause',
      ['schema', 'cause'],
    ),
    expiredOrders: metrics.counter('flashsale_worker_expired_orders_total', 'Orders expired', [
      'schema',
    ]),
    carriedTransfers: metrics.counter(
      'flashsale_worker_carried_post_total',
      'Transfers brought from the other database server',
      ['schema'],
    ),
    refundDueSeconds: metrics.gauge(
      'flashsale_refund_due_seconds',
      'Age of the oldest payment that is due for a refund; 0: there is none',
      ['schema'],
    ),
    relayedEvents: metrics.counter(
      'flashsale_worker_relayed_events_total',
      'Outbox events published and confirmed',
      ['schema'],
    ),
  };
}

/** Metrics of the messages that the consumers hold at present. */
export function watchLoad(
  metrics: Metrics,
  consumers: ReadonlyMap<string, { readonly load: ConsumerLoad }>,
): void {
  const watch = (name: string, help: string, figure: (load: ConsumerLoad) => number) =>
    metrics.gauge(name, help, ['schema'], (gauge) => {
      for (const [schema, { load }] of consumers) gauge.set({ schema }, figure(load));
    });
  watch('flashsale_worker_deliveries', 'Messages not acknowledged yet', (load) => load.deliveries);
  watch('flashsale_worker_waiting_requests', 'Requests in no call yet', (load) => load.waiting);
  watch('flashsale_worker_calls', 'Calls of place_orders under way', (load) => load.calls);
}

export interface ConsumerLoad {
  readonly deliveries: number;
  readonly waiting: number;
  readonly calls: number;
}

/** Returns the function to call with the broker's newest figures; none if the broker is down. */
export function watchQueues(metrics: Metrics): (figures: readonly QueueFigures[]) => void {
  const messages = metrics.gauge('flashsale_queue_messages', 'Messages ready in a queue', [
    'queue',
  ]);
  const consumers = metrics.gauge('flashsale_queue_consumers', 'Consumers of a queue', ['queue']);
  return (figures) => {
    messages.reset();
    consumers.reset();
    for (const figure of figures) {
      messages.set({ queue: figure.queue }, figure.messages);
      consumers.set({ queue: figure.queue }, figure.consumers);
    }
  };
}

/** Returns the function to call with the cluster's newest state; undefined if it is unknown. */
export function watchMembers(metrics: Metrics): (cluster: Cluster | undefined) => void {
  const nodes = metrics.gauge(
    'flashsale_broker_nodes',
    'Nodes of the RabbitMQ cluster, including those that are down',
  );
  const members = metrics.gauge('flashsale_queue_members', 'Nodes that hold a quorum queue', [
    'queue',
  ]);
  const online = metrics.gauge(
    'flashsale_queue_members_online',
    'Running nodes that hold a quorum queue; without a majority the queue confirms nothing',
    ['queue'],
  );
  return (cluster) => {
    nodes.remove();
    members.reset();
    online.reset();
    if (cluster === undefined) return;
    nodes.set(cluster.nodes.length);
    for (const figure of cluster.queues) {
      members.set({ queue: figure.queue }, figure.members.length);
      online.set({ queue: figure.queue }, figure.online.length);
    }
  };
}
