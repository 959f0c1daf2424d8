import { BrokerConnection } from '../broker/connection.ts';
import { watchBroker } from '../broker/probe.ts';
import { QueueLook } from '../broker/queues.ts';
import { createPool, Databases } from '../db/client/pool.ts';
import { needDatabases, showDatabases } from '../db/client/watch.ts';
import { POWERFUL_LOGIN } from '../db/install/logins.ts';
import { Collector } from '../ops/live/collector.ts';
import { Feed } from '../ops/live/feed.ts';
import type { Lifecycle } from '../process/lifecycle.ts';
import type { Log } from '../process/log.ts';
import { createMetrics, type Metrics } from '../process/metrics.ts';
import { startMonitor } from '../process/monitor.ts';
import { Readiness } from '../process/readiness.ts';
import { ZkSession } from '../zk/client/session.ts';
import { pathsBelow } from '../zk/tree/paths.ts';
import { buildApp } from './app.ts';
import { Changes } from './changes.ts';
import type { ConsoleConfig } from './config.ts';
import type { Context } from './context.ts';
import { Drafts } from './drafts.ts';
import { Attempts } from './login/attempts.ts';
import { cookiesOf } from './login/cookies.ts';
import { FLOW_MS } from './login/oidc.ts';
import { Sessions } from './login/sessions.ts';
import { Tokens } from './login/tokens.ts';

/** Few: a look uses them once a second, and a person now and then. Each change of a sale holds one more. */
const DATABASE_CONNECTIONS_MAX = 6;

/** Composition root of a console. Resources are closed through `lifecycle`. */
export async function compose(config: ConsoleConfig, log: Log, lifecycle: Lifecycle) {
  const { stopping } = lifecycle;
  const databases = openDatabases(config, log, lifecycle);
  const session = new ZkSession({ ...config.session, log });
  session.start();
  lifecycle.onStop('ZooKeeper session', () => session.close());
  const broker = await BrokerConnection.open({
    url: config.amqpUrl,
    name: 'flashsale-console',
    homes: databases.homes,
    log,
  });
  lifecycle.onStop('broker', () => broker.close());
  const paths = pathsBelow(config.root);
  const queueLook = new QueueLook(broker);
  const queues = () => queueLook.figures();
  const { monitors } = config;
  const collector = new Collector({ session, paths, databases, queues, monitors });
  const feed = new Feed(() => collector.look());
  lifecycle.onStop('live view', async () => feed.close());

  const readiness = new Readiness(() => (stopping.aborted ? ['stopping'] : []));
  needDatabases(readiness, databases, stopping);
  readiness.needs('rabbitmq', await watchBroker(broker, [], stopping));
  readiness.needs('zookeeper', () => (session.isConnected ? undefined : 'not connected'));
  const metrics = createMetrics('console');
  readiness.show(metrics);
  showDatabases(metrics, databases, stopping);
  showFeed(metrics, feed);
  const sessions = new Sessions(config.sessionMinutes);
  const place = { databases, session, root: config.root };
  const context: Context = {
    config,
    log,
    databases,
    broker,
    session,
    paths,
    feed,
    sessions,
    tokens: new Tokens(config.tokens),
    attempts: new Attempts(),
    cookies: cookiesOf(config.url, sessions.lifeMs, FLOW_MS),
    signIns: metrics.counter('flashsale_console_sign_ins_total', 'Tries to sign in', ['result']),
    place,
    changes: new Changes(place, log),
    drafts: new Drafts(sessions.lifeMs),
    stopping,
  };
  const app = await buildApp(context);
  lifecycle.onStop('http server', () => app.close());
  const monitor = await startMonitor({ ...config.monitor, metrics, readiness });
  lifecycle.onStop('monitor', () => monitor.close());
  return { app, monitor };
}

function showFeed(metrics: Metrics, feed: Feed): void {
  metrics.gauge('flashsale_console_viewers', 'Open live views', [], (gauge) =>
    gauge.set(feed.viewers),
  );
  metrics.gauge('flashsale_console_looks', 'Looks that were made since the start', [], (gauge) =>
    gauge.set(feed.looks),
  );
}

function openDatabases(config: ConsoleConfig, log: Log, lifecycle: Lifecycle): Databases {
  return Databases.open(config.databaseUrls, (url) => {
    const pool = createPool({
      url,
      role: 'console',
      onlyAccepted: true,
      max: DATABASE_CONNECTIONS_MAX,
      applicationName: 'flashsale-console',
      onError: (error) => log.warn({ err: error }, 'database connection lost'),
      onPowerfulLogin: (login) => log.warn({ login }, POWERFUL_LOGIN),
    });
    lifecycle.onStop('database', () => pool.close());
    return pool;
  });
}
