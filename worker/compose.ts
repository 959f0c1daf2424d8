import { randomUUID } from 'node:crypto';
import { BrokerConnection } from '../broker/connection.ts';
import { endsWithin } from '../broker/deadline.ts';
import { watchBroker } from '../broker/probe.ts';
import { Publisher } from '../broker/publisher.ts';
import { queueFigures } from '../broker/queues.ts';
import type { Home } from '../contracts/homes.ts';
import { ordersQueue } from '../contracts/topology.ts';
import { AUDIT_TIMEOUT_MS, auditSchema, endAudit, takeAudit } from '../db/audit.ts';
import {
  carry,
  expireOrders,
  leaveOutbox,
  oldestRefundDue,
  outboxBatch,
  outboxDone,
  overdueSkus,
  placeOrders,
  renewSlots,
  routesTo,
  trimPlaceCalls,
  trimRequestIndex,
  warmForOrders,
} from '../db/calls.ts';
import { createPool, Databases } from '../db/client/pool.ts';
import { needDatabases, showDatabases } from '../db/client/watch.ts';
import { POWERFUL_LOGIN } from '../db/install/logins.ts';
import { showPayments } from '../payment/metrics.ts';
import type { Lifecycle } from '../process/lifecycle.ts';
import type { Log } from '../process/log.ts';
import { createMetrics } from '../process/metrics.ts';
import { startMonitor } from '../process/monitor.ts';
import { Readiness } from '../process/readiness.ts';
import { showSecretMarks } from '../process/secret-marks.ts';
import type { Traces } from '../process/spans.ts';
import { openTraces } from '../process/traces.ts';
import { type AuditMetrics, auditBooks, createAuditMetrics } from './audit.ts';
import { watchCanaries } from './canary.ts';
import { carryTransfers } from './carry.ts';
import { watchCluster } from './cluster.ts';
import type { WorkerConfig } from './config.ts';
import { OrdersConsumer } from './consume.ts';
import { Decider, type PlaceOrders } from './decide.ts';
import { expireOverdueOrders } from './expire.ts';
import { createWorkerMetrics, type WorkerMetrics, watchLoad, watchQueues } from './metrics.ts';
import { startNotices } from './notices/start.ts';
import { relayOutbox } from './outbox.ts';
import { repeat } from './periodic.ts';
import { watchRefunds } from './refund.ts';
import { SlotRenewal } from './renew.ts';
import { RETRY_LIMITS } from './retry.ts';
import { settleAtStripe } from './settle-at-stripe.ts';
import { tracedCalls } from './traced.ts';
import { startWebhooks } from './webhooks/start.ts';

/** Time for unfinished requests when the process stops; another worker gets the rest. */
const DRAIN_TIMEOUT_MS = 10_000;
/** Connections for expiry and the outbox, in addition to the calls of place_orders. */
const OTHER_CONNECTIONS_MAX = 2;
/** Additional connections for transfers, with several servers. */
const TRANSFER_CONNECTIONS_MAX = 2;
/** Time for the broker to confirm the last verdicts. */
const FLUSH_TIMEOUT_MS = 1_000;
const QUEUE_FIGURES_INTERVAL_MS = 2_000;
const TRIM_INTERVAL_MS = 30_000;
/** One audit at a time, of one schema. */
const AUDIT_CONNECTIONS_MAX = 1;

/** Dependencies of the work for one schema. */
interface Context {
  readonly config: WorkerConfig;
  readonly databases: Databases;
  readonly consuming: BrokerConnection;
  readonly verdicts: Publisher;
  readonly events: Publisher;
  readonly metrics: WorkerMetrics;
  readonly log: Log;
  readonly traces: Traces | undefined;
}

interface Service {
  readonly consumer: OrdersConsumer;
  stop(): Promise<void>;
}

