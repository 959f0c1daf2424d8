import type { SkuEdits } from './edits/settings.ts';
import type { KeeperLog } from './figures.ts';
import type { SkuFacts } from './grants/plan.ts';

/**
 * Units that come back go to the shoppers who wait, in the database and at once. What operators say in
 * ZooKeeper holds for that as well: the leading keeper tells the database for which SKUs it may.
 */

/** Said again this often: a call of an older leader may have come last, or the database is another one. */
const REPEAT_MS = 5_000;

export type SetWaitlists = (open: readonly string[], closed: readonly string[]) => Promise<unknown>;

/** Not for a SKU that operators have closed, nor while orders hold more than the target. Pure. */
export function isWaitlistOpen(edits: SkuEdits, { held, target }: SkuFacts): boolean {
  return edits.state.value !== 'closed' && held <= target;
}

export class Waitlists {
  readonly #setWaitlists: SetWaitlists;
  readonly #log: KeeperLog;
  readonly #isLeading: () => Promise<boolean>;
  #applied = '';
  #appliedAtMs = 0;
  #isApplying = false;

  /**
   * @param isLeading asked before anything is said: no transaction in ZooKeeper stops a leader here
   *   that was deposed while it slept
   */
  constructor(setWaitlists: SetWaitlists, log: KeeperLog, isLeading: () => Promise<boolean>) {
    this.#setWaitlists = setWaitlists;
    this.#log = log;
    this.#isLeading = isLeading;
  }

  /** Beside the looks, which wait for nothing here. */
  async apply(waitlists: ReadonlyMap<string, boolean>): Promise<void> {
    const named = (isOpen: boolean) =>
      [...waitlists].filter(([, open]) => open === isOpen).map(([sku]) => sku);
    const [open, closed] = [named(true), named(false)];
    const wanted = JSON.stringify([open, closed]);
    const isNew = wanted !== this.#applied || performance.now() - this.#appliedAtMs > REPEAT_MS;
    if (!isNew || this.#isApplying || waitlists.size === 0) return;
    this.#isApplying = true;
    try {
      if (await this.#isLeading()) {
        await this.#setWaitlists(open, closed);
        this.#applied = wanted;
        this.#appliedAtMs = performance.now();
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'the database was not told which waitlists are open');
    }
    this.#isApplying = false;
  }
}
