import type { SkuEdits } from './edits/settings.ts';
import type { KeeperLog } from './figures.ts';
import type { SkuFacts } from './grants/plan.ts';

/**
 * Units that come back go to the shoppers who wait, in the database and at once. What operators say in
 * ZooKeeper holds for that as well: the leading keeper tells the database for which SKUs it may.
 */

/** Said again this often: a call of an older leader may have come last, or the database is another one. */
const REPEAT_MS = 5_000;

export type SetLines = (open: readonly string[], closed: readonly string[]) => Promise<unknown>;

/** Not for a SKU that operators have closed, nor while orders hold more than the target. Pure. */
export function isLineOpen(edits: SkuEdits, { held, target }: SkuFacts): boolean {
  return edits.state.value !== 'closed' && held <= target;
}

export class Lines {
  readonly #setLines: SetLines;
  readonly #log: KeeperLog;
  readonly #isLeading: () => Promise<boolean>;
  #said = '';
  #saidAtMs = 0;
  #isSaying = false;

  /**
   * @param isLeading asked before anything is said: no transaction in ZooKeeper stops a leader here
   *   that was deposed while it slept
   */
  constructor(setLines: SetLines, log: KeeperLog, isLeading: () => Promise<boolean>) {
    this.#setLines = setLines;
    this.#log = log;
    this.#isLeading = isLeading;
  }

  /** Beside the looks, which wait for nothing here. */
  async tell(lines: ReadonlyMap<string, boolean>): Promise<void> {
    const named = (isOpen: boolean) =>
      [...lines].filter(([, open]) => open === isOpen).map(([sku]) => sku);
    const [open, closed] = [named(true), named(false)];
    const words = JSON.stringify([open, closed]);
    const isNews = words !== this.#said || performance.now() - this.#saidAtMs > REPEAT_MS;
    if (!isNews || this.#isSaying || lines.size === 0) return;
    this.#isSaying = true;
    try {
      if (await this.#isLeading()) {
        await this.#setLines(open, closed);
        this.#said = words;
        this.#saidAtMs = performance.now();
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'the database was not told which lines are open');
    }
    this.#isSaying = false;
  }
}
