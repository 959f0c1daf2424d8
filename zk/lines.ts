import type { SkuEdits } from './edits.ts';
import type { KeeperLog } from './figures.ts';
import type { SkuFacts } from './grants.ts';

/**
 * Units that come back go to the shoppers who wait, in the database and at once. What operators say in
 * ZooKeeper holds for that as well: the leading keeper tells the database for which SKUs it may.
 */

/** Said again this often: an older leader may have spoken last, or the database is another one. */
const REPEAT_MS = 5_000;

export type SetLines = (open: readonly string[], closed: readonly string[]) => Promise<unknown>;

/** Not for a SKU that operators have closed, nor while orders hold more than the target. Pure. */
export function isLineOpen(edits: SkuEdits, { held, target }: SkuFacts): boolean {
  return edits.state.value !== 'closed' && held <= target;
}

export class Lines {
  readonly #setLines: SetLines;
  readonly #log: KeeperLog;
  #said = '';
  #saidAtMs = 0;
  #isSaying = false;

  constructor(setLines: SetLines, log: KeeperLog) {
    this.#setLines = setLines;
    this.#log = log;
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
      await this.#setLines(open, closed);
      this.#said = words;
      this.#saidAtMs = performance.now();
    } catch (error) {
      this.#log.warn({ err: error }, 'the database was not told which lines are open');
    }
    this.#isSaying = false;
  }
}
