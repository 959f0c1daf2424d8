import { setTimeout as delay } from 'node:timers/promises';
import { BrokerConnection } from '../broker/connection.ts';
import { drainQueues } from '../broker/drain.ts';
import { watchBroker } from '../broker/probe.ts';
import { queueFigures } from '../broker/queues.ts';
import { DEAD_LETTERS_QUEUE } from '../contracts/topology.ts';
import { lastKnown } from '../db/client/homes.ts';
import { createPool, Databases } from '../db/client/pool.ts';
import { needDatabases, showDatabases } from '../db/client/watch.ts';
import { POWERFUL_LOGIN } from '../db/install/logins.ts';
import { type Elsewhere, fenceNode, hasMovedSkus, knownUnitCounts } from '../db/operations.ts';
import { beat } from '../db/restore.ts';
import { type StockFigures, type Stranded, stockFigures, strandedRows } from '../db/stranded.ts';
import { setWaitlists } from '../db/waitlist.ts';
import type { Lifecycle } from '../process/lifecycle.ts';
import type { Log } from '../process/log.ts';
import { startMonitor } from '../process/monitor.ts';
import { Readiness } from '../process/readiness.ts';
import { thrifty } from '../process/thrifty.ts';
import { showBooks } from './book-metrics.ts';
import { FIGURES_TIMEOUT_MS, watchBooks } from './books.ts';
import type { KeeperConfig } from './config.ts';
import { Keeper } from './keeper.ts';
import { HOME_COUNT_TIMEOUT_MS } from './leader.ts';
import { createKeeperMetrics } from './metrics.ts';

const STRANDED_INTERVAL_MS = 1_000;
/**
 * Share of the time that may be spent on adding up unpaid orders, which are read one by one. A
 * query of 20 ms then runs every second, one of 100 ms every five seconds.
 */
const STOCK_SHARE_MAX = 0.02;
/** One connection for the counts of units and the backlogs, one for a fence that waits for batches to end. */
const DATABASE_CONNECTIONS_MAX = 2;
/** The figures of the business read every order: one session waits for them, and holds up nothing. */
const PATIENT_CONNECTIONS_MAX = 1;

/** Composition root of a quota keeper. Resources are closed through `lifecycle`. */
export async function compose(config: KeeperConfig, log: Log, lifecycle: Lifecycle) {
  const databases = openDatabases(config, log, lifecycle, { max: DATABASE_CONNECTIONS_MAX });
  // It alone sees a database that is not accepted.
  const beating = openDatabases(config, log, lifecycle, { max: 1, onlyAccepted: false });
  const patient = openDatabases(config, log, lifecycle, {
    max: PATIENT_CONNECTIONS_MAX,
    statementTimeoutMs: FIGURES_TIMEOUT_MS,
  });
  const broker = await BrokerConnection.open({
    url: config.amqpUrl,
    name: 'flashsale-keeper',
    homes: [...config.databaseUrls.keys()],
    log,
  });
  lifecycle.onStop('broker', () => broker.close());

  const elsewhere: Elsewhere = new Map();
  const keeper = new Keeper({
    session: config.session,
    root: config.root,
    tickMs: config.tickMs,
    async unitCounts() {
      const { rows, missing } = await knownUnitCounts(databases, elsewhere, HOME_COUNT_TIMEOUT_MS);
      return { counts: rows, isComplete: missing.length === 0 };
    },
    homes: databases.areApart ? databases.homes : ['all'],
    beats: new Map(
      beating.servers.map((server) => {
        const home = beating.homeOf(server);
        return [home, (known) => beat(beating, home, known)];
      }),
    ),
    async settle(node, home) {
      const homes = home === 'all' ? databases.homes : [home];
      // Requests for a SKU that was transferred may still be in the queue of its former home.
      const isOne = home !== 'all' && !(await hasMovedSkus(databases, home));
      await drainQueues(broker, node, config.settleTimeoutMs, isOne ? homes : databases.homes);
      await delay(config.settleGraceMs);
      // From here on the database rejects every remaining request of the node.
      await fenceNode(databases, node, homes);
    },
    setWaitlists: (open, closed) => setWaitlists(databases, open, closed),
    log,
  });
  lifecycle.onStop('keeper', () => keeper.close());

  const stranded = watchStranded(keeper, { databases, broker, log }, lifecycle);
  const metrics = createKeeperMetrics(keeper, stranded);
  showBooks(metrics, watchBooks(keeper, { databases, patient, log }, lifecycle));
  const { stopping } = lifecycle;
  // A keeper that is not the leader is ready as well.
  const readiness = new Readiness(() => [
    ...keeper.missingRights,
    ...(stopping.aborted ? ['stopping'] : []),
  ]);
  needDatabases(readiness, databases, stopping);
  readiness.needs('rabbitmq', await watchBroker(broker, [], stopping));
  readiness.needs('zookeeper', () => (keeper.isConnected ? undefined : 'not connected'));
  readiness.show(metrics);
  showDatabases(metrics, databases, stopping);
  const monitor = await startMonitor({ ...config.monitor, metrics, readiness });
  lifecycle.onStop('monitor', () => monitor.close());
  return { keeper, monitor };
}

function openDatabases(
  config: KeeperConfig,
  log: Log,
  lifecycle: Lifecycle,
  limits: {
    readonly max: number;
    readonly statementTimeoutMs?: number;
    readonly onlyAccepted?: boolean;
  },
): Databases {
  return Databases.open(config.databaseUrls, (url) => {
    const pool = createPool({
      url,
      role: 'ops',
      onlyAccepted: true,
      ...limits,
      applicationName: 'flashsale-keeper',
      onError: (error) => log.warn({ err: error }, 'database connection lost'),
      onPowerfulLogin: (login) => log.warn({ login }, POWERFUL_LOGIN),
    });
    lifecycle.onStop('database', () => pool.close());
    return pool;
  });
}

/**
 * Reads once a second what holds units back, while this keeper leads. Other keepers report nothing.
 */
function watchStranded(
  keeper: Keeper,
  { databases, broker, log }: { databases: Databases; broker: BrokerConnection; log: Log },
  lifecycle: Lifecycle,
): () => readonly Stranded[] {
  let rows: readonly Stranded[] = [];
  let stock: readonly StockFigures[] = [];
  let isLooking = false;
  const stockOf = thrifty(() => stockFigures(databases), STOCK_SHARE_MAX);
  const look = async () => {
    if (isLooking) return;
    if (!keeper.leads) {
      rows = [];
      stock = [];
      return;
    }
    isLooking = true;
    try {
      stock = lastKnown(stock, await stockOf());
      const queues = await queueFigures(broker);
      const dead = queues.find(({ queue }) => queue === DEAD_LETTERS_QUEUE)?.messages ?? 0;
      rows = strandedRows(keeper.figures(), stock, dead);
    } catch (error) {
      // Keeps the last figures. Readiness reports that the database or the broker is down.
      log.debug({ err: error }, 'stranded units could not be counted');
    }
    isLooking = false;
  };
  const timer = setInterval(look, STRANDED_INTERVAL_MS);
  lifecycle.onStop('stranded units', async () => clearInterval(timer));
  return () => rows;
}
