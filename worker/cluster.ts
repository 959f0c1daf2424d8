import { clusterOf } from '../broker/management.ts';
import type { Log } from '../process/log.ts';
import type { Metrics } from '../process/metrics.ts';
import type { WorkerConfig } from './config.ts';
import { watchMembers } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';

const CLUSTER_INTERVAL_MS = 10_000;

/** Metric of the cluster nodes that hold each queue, where a management API is configured. */
export function watchCluster(
  config: WorkerConfig,
  metrics: Metrics,
  log: Log,
  stopping: AbortSignal,
) {
  const { amqpManagementUrl, amqpUrl } = config;
  if (amqpManagementUrl === undefined) return;
  const show = watchMembers(metrics);
  const trouble = new Trouble(log, 'asking for the members of queues');
  void repeat(CLUSTER_INTERVAL_MS, stopping, async () => {
    try {
      show(await clusterOf(amqpManagementUrl, amqpUrl));
      trouble.fine();
    } catch (error) {
      show(undefined);
      trouble.failed(error);
    }
    return 'idle';
  });
}
