import type { Schema } from '../contracts/names.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { repeat, Trouble } from './periodic.ts';

/** A late payment waits for it, and so does a SKU whose mover has died. */
const CARRY_INTERVAL_MS = 200;

export interface CarryOptions {
  /** Whose post is carried: from the other server to its own. */
  readonly schema: Schema;
  /** Brings what waits to the server of `schema`; answers how many pieces. */
  readonly carry: () => Promise<number>;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
  readonly stopping: AbortSignal;
}

/** Carries post between two servers; every worker does it, and each piece is applied once. */
export function carryPost(options: CarryOptions): Promise<void> {
  const { schema, carry, log, metrics, stopping } = options;
  const routine = 'apply_transfers';
  const trouble = new Trouble(log, `post for ${schema}`);
  return repeat(CARRY_INTERVAL_MS, stopping, async () => {
    try {
      const pieces = await carry();
      trouble.fine();
      metrics.carriedPost.inc({ schema }, pieces);
      return pieces > 0 ? 'more' : 'idle';
    } catch (error) {
      metrics.retries.inc({ schema, routine, kind: 'transient' });
      trouble.failed(error);
      return 'idle';
    }
  });
}
