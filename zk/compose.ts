import { setTimeout as delay } from 'node:timers/promises';
import { BrokerConnection } from '../broker/connection.ts';
import { queueFigures } from '../broker/queues.ts';
import { settleThroughQueues } from '../broker/settle.ts';
import { DEAD_LETTERS_QUEUE } from '../contracts/topology.ts';
import { fenceNode, unitCounts } from '../db/operations.ts';
import { createPool, type Databases } from '../db/pool.ts';
import { setLines } from '../db/waiting.ts';
import type { Lifecycle } from '../process/lifecycle.ts';
import type { Log } from '../process/log.ts';
import { createMetrics } from '../process/metrics.ts';
import { startMonitor } from '../process/monitor.ts';
import type { AutoKeepFigures } from './auto-keep.ts';
import type { KeeperConfig } from './config.ts';
import type { SkuFigures } from './figures.ts';
import { Keeper } from './keeper.ts';
import { type Stranded, stockFigures, strandedRows } from './stranded.ts';
import { thrifty } from './thrifty.ts';

const STRANDED_INTERVAL_MS = 1_000;
/**
 * Share of the time for adding up unpaid orders, which are read one by one: a look of 20 ms is made each
 * second, one of 100 ms every five.
 */
const STOCK_SHARE_MAX = 0.02;
/** One for the counts, one for a fence that waits for batches to end. */
const DATABASE_CONNECTIONS_MAX = 2;

/** Puts a quota keeper together. */
export async function compose(config: KeeperConfig, log: Log, lifecycle: Lifecycle) {
  const databases = openDatabases(config, log, lifecycle);
  const broker = await BrokerConnection.open({
    url: config.amqpUrl,
    name: 'flashsale-keeper',
    log,
  });
  lifecycle.onStop('broker', () => broker.close());

  const keeper = new Keeper({
    session: config.session,
    root: config.root,
    tickMs: config.tickMs,
    unitCounts: () => unitCounts(databases),
    async settle(node) {
      await settleThroughQueues(broker, node, config.settleTimeoutMs);
      await delay(config.settleGraceMs);
      // From here on a request of the node that is still somewhere is rejected.
      await fenceNode(databases, node);
    },
    setLines: (open, closed) => setLines(databases, open, closed),
    log,
  });
  lifecycle.onStop('keeper', () => keeper.close());

  const monitor = await startMonitor({
    ...config.monitor,
    metrics: observe(keeper, watchStranded(keeper, { databases, broker, log }, lifecycle)),
    notReady: () => keeper.notReady(),
  });
  lifecycle.onStop('monitor', () => monitor.close());
  return { keeper, monitor };
}

function openDatabases(config: KeeperConfig, log: Log, lifecycle: Lifecycle): Databases {
  const open = (url: string) => {
    const pool = createPool({
      url,
      role: 'ops',
      max: DATABASE_CONNECTIONS_MAX,
      applicationName: 'flashsale-keeper',
      onError: (error) => log.warn({ err: error }, 'database connection lost'),
    });
    lifecycle.onStop('database', () => pool.close());
    return pool;
  };
  const { regular, hot } = config.databaseUrls;
  const pool = open(regular);
  return { regular: pool, hot: hot === regular ? pool : open(hot) };
}

type PerSku<Figures> = readonly (readonly [name: string, figure: keyof Figures, help: string])[];

const UNITS: PerSku<Omit<SkuFigures, 'pinnedNodes'>> = [
  ['flashsale_keeper_target_units', 'target', 'min(quota, units that exist)'],
  ['flashsale_keeper_held_units', 'held', 'Units sold or reserved in the database'],
  ['flashsale_keeper_granted_units', 'granted', 'Grants of the live web nodes, cumulative'],
  ['flashsale_keeper_spare_units', 'spare', 'Units granted and not admitted yet'],
  [
    'flashsale_keeper_under_way_units',
    'underWay',
    'Units admitted whose outcome the web node does not know yet',
  ],
  [
    'flashsale_keeper_dead_units',
    'dead',
    'Units that dead web nodes may still bring, until they are settled',
  ],
];

const AUTO_KEEP: PerSku<AutoKeepFigures> = [
  ['flashsale_keeper_kept_share', 'share', 'Share of purchase requests that is kept'],
  ['flashsale_keeper_asked_per_second', 'askedPerSecond', 'Purchase requests that come in'],
  ['flashsale_keeper_wait_seconds', 'waitSeconds', 'From the draw to the outcome'],
];

/** Looks once a second what holds units back, while this keeper leads; other keepers tell nothing. */
function watchStranded(
  keeper: Keeper,
  { databases, broker, log }: { databases: Databases; broker: BrokerConnection; log: Log },
  lifecycle: Lifecycle,
): () => readonly Stranded[] {
  let rows: readonly Stranded[] = [];
  let isLooking = false;
  const stockOf = thrifty(() => stockFigures(databases), STOCK_SHARE_MAX);
  const look = async () => {
    if (isLooking) return;
    if (!keeper.leads) {
      rows = [];
      return;
    }
    isLooking = true;
    try {
      const stock = await stockOf();
      const queues = await queueFigures(broker);
      const dead = queues.find(({ queue }) => queue === DEAD_LETTERS_QUEUE)?.messages ?? 0;
      rows = strandedRows(keeper.figures(), stock, dead);
    } catch (error) {
      // The last figures stay: that the database or the broker is down is said elsewhere.
      log.debug({ err: error }, 'no look at stranded units');
    }
    isLooking = false;
  };
  const timer = setInterval(look, STRANDED_INTERVAL_MS);
  lifecycle.onStop('stranded units', async () => clearInterval(timer));
  return () => rows;
}

function observe(keeper: Keeper, stranded: () => readonly Stranded[]) {
  const metrics = createMetrics('keeper');
  metrics.gauge('flashsale_keeper_leads', '1 while this keeper leads', [], (gauge) =>
    gauge.set(keeper.leads ? 1 : 0),
  );
  metrics.gauge('flashsale_keeper_nodes', 'Live web nodes, as the leader sees them', [], (gauge) =>
    gauge.set(keeper.nodes()),
  );
  for (const [name, figure, help] of UNITS) {
    metrics.gauge(name, help, ['sku'], (gauge) => {
      gauge.reset();
      for (const [sku, figures] of keeper.figures()) gauge.set({ sku }, figures[figure]);
    });
  }
  for (const [name, figure, help] of AUTO_KEEP) {
    metrics.gauge(name, `${help}, under keep = auto`, ['sku'], (gauge) => {
      gauge.reset();
      for (const [sku, figures] of keeper.autoKeep()) gauge.set({ sku }, figures[figure]);
    });
  }
  const help = 'Units that are not sold, by what holds them; of dead letters, messages';
  metrics.gauge('flashsale_stranded_units', help, ['sku', 'cause'], (gauge) => {
    gauge.reset();
    for (const { sku, cause, units } of stranded()) gauge.set({ sku: sku ?? '', cause }, units);
  });
  return metrics;
}
