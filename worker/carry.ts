import type { Home } from '../contracts/homes.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';

/** Short, because a late payment waits for its transfer, and so does a SKU whose mover has died. */
const CARRY_INTERVAL_MS = 200;

export interface CarryOptions {
  /** Home that receives the transfers from the other server. */
  readonly schema: Home;
  /** Applies waiting transfers on the server of `schema`; returns how many. */
  readonly carry: () => Promise<number>;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
  readonly stopping: AbortSignal;
}

/** Carries transfers from the other server. All workers may do this; each transfer is applied once. */
export function carryTransfers(options: CarryOptions): Promise<void> {
  const { schema, carry, log, metrics, stopping } = options;
  const routine = 'apply_transfers';
  const trouble = new Trouble(log, `transfers to ${schema}`);
  return repeat(CARRY_INTERVAL_MS, stopping, async () => {
    try {
      const transfers = await carry();
      trouble.fine();
      metrics.carriedTransfers.inc({ schema }, transfers);
      return transfers > 0 ? 'more' : 'idle';
    } catch (error) {
      metrics.retries.inc({ schema, routine, kind: 'transient' });
      trouble.failed(error);
      return 'idle';
    }
  });
}
