import type { SkuEdits } from './edits/sku.ts';
import type { KeeperLog } from './figures.ts';
import type { SkuFacts } from './grants/plan.ts';

/**
 * The database gives returned units to the waitlist at once. Operators' edits in ZooKeeper apply
 * there too, so the leading keeper tells the database which waitlists are open.
 */

/**
 * Interval at which an unchanged state is sent again, because a late call of an older leader may
 * have overwritten it, or the database may have been replaced.
 */
const REPEAT_MS = 5_000;

export type SetWaitlists = (open: readonly string[], closed: readonly string[]) => Promise<unknown>;

/**
 * The waitlist is closed while operators have closed the SKU or turned its waitlist off, or orders hold
 * more than the target.
 * Pure.
 */
export function isWaitlistOpen(edits: SkuEdits, { held, target }: SkuFacts): boolean {
  const isWanted = edits.state.value !== 'closed' && edits.waitlist.value !== 'off';
  return isWanted && held <= target;
}

export class Waitlists {
  readonly #setWaitlists: SetWaitlists;
  readonly #log: KeeperLog;
  readonly #isLeading: () => Promise<boolean>;
  #applied = '';
  #appliedAtMs = 0;
  #isApplying = false;

  /**
   * @param isLeading asked before each call to the database, because no ZooKeeper transaction stops
   *   a leader here that was deposed while it slept
   */
  constructor(setWaitlists: SetWaitlists, log: KeeperLog, isLeading: () => Promise<boolean>) {
    this.#setWaitlists = setWaitlists;
    this.#log = log;
    this.#isLeading = isLeading;
  }

  /**
   * Sends the state to the database when it changed or is due again. Never rejects; the looks do
   * not wait for it.
   */
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
      this.#log.warn({ err: error }, 'the open waitlists could not be written to the database');
    }
    this.#isApplying = false;
  }
}