/** Connects the parts of a worker. */
export async function compose(config: WorkerConfig, log: Log, lifecycle: Lifecycle) {
  const registry = createMetrics('worker');
  const metrics = createWorkerMetrics(registry);
  const traces = await openTraces(config.traces, 'flashsale-worker', log, lifecycle);
  const databases = openDatabases(config, lifecycle, log);
  const open = async (name: string) => {
    const connection = await BrokerConnection.open({
      url: config.amqpUrl,
      name,
      homes: databases.homes,
      log,
    });
    lifecycle.onStop(name, () => connection.close());
    return connection;
  };
  const publishing = await open('worker: verdicts and events');
  const consuming = await open('worker: orders');
  // Each publisher has its own window, so that a full outbox does not delay verdicts.
  const verdicts = await Publisher.open(publishing);
  const events = await Publisher.open(publishing);
  const context = { config, databases, consuming, verdicts, events, metrics, log, traces };
  const consumers = new Map<Home, OrdersConsumer>();
  lifecycle.onStop('verdicts', async () => {
    await endsWithin(FLUSH_TIMEOUT_MS, verdicts.close());
  });
  // Before orders are consumed, so that none of them waits for a database session.
  await databases.fill();
  const services: Service[] = [];
  lifecycle.onStop('orders', async () => {
    await Promise.all(services.map((service) => service.stop()));
  });
  for (const schema of config.queues) {
    const service = await serve(schema, context, lifecycle.stopping);
    services.push(service);
    consumers.set(schema, service.consumer);
  }
  startAudits(config, { log, metrics: createAuditMetrics(registry) }, lifecycle);
  watchCanaries(config, databases, { log, metrics: registry }, lifecycle);
  watchLoad(registry, consumers);
  const showFigures = watchQueues(registry);
  void repeat(QUEUE_FIGURES_INTERVAL_MS, lifecycle.stopping, async () => {
    showFigures(await queueFigures(consuming).catch(() => []));
    return 'idle';
  });
  watchCluster(config, registry, log, lifecycle.stopping);
  const { stopping } = lifecycle;
  const readiness = new Readiness(() => (stopping.aborted ? ['stopping'] : []));
  needDatabases(readiness, databases, stopping);
  const brokerTrouble = await watchBroker(publishing, [verdicts, events], stopping);
  readiness.needs('rabbitmq', () => {
    const idle = [...consumers].filter(([, { consuming }]) => !consuming);
    const notConsuming = idle.map(([schema]) => `${ordersQueue(schema)} is not consumed`);
    return brokerTrouble() ?? notConsuming[0];
  });
  readiness.show(registry);
  showDatabases(registry, databases, stopping);
  showPayments(registry, config.payment, config.demo);
  showSecretMarks(registry, { NOTICE_SECRET: config.notices?.secret });
  const isBusy = () => [...consumers.values()].some((consumer) => consumer.isBusy);
  startWebhooks(config, { log, metrics: registry, isBusy }, lifecycle);
  startNotices(config, { log, metrics: registry, isBusy }, lifecycle);
  const monitor = await startMonitor({ ...config.monitor, metrics: registry, readiness });
  lifecycle.onStop('monitor', () => monitor.close());
  return { monitor };
}

function openDatabases(config: WorkerConfig, lifecycle: Lifecycle, log: Log): Databases {
  const { databaseUrls, batch, queues } = config;
  return Databases.open(databaseUrls, (url, homes) => {
    // With several servers, a home also needs sessions for transfers, and may be asked by any queue.
    const areApart = homes.length < databaseUrls.size;
    const served = areApart ? homes : queues;
    const pool = createPool({
      url,
      role: 'worker',
      onlyAccepted: true,
      max:
        served.length * (batch.callsInFlightMax + OTHER_CONNECTIONS_MAX) +
        (areApart ? TRANSFER_CONNECTIONS_MAX : 0),
      min: homes.filter((home) => queues.includes(home)).length * batch.callsInFlightMax,
      warmUp: (session) => warmForOrders(session, served),
      applicationName: 'flashsale worker',
      onError: (error) => log.warn({ err: error }, 'database connection lost'),
      onPowerfulLogin: (login) => log.warn({ login }, POWERFUL_LOGIN),
    });
    lifecycle.onStop(`database of ${homes.join(' and ')}`, () => pool.close());
    return pool;
  });
}

