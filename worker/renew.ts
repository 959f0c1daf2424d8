import type { Home } from '../contracts/homes.ts';
import type { Log } from '../process/log.ts';
import type { WorkerMetrics } from './metrics.ts';
import { kindOfFailure } from './retry.ts';

/** The slots of a SKU may be renewed after this many calls of this worker. Each call makes a version of a slot or more. */
export const CALLS_BETWEEN = 2_000;
/** With fewer dead rows of slots, no snapshot is held: PostgreSQL removes old versions in passing. */
export const DEAD_ROWS_MIN = 2_000;
const ROUTINE = 'renew_slots';

export interface RenewOptions {
  readonly schema: Home;
  /** Replaces the slots if there are enough dead rows; returns how many slots were replaced. */
  readonly renewSlots: (sku: string, deadMin: number) => Promise<number>;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
}

/**
 * Renews the slots of the SKUs that are sold, as long as an open transaction holds a snapshot. The old versions of
 * slots cannot be removed then, and each call would pass all of them.
 */
export class SlotRenewal {
  readonly #options: RenewOptions;
  /** Calls of each SKU since its slots were to be renewed. */
  readonly #calls = new Map<string, number>();

  constructor(options: RenewOptions) {
    this.#options = options;
  }

  /** Notes a call of the SKU. Nothing waits for the renewal, and a failed one is made up for by the next one. */
  called(sku: string): void {
    const calls = (this.#calls.get(sku) ?? 0) + 1;
    if (calls < CALLS_BETWEEN) this.#calls.set(sku, calls);
    else {
      this.#calls.delete(sku);
      void this.#renew(sku);
    }
  }

  async #renew(sku: string): Promise<void> {
    const { schema, renewSlots, log, metrics } = this.#options;
    const stop = metrics.procedureSeconds.startTimer({ schema, routine: ROUTINE });
    try {
      const slots = await renewSlots(sku, DEAD_ROWS_MIN);
      stop();
      if (slots > 0) log.info({ sku, slots }, 'a snapshot is held: the slots are renewed');
    } catch (error) {
      metrics.retries.inc({ schema, routine: ROUTINE, kind: kindOfFailure(error) });
    }
  }
}
