import type { Home } from '../contracts/homes.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';

const EXPIRE_INTERVAL_MS = 1_000;
/** Orders per transaction. */
const EXPIRE_ORDERS_MAX = 500;

export interface ExpireOptions {
  readonly schema: Home;
  /** Expires at most `ordersMax` overdue unpaid orders; returns how many. */
  readonly expireOrders: (ordersMax: number) => Promise<number>;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
  readonly stopping: AbortSignal;
}

/**
 * Expires unpaid orders whose time to pay is over, which frees their units. All workers may do this
 * at once, because the routine skips orders that another worker is expiring.
 */
export function expireOverdueOrders(options: ExpireOptions): Promise<void> {
  const { schema, expireOrders, log, metrics, stopping } = options;
  const routine = 'expire_orders';
  const trouble = new Trouble(log, `expiry of ${schema} orders`);
  return repeat(EXPIRE_INTERVAL_MS, stopping, async () => {
    const stop = metrics.procedureSeconds.startTimer({ schema, routine });
    try {
      const expired = await expireOrders(EXPIRE_ORDERS_MAX);
      stop();
      trouble.fine();
      metrics.expiredOrders.inc({ schema }, expired);
      return expired === EXPIRE_ORDERS_MAX ? 'more' : 'idle';
    } catch (error) {
      metrics.retries.inc({ schema, routine, kind: 'transient' });
      trouble.failed(error);
      return 'idle';
    }
  });
}