/** Audits the worker's homes on separate sessions: an audit may take far longer than an order. */
function startAudits(
  { databaseUrls, queues, auditIntervalMs }: WorkerConfig,
  { log, metrics }: { log: Log; metrics: AuditMetrics },
  lifecycle: Lifecycle,
): void {
  const databases = Databases.open(databaseUrls, (url) => {
    const pool = createPool({
      url,
      role: 'worker',
      onlyAccepted: true,
      max: AUDIT_CONNECTIONS_MAX,
      applicationName: 'flashsale audit',
      statementTimeoutMs: AUDIT_TIMEOUT_MS,
      onError: (error) => log.warn({ err: error }, 'database connection lost'),
    });
    lifecycle.onStop('database of audits', () => pool.close());
    return pool;
  });
  for (const schema of queues) {
    void auditBooks({
      schema,
      calls: {
        take: () => takeAudit(databases, schema),
        run: () => auditSchema(databases, schema),
        end: (done) => endAudit(databases, schema, done),
      },
      intervalMs: auditIntervalMs,
      log,
      metrics,
      stopping: lifecycle.stopping,
    });
  }
}

/** Consumes the orders of one home, expires them and publishes their events. */
async function serve(schema: Home, context: Context, stopping: AbortSignal): Promise<Service> {
  const { config, databases, metrics, log, traces } = context;
  const giveUp = new AbortController();
  const routine = 'place_orders';
  const renewal = new SlotRenewal({
    ...{ schema, log, metrics },
    renewSlots: (sku, deadMin) => renewSlots(databases, schema, sku, deadMin),
  });
  const place: PlaceOrders = async (sku, requests, wait) => {
    const placed = await placeOrders(databases, schema, sku, requests, { wait, withTerms: true });
    renewal.called(sku);
    return placed;
  };
  const decider = new Decider({
    placeOrders: traces === undefined ? place : tracedCalls(place, schema, traces),
    limits: RETRY_LIMITS,
    log,
    stopping: giveUp.signal,
    onCall(requests, seconds) {
      metrics.batchRequests.observe({ schema }, requests);
      metrics.procedureSeconds.observe({ schema, routine }, seconds);
    },
    onRetry: (kind) => metrics.retries.inc({ schema, routine, kind }),
  });
  const consumer = await OrdersConsumer.open({
    schema,
    connection: context.consuming,
    publisher: context.verdicts,
    decider,
    prefetchMax: config.prefetchMax,
    limits: config.batch,
    giveUp: giveUp.signal,
    log,
    metrics,
    traces,
  });
  const relay = randomUUID();
  const common = { schema, log, metrics, stopping };
  const loops = [
    expireOverdueOrders({
      ...common,
      overdueSkus: () => overdueSkus(databases, schema),
      expireOrders: async (skus, ordersMax) => {
        const expired = await expireOrders(databases, schema, ordersMax, skus);
        return expired.reduce((sum, { orders }) => sum + orders, 0);
      },
    }),
    relayOutbox({
      ...common,
      publisher: context.events,
      isBusy: () => consumer.isBusy,
      outbox: {
        take: (rowsMax) => outboxBatch(databases, schema, relay, rowsMax),
        done: (eventNos) => outboxDone(databases, schema, eventNos),
        leave: () => leaveOutbox(databases, schema, relay),
      },
    }),
    watchRefunds({ ...common, oldest: () => oldestRefundDue(databases, schema) }),
    repeat(TRIM_INTERVAL_MS, stopping, async () => {
      // A failed trim is made up for by the next one.
      await trimPlaceCalls(databases, schema).catch(() => 0);
      await trimRequestIndex(databases, schema).catch(() => 0);
      return 'idle';
    }),
  ];
  const { stripe } = config.payment;
  if (stripe !== undefined) loops.push(...(await settleAtStripe(stripe, databases, common)));
  for (const route of databases.areApart ? routesTo(databases, schema) : []) {
    const bring = async () => (await carry(route)).transfers;
    loops.push(carryTransfers({ ...common, carry: bring }));
  }
  const stop = async () => {
    if (!(await endsWithin(DRAIN_TIMEOUT_MS, consumer.drain()))) {
      log.warn({ schema, ...consumer.load }, 'stopping with unfinished requests');
    }
    giveUp.abort();
    await consumer.close();
    await Promise.all(loops);
  };
  return { consumer, stop };
}
