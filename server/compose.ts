import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { BrokerConnection } from '../broker/connection.ts';
import { watchBroker } from '../broker/probe.ts';
import { Publisher } from '../broker/publisher.ts';
import { queueFigures } from '../broker/queues.ts';
import { VerdictListener } from '../broker/verdict-listener.ts';
import type { Verdict } from '../contracts/messages.ts';
import { ordersQueue } from '../contracts/topology.ts';
import { knownOutcomes, nodeFenced, warmForShoppers } from '../db/calls.ts';
import { saleBoard } from '../db/catalog.ts';
import { answeredAtMs } from '../db/client/homes.ts';
import { createPool, Databases } from '../db/client/pool.ts';
import { needDatabases, showDatabases } from '../db/client/watch.ts';
import { doorSeed, noteDoorKey } from '../db/door.ts';
import { POWERFUL_LOGIN } from '../db/install/logins.ts';
import { saleLottery } from '../db/lottery.ts';
import { ticketKeys } from '../db/ticket-keys.ts';
import { showPayments } from '../payment/metrics.ts';
import type { Lifecycle } from '../process/lifecycle.ts';
import type { Log } from '../process/log.ts';
import { startMonitor } from '../process/monitor.ts';
import { Readiness } from '../process/readiness.ts';
import { showSecretMarks } from '../process/secret-marks.ts';
import type { Span, Traces } from '../process/spans.ts';
import { openTraces } from '../process/traces.ts';
import { Catalogue } from './catalogue/catalogue.ts';
import type { ServerConfig } from './config.ts';
import type { Context } from './context.ts';
import { Pressure } from './gate/pressure.ts';
import { CHALLENGE_TTL_MS } from './gate/proof-of-work.ts';
import { observeServer } from './metrics.ts';
import { assembleNode } from './node.ts';
import { NodeAgent } from './quota/agent.ts';
import type { Purchases } from './requests/purchases.ts';

/** A read that takes longer was answered by the primary long ago. */
const STANDBY_STATEMENT_TIMEOUT_MS = 1_000;

/**
 * Opens the external connections of a web node and puts the node together. At the end of the
 * process they close in reverse order: first no new requests, then no publishes, then the grant
 * goes back, then the database closes.
 */
export async function compose(config: ServerConfig, log: Log, lifecycle: Lifecycle) {
  const { stopping } = lifecycle;
  const replyTo = newProcessId();
  const traces = await openTraces(config.traces, 'flashsale-web', log, lifecycle);
  const databases = openDatabases(config, log, lifecycle);
  await databases.fill();
  const agent = openAgent(config, log, lifecycle);
  const catalogue = await openCatalogue(config, log, lifecycle, { databases, agent });
  const broker = await BrokerConnection.open({
    url: config.amqpUrl,
    name: 'flashsale-web',
    homes: [...config.database.urls.keys()],
    log,
  });
  lifecycle.onStop('broker', () => broker.close());
  const publisher = await Publisher.open(broker);
  const pressure = openPressure(config, lifecycle, broker, publisher);
  // The node listens only after the catalogue was read, so only its ZooKeeper rights and its end
  // remain to be checked.
  const readiness = new Readiness(() => [
    ...agent.missingRights,
    ...(stopping.aborted ? ['stopping'] : []),
  ]);
  needDatabases(readiness, databases, stopping);
  readiness.needs('rabbitmq', await watchBroker(broker, [publisher], stopping));
  readiness.needs('zookeeper', () => {
    const missing = agent.notReady();
    return missing.length === 0 ? undefined : `without ${missing.join(', ')}`;
  });
  const { app, context, envelopes, overload } = await assembleNode({
    config,
    log,
    databases,
    catalogue,
    agent,
    publisher,
    outcomesOf: (requestIds) => knownOutcomes(databases, requestIds),
    answeredAtMs: (home) => answeredAtMs(databases, home),
    nodeFenced: (node) => nodeFenced(databases, node),
    pressure: (schema) => pressure.cause(schema),
    replyTo,
    readiness,
    stopping,
    traces,
  });
  const { metrics, purchases } = context;
  await listenToVerdicts(broker, replyTo, purchases, traces);
  lifecycle.onStop('publisher', async () => {
    purchases.stop();
    envelopes.flushAll();
    await publisher.close();
  });
  readFromStandbys(config, log, lifecycle, context);
  observeServer(context, { homes: databases.homes, overload, agent, publisher });
  readiness.show(metrics);
  showDatabases(metrics, databases, stopping);
  showPayments(metrics, config.payment, config.demo);
  showSecretMarks(metrics, secretsOf(config));
  lifecycle.onStop('http server', () => app.close());
  const monitor = await startMonitor({ ...config.monitor, metrics, readiness });
  lifecycle.onStop('monitor', () => monitor.close());
  return { app, monitor };
}

