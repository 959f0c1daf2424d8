import { judgeCanaries } from '../db/calls.ts';
import type { Databases, Queryable } from '../db/client/pool.ts';
import type { Lifecycle } from '../process/lifecycle.ts';
import type { Log } from '../process/log.ts';
import type { Metrics } from '../process/metrics.ts';
import type { WorkerConfig } from './config.ts';
import { repeat, Trouble } from './periodic.ts';

/** Lets each database server compare its canaries with the present versions, and tells what was stopped. */

const LOOK_INTERVAL_MS = 2_000;

export function watchCanaries(
  { queues }: WorkerConfig,
  databases: Databases,
  { log, metrics }: { log: Log; metrics: Metrics },
  { stopping }: Lifecycle,
): void {
  const gauge = metrics.gauge(
    'flashsale_canary_stopped',
    'Canaries of routines: 0 runs, 1 was stopped because it fails more often or is slower',
    ['routine'],
  );
  const watch = (server: Queryable) => {
    const trouble = new Trouble(log, 'canaries');
    let shown: readonly string[] = [];
    return repeat(LOOK_INTERVAL_MS, stopping, async () => {
      try {
        const states = await judgeCanaries(server);
        const routines = states.map(({ schema, name }) => `${schema}.${name}`);
        for (const routine of shown) if (!routines.includes(routine)) gauge.remove({ routine });
        shown = routines;
        for (const { schema, name, stoppedAt, stopReason, stoppedNow } of states) {
          const routine = `${schema}.${name}`;
          gauge.set({ routine }, stoppedAt === null ? 0 : 1);
          if (stoppedNow) log.error({ routine, reason: stopReason }, 'the canary was stopped');
        }
        trouble.fine();
      } catch (error) {
        trouble.failed(error);
      }
      return 'idle';
    });
  };
  for (const server of new Set(queues.map((schema) => databases.home(schema)))) void watch(server);
}
