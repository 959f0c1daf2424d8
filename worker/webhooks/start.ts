import { endsWithin } from '../../broker/deadline.ts';
import {
  knownWebhookLags,
  noteWebhook,
  reportWebhooks,
  takeWebhooks,
  webhookTargets,
} from '../../db/calls.ts';
import { createPool, Databases } from '../../db/client/pool.ts';
import type { Lifecycle } from '../../process/lifecycle.ts';
import type { Log } from '../../process/log.ts';
import type { Metrics } from '../../process/metrics.ts';
import type { WorkerConfig } from '../config.ts';
import { createWebhookMetrics, deliverWebhooks } from './dispatcher.ts';
import { WEBHOOK_LIMITS } from './retry.ts';

/** Separate database connections, so that webhooks never take one from orders. */
const CONNECTIONS_MAX = 2;
/** Time for attempts that are under way when the process stops. */
const STOP_TIMEOUT_MS = 2_000;

/** Delivers order events of the worker's schemas until the process stops. */
export function startWebhooks(
  { webhooks, webhookRules, databaseUrls, queues }: WorkerConfig,
  { log, metrics, isBusy }: { log: Log; metrics: Metrics; isBusy: () => boolean },
  lifecycle: Lifecycle,
): void {
  if (!webhooks) return;
  const databases = Databases.open(databaseUrls, (url) => {
    const pool = createPool({
      url,
      role: 'worker',
      onlyAccepted: true,
      max: CONNECTIONS_MAX,
      applicationName: 'flashsale webhooks',
      onError: (error) => log.warn({ err: error }, 'database connection lost'),
    });
    lifecycle.onStop('database of webhooks', () => pool.close());
    return pool;
  });
  const ended = deliverWebhooks({
    homes: queues,
    targets: () => webhookTargets(databases),
    lags: async () => {
      const { rows } = await knownWebhookLags(databases);
      return rows.filter(({ schema }) => queues.includes(schema));
    },
    calls: (schema) => ({
      take: (target, limits) => takeWebhooks(databases, schema, target, limits),
      report: (endpoint, reports) => reportWebhooks(databases, schema, endpoint, reports),
      note: (endpoint, note) => noteWebhook(databases, endpoint, note),
    }),
    isBusy,
    rules: webhookRules,
    limits: WEBHOOK_LIMITS,
    metrics: createWebhookMetrics(metrics),
    log,
    stopping: lifecycle.stopping,
  });
  // An attempt that is not recorded by then is repeated with the same id.
  lifecycle.onStop('webhooks', async () => {
    await endsWithin(STOP_TIMEOUT_MS, ended);
  });
}