/** Those that all web nodes must have in common. */
function secretsOf({ identity, payment, notices, trustedProxies }: ServerConfig) {
  return {
    JWT_SECRET: identity.kind === 'secret' ? identity.secret : undefined,
    PAYMENT_WEBHOOK_SECRET: payment.provider === 'stripe' ? undefined : payment.webhookSecret,
    STRIPE_WEBHOOK_SECRET: payment.provider === 'stripe' ? payment.stripe.webhookSecret : undefined,
    NOTICE_SECRET: notices?.secret,
    TRUST_PROXY_SECRET: trustedProxies?.secret,
  };
}

/** Makes the routing key for this process's verdicts. */
function newProcessId(): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, 20);
  return `${host || 'web'}-${randomBytes(6).toString('hex')}`;
}

function openAgent({ zookeeper }: ServerConfig, log: Log, lifecycle: Lifecycle): NodeAgent {
  const { servers, sessionTimeoutMs, protection, root } = zookeeper;
  const agent = new NodeAgent({
    session: { servers, sessionTimeoutMs, protection },
    root,
    nodePrefix: `web-${process.pid}`,
    log,
  });
  lifecycle.onStop('quota agent', () => agent.close());
  return agent;
}

async function openCatalogue(
  config: ServerConfig,
  log: Log,
  lifecycle: Lifecycle,
  { databases, agent }: { readonly databases: Databases; readonly agent: NodeAgent },
): Promise<Catalogue> {
  const source = {
    board: () => saleBoard(databases),
    ticketKeys: (sale: string) => ticketKeys(databases, sale),
    lottery: (sale: string) => saleLottery(databases, sale),
    doorSeed: (sale: string) => doorSeed(databases, sale),
    noteDoorKey: (sale: string, key: Buffer) => noteDoorKey(databases, sale, key),
    learned: (digests: Readonly<Record<string, string>>) => agent.showSales(digests),
  };
  const lifeMs = Math.max(config.ticketTtlSeconds * 1_000, CHALLENGE_TTL_MS);
  const catalogue = new Catalogue(source, agent.switches, log, lifeMs);
  await catalogue.start();
  lifecycle.onStop('catalogue', () => catalogue.stop());
  return catalogue;
}

function openPressure(
  config: ServerConfig,
  lifecycle: Lifecycle,
  broker: BrokerConnection,
  publisher: Publisher,
): Pressure {
  const pressure = new Pressure(config.overload, {
    unconfirmed: () => publisher.unconfirmed,
    queueMessages: async () => {
      const figures = await queueFigures(broker);
      return new Map(
        broker.homes.map((home) => [
          home,
          figures.find(({ queue }) => queue === ordersQueue(home))?.messages ?? 0,
        ]),
      );
    },
  });
  pressure.start();
  lifecycle.onStop('pressure', () => pressure.stop());
  return pressure;
}

async function listenToVerdicts(
  broker: BrokerConnection,
  replyTo: string,
  purchases: Purchases,
  traces: Traces | undefined,
) {
  await VerdictListener.open(
    broker,
    replyTo,
    (verdicts, delayed, terms) => {
      for (const verdict of verdicts) {
        const span = traces && traceVerdict(traces, verdict);
        purchases.onVerdict(verdict, terms);
        span?.end();
      }
      for (const requestId of delayed) purchases.onDelayed(requestId);
    },
    (canHear) => purchases.hears(canHear),
  );
}

function traceVerdict(traces: Traces, { traceparent, status }: Verdict): Span | undefined {
  if (traceparent === undefined) return undefined;
  const attributes = { 'flashsale.outcome': status };
  return traces.resume('verdict', traceparent, { kind: 'consumer', attributes });
}

function openDatabases(config: ServerConfig, log: Log, lifecycle: Lifecycle): Databases {
  const { urls, connectionsMax } = config.database;
  return Databases.open(urls, (server) => {
    const pool = createPool({
      url: server,
      role: 'web',
      onlyAccepted: true,
      max: connectionsMax,
      min: connectionsMax,
      warmUp: warmForShoppers,
      applicationName: 'flashsale-web',
      onError: (error) => log.warn({ err: error }, 'an idle database connection broke'),
      onPowerfulLogin: (login) => log.warn({ login }, POWERFUL_LOGIN),
    });
    lifecycle.onStop('database', () => pool.close());
    return pool;
  });
}

/** Standbys serve shoppers' lists of orders. Nothing else is read there. */
function readFromStandbys(
  { database }: ServerConfig,
  log: Log,
  lifecycle: Lifecycle,
  { databases, metrics }: Context,
): void {
  const open = (url: string) => {
    const pool = createPool({
      url,
      role: 'web',
      max: database.connectionsMax,
      min: database.connectionsMax,
      statementTimeoutMs: STANDBY_STATEMENT_TIMEOUT_MS,
      applicationName: 'flashsale-web',
      onError: (error) => log.warn({ err: error }, 'a connection to a standby broke'),
    });
    lifecycle.onStop('standby', () => pool.close());
    void pool.fill();
    return pool;
  };
  databases.readFrom(database.readUrls, open, (home, answer) => {
    metrics.listReads.inc({ home, answer });
  });
}
