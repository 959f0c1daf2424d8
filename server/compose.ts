import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { BrokerConnection } from '../broker/connection.ts';
import { Publisher } from '../broker/publisher.ts';
import { VerdictListener } from '../broker/verdicts.ts';
import { requestOutcomes } from '../db/calls.ts';
import { saleBoard, ticketKey } from '../db/catalog.ts';
import { createPool, type Databases } from '../db/pool.ts';
import type { Lifecycle } from '../process/lifecycle.ts';
import type { Log } from '../process/log.ts';
import { startMonitor } from '../process/monitor.ts';
import { NodeAgent } from '../zk/agent.ts';
import { buildApp } from './app.ts';
import { Catalogue } from './catalogue.ts';
import type { ServerConfig } from './config.ts';
import type { Context } from './context.ts';
import { Cooldown } from './gate/cooldown.ts';
import { Gate } from './gate/gate.ts';
import { createIdentity } from './gate/identity.ts';
import { createServerMetrics, observeServer } from './metrics.ts';
import { Envelopes } from './requests/envelopes.ts';
import { Lookup } from './requests/lookup.ts';
import { Purchases } from './requests/purchases.ts';
import { StatusDesk } from './requests/status.ts';

/**
 * Puts a web node together. What is opened here closes in the reverse order when the process ends:
 * first no new requests, then no publishes, then the grant goes back, then the database.
 */
export async function compose(config: ServerConfig, log: Log, lifecycle: Lifecycle) {
  const metrics = createServerMetrics();
  const processId = `${
    hostname()
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 20) || 'web'
  }-${randomBytes(6).toString('hex')}`;

  const databases = openDatabases(config, log, lifecycle);
  const agent = new NodeAgent({
    session: {
      servers: config.zookeeper.servers,
      sessionTimeoutMs: config.zookeeper.sessionTimeoutMs,
    },
    root: config.zookeeper.root,
    nodePrefix: `web-${process.pid}`,
    log,
  });
  lifecycle.onStop('quota agent', () => agent.close());

  const catalogue = new Catalogue(
    { board: () => saleBoard(databases), ticketKey: (sale) => ticketKey(databases, sale) },
    agent,
    log,
  );
  await catalogue.start();
  lifecycle.onStop('catalogue', () => catalogue.stop());

  const broker = await BrokerConnection.open({ url: config.amqpUrl, name: 'flashsale-web', log });
  lifecycle.onStop('broker', () => broker.close());
  const publisher = await Publisher.open(broker);

  const lookup = new Lookup((ids) => requestOutcomes(databases, ids));
  const transport = {
    publish: publisher.publish.bind(publisher),
    trusted: agent.trusted.bind(agent),
  };
  const cooldown = new Cooldown(config.cooldownSeconds);
  const envelopes = new Envelopes(transport, processId, (requests) =>
    metrics.envelopeRequests.observe(requests),
  );
  const purchases = new Purchases({
    envelopes,
    lookup,
    log,
    events: {
      answered: ({ admittedAtMs }) =>
        metrics.publishSeconds.observe((performance.now() - admittedAtMs) / 1_000),
      refund({ node, sku, request }) {
        agent.refund(node, sku, request.units);
        cooldown.end(request.userId);
      },
      decided({ node, sku, request, verdict, admittedAtMs }) {
        agent.decide(node, sku, request.units);
        metrics.outcomeSeconds.observe((performance.now() - admittedAtMs) / 1_000);
        metrics.outcomes.inc({ outcome: verdict?.status ?? 'unknown' });
      },
    },
  });
  await VerdictListener.open(broker, processId, (verdicts) => {
    for (const verdict of verdicts) purchases.onVerdict(verdict);
  });
  const statusDesk = new StatusDesk(purchases, lookup);
  lifecycle.onStop('publisher', async () => {
    purchases.stop();
    envelopes.flushAll();
    await publisher.close();
  });

  const notReady = () => [
    ...agent.notReady(),
    ...(broker.connected ? [] : ['RabbitMQ connection']),
    ...(catalogue.isStale() ? ['catalogue from the database'] : []),
    ...(lifecycle.stopping.aborted ? ['stopping'] : []),
  ];
  const context: Context = {
    config,
    log,
    metrics,
    databases,
    catalogue,
    purchases,
    statusDesk,
    notReady,
    stopping: lifecycle.stopping,
    identity: createIdentity(config.identity),
    gate: new Gate({
      catalogue,
      cooldown,
      allotment: agent,
      brokerAvailable: () => publisher.available(),
      random: Math.random,
    }),
  };
  observeServer(metrics, { agent, catalogue, publisher, purchases, statusDesk });
  const app = await buildApp(context);
  lifecycle.onStop('http server', () => app.close());
  const monitor = await startMonitor({ ...config.monitor, metrics, notReady });
  lifecycle.onStop('monitor', () => monitor.close());
  return { app, monitor };
}

function openDatabases(config: ServerConfig, log: Log, lifecycle: Lifecycle): Databases {
  const { url, hotUrl, connectionsMax } = config.database;
  const open = (server: string) => {
    const pool = createPool({
      url: server,
      role: 'web',
      max: connectionsMax,
      applicationName: 'flashsale-web',
      onError: (error) => log.warn({ err: error }, 'an idle database connection broke'),
    });
    lifecycle.onStop('database', () => pool.close());
    return pool;
  };
  const regular = open(url);
  return { regular, hot: hotUrl === undefined ? regular : open(hotUrl) };
}
